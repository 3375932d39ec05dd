/**
 * The rounds about the same pictures, and the one answer that may be under way.
 *
 * Speaks to the server through the two functions handed in; knows no components.
 */
import { askQuestion } from '../api/client';
import { asProblem, Problem } from '../api/problem';
import type { AnswerRequest, AnswerSettings } from '../api/types';
import { messages, pictureOrder, type Memory, type Said } from '../answer/history';
import type { DeskPicture } from './picture.svelte';
import { Round, type Answer } from './round.svelte';

/** What the panel says when a question is sent. */
export interface Manner {
	role: string;
	memory: Memory;
	settings: AnswerSettings;
}

/** A number for sampling; the same one gives the same answer. */
const anySeed = () => Math.floor(Math.random() * 2 ** 31);

export class Conversation {
	rounds = $state.raw<Round[]>([]);
	#running = $state.raw<{ answer: Answer; control: AbortController }>();
	readonly #ask: typeof askQuestion;

	constructor(ask: typeof askQuestion = askQuestion) {
		this.#ask = ask;
	}

	get isAnswering(): boolean {
		return this.#running !== undefined;
	}

	get last(): Round | undefined {
		return this.rounds.at(-1);
	}

	/** Every picture of the conversation, in the order it came. */
	get pictures(): DeskPicture[] {
		return this.rounds.flatMap((round) => round.pictures);
	}

	/** The picture that is being read now. */
	get reading(): DeskPicture | undefined {
		return this.#running?.answer.reading;
	}

	/** Asks about the pictures so far and those added now. Resolves when the answer is over. */
	ask(question: string, pictures: DeskPicture[], manner: Manner): Promise<void> {
		if (this.isAnswering) return Promise.resolve();
		const round = new Round(question, pictures);
		this.rounds = [...this.rounds, round];
		return this.#answer(round, manner);
	}

	/** Answers the last question once more. */
	again(manner: Manner): Promise<void> {
		const round = this.last;
		if (this.isAnswering || !round) return Promise.resolve();
		const isFirst = round.answer === undefined || round.answer.phase.kind === 'failed';
		const settings = isFirst ? manner.settings : { ...manner.settings, seed: anySeed() };
		return this.#answer(round, { ...manner, settings });
	}

	/** Keeps what has been said and stops. */
	stop(): void {
		this.#running?.control.abort();
	}

	/** Clears the desk; returns how to bring everything back. */
	clear(): () => void {
		this.stop();
		const rounds = this.rounds;
		this.rounds = [];
		return () => {
			// What was asked since then stays as well.
			this.rounds = [...rounds, ...this.rounds];
		};
	}

	async #answer(round: Round, manner: Manner): Promise<void> {
		const earlier = this.rounds.slice(0, this.rounds.indexOf(round));
		const answer = round.begin();
		const control = new AbortController();
		this.#running = { answer, control };
		try {
			await this.#attempt(answer, earlier, round, manner, control.signal);
		} catch (error) {
			answer.phase = control.signal.aborted
				? { kind: 'done', reason: 'cancelled' }
				: { kind: 'failed', problem: asProblem(error) };
		} finally {
			if (this.#running?.answer === answer) this.#running = undefined;
		}
	}

	/** Asks; when the server no longer knows a picture (it was restarted), gives it again and asks once more.
	 * The server names one such picture at a time. */
	async #attempt(
		answer: Answer,
		earlier: Round[],
		round: Round,
		manner: Manner,
		signal: AbortSignal
	): Promise<void> {
		const pictures = [...earlier, round].flatMap((r) => r.pictures);
		const once = async () => {
			const question = await unless(signal, request(earlier, round, manner));
			const order = pictureOrder(question.messages);
			answer.sentPictures = order.map((id) => pictures.find((picture) => picture.id === id));
			await this.#stream(answer, question, signal);
		};
		for (let left = pictures.length; ; left--) {
			try {
				return await once();
			} catch (error) {
				const isUnknown = error instanceof Problem && error.code === 'picture_unknown';
				if (!isUnknown || left === 0) throw error;
				pictures.forEach((picture) => picture.forgotten(error));
				answer.phase = { kind: 'sending' };
			}
		}
	}

	async #stream(answer: Answer, question: AnswerRequest, signal: AbortSignal): Promise<void> {
		answer.phase = { kind: 'asking' };
		for await (const event of this.#ask(question, signal)) {
			signal.throwIfAborted();
			answer.take(event);
			if (answer.isOver) return;
		}
		throw new Problem('cut_short');
	}
}

/** The same promise, unless the signal comes first. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
	const stopped = new Promise<never>((_, reject) => {
		signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
	});
	return Promise.race([promise, stopped]);
}

/** Pictures of earlier questions that are gone are left out, unless no other picture is there to ask about. */
async function request(earlier: Round[], round: Round, manner: Manner): Promise<AnswerRequest> {
	const pictures = [...earlier, round].flatMap((r) => r.pictures);
	const lost = pictures.at(-1)?.gone;
	if (lost && pictures.every((picture) => picture.gone)) throw lost;
	const ids = (of: DeskPicture[]) => Promise.all(of.map((picture) => picture.ready()));
	const said = await Promise.all(
		earlier.map(async (r): Promise<Said> => ({
			question: r.question,
			pictures: await ids(r.pictures.filter((picture) => !picture.gone)),
			answer: r.answer?.text ?? ''
		}))
	);
	const now = { question: round.question, pictures: await ids(round.pictures) };
	return { messages: messages(manner.role, said, now, manner.memory), settings: manner.settings };
}
