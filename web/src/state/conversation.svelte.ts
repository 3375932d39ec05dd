/**
 * A chain of rounds about one customer's matter, as the server keeps it, and the one answer that may be
 * under way. The first question creates it there.
 *
 * Speaks to the server through the functions handed in; knows no components.
 */
import * as api from '../api/conversations';
import type { Change } from '../api/conversations';
import { asProblem, Problem } from '../api/problem';
import type {
	Asked,
	RoundEvent,
	RoundRequest,
	Summary,
	Verdict,
	WholeConversation
} from '../api/types';
import type { Answer } from './answer.svelte';
import type { Draft } from './draft.svelte';
import type { DeskPicture } from './picture.svelte';
import { Round } from './round.svelte';

/** What the settings say when a question is sent. */
export type Manner = Pick<RoundRequest, 'role' | 'settings' | 'remember'>;

export type Records = Pick<
	typeof api,
	| 'createConversation'
	| 'readConversation'
	| 'changeConversation'
	| 'askRound'
	| 'answerAgain'
	| 'stopAnswer'
>;

/** How long the server gets to end an answer that is stopped. */
const stopMs = 1000;

/** The server has gone on without this page. */
const staleCodes: ReadonlySet<string> = new Set([
	'round_not_newest',
	'round_unknown',
	'answer_running'
]);

interface Running {
	answer: Answer;
	control: AbortController;
	isStopping: boolean;
}

/** A number for sampling; the same one gives the same answer. */
const anySeed = () => Math.floor(Math.random() * 2 ** 31);

let made = 0;

export class Conversation {
	readonly key = `conversation-${++made}`;
	readonly draft: Draft;
	/** Nothing until the first question is asked. */
	id = $state<string>();
	title = $state('');
	customer = $state<string | null>(null);
	verdict = $state<Verdict | null>(null);
	pinned = $state(false);
	follows = $state<string | null>(null);
	followedBy = $state.raw<string[]>([]);
	createdAt = Date.now();
	/** When something was last said in it, as far as it was read here. */
	readUntil = 0;
	rounds = $state.raw<Round[]>([]);
	/** Its rounds are still on their way from the server. */
	isLoading = $state(false);
	/** Why it could not be read. */
	problem = $state.raw<Problem>();
	/** Called when the server has stored a question. */
	onAsked: (asked: Asked) => void = () => undefined;
	/** Called when somebody else has changed what was to be answered; it has been read again. */
	onBehind: (problem: Problem) => void = () => undefined;
	#running = $state.raw<Running>();
	/** Goes up as an answer begins and ends here: what was read from the server before is older than that. */
	#turn = 0;
	readonly #records: Records;

	constructor(draft: Draft, records: Records = api) {
		this.draft = draft;
		this.#records = records;
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

	/** The picture that is being read now: the model is given them in the order they came. */
	get reading(): DeskPicture | undefined {
		const phase = this.#running?.answer.phase;
		if (phase?.kind !== 'reading') return undefined;
		const dropped = this.#running?.answer.dropped.dropped_pictures ?? [];
		const sent = this.pictures.filter(({ id }) => !dropped.includes(id ?? ''));
		return sent.length === phase.of
			? sent[phase.picture - 1]
			: sent.at(phase.picture - 1 - phase.of);
	}

	/** Somebody else is being answered here; what is said can be fetched again. */
	get isAnsweredElsewhere(): boolean {
		const isElsewhere = ({ answers }: Round) => answers.at(-1)?.phase.kind === 'elsewhere';
		return !this.isAnswering && this.rounds.some(isElsewhere);
	}

	/** Asks about the pictures so far and those added now. Resolves when the answer is over. */
	ask(question: string, pictures: DeskPicture[], manner: Manner, replaces?: Round): Promise<void> {
		if (this.isAnswering) return Promise.resolve();
		const rounds = this.#withReplaced();
		const at = replaces ? rounds.indexOf(replaces) : rounds.length;
		const round = new Round(question, pictures);
		round.replaced = rounds.slice(at);
		this.rounds = [...rounds.slice(0, at), round];
		this.draft.send(round, replaces ? [] : pictures);
		return this.#answer(round, manner);
	}

	/** Answers the last question once more; the same answer is not wanted where one is there. */
	again(manner: Manner): Promise<void> {
		const round = this.last;
		if (this.isAnswering || !round) return Promise.resolve();
		const isAnotherWanted = round.answer !== undefined && !round.answer.isBroken;
		return this.#answer(round, manner, isAnotherWanted ? { seed: anySeed() } : {});
	}

	/** Takes back a question the server has not stored; returns it. What it replaced is there again. */
	takeBack(round: Round): Round | undefined {
		if (this.isAnswering || round.id !== undefined || !this.rounds.includes(round))
			return undefined;
		this.rounds = this.rounds.flatMap((one) => (one === round ? round.replaced : [one]));
		this.draft.settle(round);
		return round;
	}

	/** Keeps what has been said and stops. The server is told: a page that just leaves is no such word. */
	stop(): void {
		const running = this.#running;
		if (!running || running.isStopping) return;
		running.isStopping = true;
		const { answer, control } = running;
		// Nobody has been asked yet.
		if (answer.phase.kind === 'sending') return control.abort();
		setTimeout(() => control.abort(), stopMs);
		this.#tellToStop(running);
	}

	/** As soon as it is known which answer that is. */
	#tellToStop({ answer, control, isStopping }: Running): void {
		if (!isStopping || answer.id === undefined) return;
		this.#records.stopAnswer(answer.id).catch(() => control.abort());
	}

