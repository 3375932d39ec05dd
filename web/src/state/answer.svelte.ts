/** One answer: what has been said, how it stands, and what people and the model said about it since. */
import { asProblem, Problem } from '../api/problem';
import type {
	Asked,
	Evidence,
	Feedback,
	FinishReason,
	Reading,
	RoundEvent,
	StoredAnswer,
	TextMark,
	Timings,
	Usage
} from '../api/types';

/** What an answer that is over has cost, as far as it came and was measured. */
export interface Cost {
	usage?: Usage;
	timings?: Timings;
}

export type Phase =
	| { kind: 'sending' }
	| { kind: 'asking' }
	| { kind: 'queued'; position: number }
	| { kind: 'reading'; picture: number; of: number }
	| { kind: 'prefill'; done: number; total: number }
	| { kind: 'writing' }
	/** Somebody else's page is listening to it. */
	| { kind: 'elsewhere' }
	| ({ kind: 'done'; reason: FinishReason } & Cost)
	/** The program ended while it was answering, or the page that listened was gone. */
	| ({ kind: 'interrupted'; by: 'desk' | 'connection' } & Cost)
	| ({ kind: 'failed'; problem: Problem } & Cost);

/** What the model was not told this time. */
export type Dropped = Pick<Asked, 'dropped_rounds' | 'dropped_pictures'>;

const hopeless: ReadonlySet<string> = new Set(['question_too_long', 'text_too_long']);

let made = 0;

export class Answer {
	readonly key = `answer-${++made}`;
	/** Known once the question is stored. */
	id = $state<string>();
	text = $state('');
	/** Its last words were heard here, and are not on the server. */
	isEndUnkept = $state(false);
	marks = $state.raw<TextMark[]>([]);
	phase = $state.raw<Phase>({ kind: 'sending' });
	/** What the server has of people's feedback, and what of it is on its way there. */
	#feedback = $state.raw<Feedback>({ thumb: null, correction: null });
	#changes = $state.raw<readonly Partial<Feedback>[]>([]);
	evidence = $state.raw<Evidence[]>([]);
	readings = $state.raw<Reading[]>([]);
	dropped = $state.raw<Dropped>({ dropped_rounds: 0, dropped_pictures: [] });

	static fromStored(stored: StoredAnswer): Answer {
		const answer = new Answer();
		answer.adopt(stored);
		return answer;
	}

	/** Takes what the server has kept. */
	adopt(stored: StoredAnswer): void {
		const isShorter = stored.text.length < this.text.length && this.text.startsWith(stored.text);
		this.id = stored.id;
		// What was heard here stays, though the server lost its end.
		this.isEndUnkept = isShorter && stored.state !== 'running';
		this.marks = isShorter ? together(this.marks, stored.marks) : stored.marks;
		if (!isShorter) this.text = stored.text;
		this.#feedback = stored.feedback;
		this.evidence = stored.evidence;
		this.readings = stored.readings;
		this.phase = phaseOf(stored);
	}

	get feedback(): Feedback {
		return Object.assign({}, this.#feedback, ...this.#changes) as Feedback;
	}

	/** Somebody says something of it; the server's word, or that it has none, ends the change. */
	judged(change: Partial<Feedback>): (kept?: Feedback) => void {
		this.#changes = [...this.#changes, change];
		return (kept) => {
			this.#changes = this.#changes.filter((one) => one !== change);
			if (kept) this.#feedback = kept;
		};
	}

	get isOver(): boolean {
		return ['done', 'failed', 'interrupted'].includes(this.phase.kind);
	}

	/** It ended before it was whole: asking again is the next thing to do. */
	get isBroken(): boolean {
		return this.phase.kind === 'failed' || this.phase.kind === 'interrupted';
	}

	/** The question can never be answered as it is, however often it is asked. */
	get isHopeless(): boolean {
		return this.phase.kind === 'failed' && hopeless.has(this.phase.problem.code);
	}

	get isDoubtful(): boolean {
		return this.marks.some(({ certainty }) => certainty === 'doubtful');
	}

	/** A closer look at one of its strings. */
	looked(reading: Reading): void {
		this.readings = [...this.readings, reading];
	}

	take(event: RoundEvent): void {
		switch (event.type) {
			case 'asked':
				this.id = event.answer;
				this.dropped = {
					dropped_rounds: event.dropped_rounds ?? 0,
					dropped_pictures: event.dropped_pictures ?? []
				};
				break;
			case 'queued':
				this.phase = { kind: 'queued', position: event.position };
				break;
			case 'reading':
				this.phase = { kind: 'reading', picture: event.picture, of: event.of };
				break;
			case 'prefill':
				this.phase = { kind: 'prefill', done: event.done, total: event.total };
				break;
			case 'delta':
				this.text += event.text;
				this.phase = { kind: 'writing' };
				break;
			case 'mark':
				this.marks = event.marks;
				break;
			case 'done': {
				const { finish_reason: reason, usage, timings } = event;
				this.phase = { kind: 'done', reason, usage, timings };
				break;
			}
			case 'error': {
				const { code, message, details } = event;
				this.phase = { kind: 'failed', problem: new Problem(code, message, { details }) };
			}
		}
	}

	fail(error: unknown): void {
		this.phase = { kind: 'failed', problem: asProblem(error) };
	}
}

/** Marks of the same words, heard and stored; where they overlap, those heard. */
function together(heard: TextMark[], stored: TextMark[]): TextMark[] {
	const isFree = (mark: TextMark) =>
		heard.every(({ start, end }) => mark.end <= start || mark.start >= end);
	return [...heard, ...stored.filter(isFree)].toSorted((a, b) => a.start - b.start);
}

function phaseOf(stored: StoredAnswer): Phase {
	const { usage, timings, problem } = stored;
	const figures = { ...(usage ? { usage } : {}), ...(timings ? { timings } : {}) };
	switch (stored.state) {
		case 'running':
			return { kind: 'elsewhere' };
		case 'interrupted':
			return { kind: 'interrupted', by: 'desk', ...figures };
		case 'left':
			return { kind: 'interrupted', by: 'connection', ...figures };
		case 'failed':
			return {
				kind: 'failed',
				problem: new Problem(problem?.code ?? 'answer_failed', problem?.message ?? ''),
				...figures
			};
		case 'cancelled':
			return { kind: 'done', reason: 'cancelled', ...figures };
		case 'done':
			return { kind: 'done', reason: stored.finish_reason ?? 'stop', ...figures };
	}
}