	/** Reads it from the server; what is under way here is left alone. */
	async refresh(): Promise<void> {
		// A question on its way may or may not be in what is read.
		if (this.id === undefined || (this.#running && !this.#heard)) return;
		const turn = this.#turn;
		this.isLoading = this.rounds.length === 0;
		try {
			const whole = await this.#records.readConversation(this.id);
			if (this.#turn !== turn) return await this.refresh();
			const heard = this.#heard;
			const isThere = ({ answers }: { answers: { id: string }[] }) =>
				answers.some(({ id }) => id === heard?.id);
			// Somebody else has taken the question away: it goes when its answer is over.
			if (!heard || whole.rounds.some(isThere)) this.adopt(whole, heard);
			this.problem = undefined;
		} catch (error) {
			this.problem = asProblem(error);
		} finally {
			this.isLoading = false;
		}
	}

	/** The answer that comes word by word, to a question the server has. */
	get #heard(): Answer | undefined {
		const answer = this.#running?.answer;
		return answer?.id === undefined ? undefined : answer;
	}

	/** Whether somebody else has asked, or asked again, since this page has read it. */
	#isBehind(round: Round, { remembered_rounds, dropped_rounds }: Asked): boolean {
		const before = this.rounds.slice(0, this.rounds.indexOf(round));
		const isAnswered = ({ id, answers }: Round) =>
			id !== undefined && answers.some(({ text }) => text !== '');
		return before.filter(isAnswered).length !== remembered_rounds + dropped_rounds;
	}

	/**
	 * Takes what the server has kept. Questions of this page that never arrived stay where they are, and so
	 * does `heard`, an answer that is coming.
	 */
	adopt(whole: WholeConversation, heard?: Answer): void {
		this.note(whole);
		this.readUntil = whole.updated_at;
		this.followedBy = whole.followed_by;
		const here = this.rounds.flatMap((round) => [round, ...round.replaced]);
		const byId = new Map(here.map((round) => [round.id, round]));
		const unstored = here.filter(({ id }) => id === undefined);
		const stored = whole.rounds.map((one) => {
			const known = byId.get(one.id) ?? unstored.find((round) => round.isPerhaps(one));
			if (known && known.id === undefined) this.#arrived(known);
			known?.adopt(one, heard);
			return known ?? Round.fromStored(one);
		});
		const rounds = this.rounds
			.filter(({ id }) => id === undefined)
			.reduce((rounds, round) => this.#withUnstored(rounds, round), stored);
		const isSame =
			rounds.length === this.rounds.length && rounds.every((one, at) => one === this.rounds[at]);
		if (!isSame) this.rounds = rounds;
	}

	/** Where a question the server does not have belongs among those it has. */
	#withUnstored(rounds: Round[], round: Round): Round[] {
		const [first] = round.replaced.filter(({ id }) => id !== undefined);
		const from = rounds.findIndex(({ id }) => id === first?.id);
		if (first && from >= 0) {
			const others = round.replaced.filter(({ id }) => id === undefined);
			round.replaced = [...rounds.slice(from), ...others];
			return [...rounds.slice(0, from), round];
		}
		round.replaced = [];
		if (round === this.last) return [...rounds, round];
		const before = this.rounds.slice(0, this.rounds.indexOf(round));
		const at = rounds.findLastIndex((one) => before.includes(one));
		return rounds.toSpliced(at + 1, 0, round);
	}

	/** What a question that never arrived would have replaced is there again: it is left behind. */
	#withReplaced(): Round[] {
		return this.rounds.flatMap((round) => {
			const { id, replaced } = round;
			if (id !== undefined || replaced.length === 0) return [round];
			round.replaced = [];
			return [...replaced, round];
		});
	}

	/** The server has it. */
	#arrived(round: Round): void {
		round.replaced = [];
		this.draft.settle(round);
	}

	/** Takes what the list knows of it. */
	note(
		known: Pick<
			Summary,
			'id' | 'title' | 'customer' | 'verdict' | 'pinned' | 'follows' | 'created_at'
		>
	): void {
		this.id = known.id;
		this.title = known.title;
		this.customer = known.customer;
		this.verdict = known.verdict;
		this.pinned = known.pinned;
		this.follows = known.follows;
		this.createdAt = known.created_at;
	}

	/** Changes its title, customer, verdict or pin, shown at once; put back, and thrown, where the server refuses. */
	async change(change: Change): Promise<void> {
		const { title, customer, verdict, pinned } = this;
		const before: Change = { title, customer, verdict, pinned };
		const names = Object.keys(change) as (keyof Change)[];
		Object.assign(this, change);
		if (this.id === undefined) return;
		try {
			await this.#records.changeConversation(this.id, change);
		} catch (error) {
			// Only this change, and only where no later one has come.
			const still = names.filter((name) => this[name] === change[name]);
			Object.assign(this, Object.fromEntries(still.map((name) => [name, before[name]])));
			throw error;
		}
	}

	async #answer(round: Round, manner: Manner, more: { seed?: number } = {}): Promise<void> {
		const answer = round.begin();
		const control = new AbortController();
		const running = { answer, control, isStopping: false };
		let behind: Problem | undefined;
		this.#turn++;
		this.#running = running;
		try {
			await this.#attempt(round, answer, manner, more, control.signal);
		} catch (error) {
			if (control.signal.aborted) answer.phase = { kind: 'done', reason: 'cancelled' };
			else answer.fail(error);
			behind = error instanceof Problem && staleCodes.has(error.code) ? error : undefined;
		} finally {
			if (this.#running?.answer === answer) this.#running = undefined;
			this.#turn++;
		}
		// Stopped before the server said whether it had stored the question: it knows.
		if (control.signal.aborted && round.id === undefined) await this.refresh();
		if (!behind) return;
		await this.refresh();
		// Where the answer that failed is still there, it says why.
		if (!this.rounds.includes(round) || round.answer !== answer) this.onBehind(behind);
	}

	/** When the server no longer knows a picture (it was restarted), gives it again and asks once more. The
	 * server names one such picture at a time. */
	async #attempt(
		round: Round,
		answer: Answer,
		manner: Manner,
		more: { seed?: number },
		signal: AbortSignal
	): Promise<void> {
		if (await this.#hasArrived(round, answer, signal)) return;
		for (let left = round.pictures.length; ; left--) {
			if (round.id !== undefined) answer.phase = { kind: 'asking' };
			try {
				const events =
					round.id === undefined
						? await unless(signal, this.#first(round, answer, manner, signal))
						: this.#records.answerAgain(round.id, more, signal);
				return await this.#listen(round, answer, events, signal);
			} catch (error) {
				// The connection broke in the middle: the question is there.
				if (error instanceof TypeError && answer.id !== undefined) throw new Problem('cut_short');
				// What it refuses it has not stored.
				if (error instanceof Problem && error.isRefusal) {
					round.sentAfter = undefined;
					this.draft.isBack(round);
				}
				const isUnknown = error instanceof Problem && error.code === 'picture_unknown';
				if (!isUnknown || left === 0 || round.id !== undefined) throw error;
				round.pictures.forEach((picture) => picture.forgotten(error));
				answer.phase = { kind: 'sending' };
			}
		}
	}

	/**
	 * Whether a question whose reply was lost had reached the server after all, and has its answer there or
	 * is getting it. Where only the question is there, `answer` becomes the next one to it.
	 */
	async #hasArrived(round: Round, answer: Answer, signal: AbortSignal): Promise<boolean> {
		if (round.id !== undefined || !round.sentAfter || this.id === undefined) return false;
		answer.phase = { kind: 'asking' };
		const whole = await unless(signal, this.#records.readConversation(this.id));
		this.adopt(whole);
		if (round.id === undefined) return false;
		if (round.answer && !round.answer.isBroken) return true;
		round.takeOn(answer);
		return false;
	}

	/** Sends what the question needs, then asks. */
	async #first(round: Round, answer: Answer, manner: Manner, signal: AbortSignal) {
		const pictures = await Promise.all(round.pictures.map((picture) => picture.ready()));
		signal.throwIfAborted();
		const id = await this.#created();
		// Stopped meanwhile: the answer must not begin to wait again.
		signal.throwIfAborted();
		const replaces = round.replaced.find((one) => one.id !== undefined)?.id;
		answer.phase = { kind: 'asking' };
		const known = this.rounds.flatMap((one) => [one, ...one.replaced]);
		const after = known.flatMap((one) => one.id ?? []);
		round.sentAfter = new Set(after);
		const { question } = round;
		this.draft.leaves(round, { conversation: id, question, pictures, after });
		const asked: RoundRequest = {
			question: round.question,
			pictures,
			...manner,
			...(replaces === undefined ? {} : { replaces })
		};
		return this.#records.askRound(id, asked, signal);
	}

	async #created(): Promise<string> {
		if (this.id !== undefined) return this.id;
		const { customer, follows } = this;
		const whole = await this.#records.createConversation({
			...(customer === null ? {} : { customer }),
			...(follows === null ? {} : { follows })
		});
		this.id = whole.id;
		this.createdAt = whole.created_at;
		return whole.id;
	}

	async #listen(
		round: Round,
		answer: Answer,
		events: AsyncIterable<RoundEvent>,
		signal: AbortSignal
	): Promise<void> {
		for await (const event of events) {
			signal.throwIfAborted();
			answer.take(event);
			if (event.type === 'asked') {
				round.id = event.round;
				this.#arrived(round);
				this.title = event.title;
				this.onAsked(event);
				if (this.#running?.answer === answer) this.#tellToStop(this.#running);
				if (this.#isBehind(round, event)) void this.refresh();
			}
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
