/** One question, its pictures, and the answers given to it. */
import { Problem } from '../api/problem';
import type { AnswerEvent, FinishReason, Timings, Usage } from '../api/types';
import { judge, pieces, type Judged, type Piece } from '../answer/trust';
import type { DeskPicture } from './picture.svelte';

export type Phase =
	| { kind: 'sending' }
	| { kind: 'asking' }
	| { kind: 'queued'; position: number }
	| { kind: 'reading'; picture: number; of: number }
	| { kind: 'prefill'; done: number; total: number }
	| { kind: 'writing' }
	| { kind: 'done'; reason: FinishReason; usage?: Usage; timings?: Timings }
	| { kind: 'failed'; problem: Problem };

let made = 0;

export class Answer {
	readonly key = `answer-${++made}`;
	text = $state('');
	phase = $state.raw<Phase>({ kind: 'sending' });
	/** Which tokens stand behind which part of the text. */
	pieces = $state.raw<Piece[]>([]);
	/** The pictures of the request in the order they were sent: what "picture 2 of 3" counts. */
	sentPictures = $state.raw<(DeskPicture | undefined)[]>([]);

	constructor(text = '', pieces: Piece[] = [], phase: Phase = { kind: 'sending' }) {
		this.text = text;
		this.pieces = pieces;
		this.phase = phase;
	}

	get isOver(): boolean {
		return this.phase.kind === 'done' || this.phase.kind === 'failed';
	}

	/** The strings to compare with the picture. */
	get judged(): Judged[] {
		return judge(this.text, this.pieces);
	}

	/** The picture being read now. */
	get reading(): DeskPicture | undefined {
		return this.phase.kind === 'reading' ? this.sentPictures[this.phase.picture - 1] : undefined;
	}

	take(event: AnswerEvent): void {
		switch (event.type) {
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
				this.pieces = this.pieces.concat(pieces(event.text, event.tokens, this.text.length));
				this.text += event.text;
				this.phase = { kind: 'writing' };
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
}

export class Round {
	readonly key = `round-${++made}`;
	readonly question: string;
	readonly pictures: DeskPicture[];
	answers = $state.raw<Answer[]>([]);
	shown = $state(0);

	constructor(question: string, pictures: DeskPicture[]) {
		this.question = question;
		this.pictures = pictures;
	}

	get answer(): Answer | undefined {
		return this.answers[this.shown];
	}

	/** A new answer beside the earlier ones; a failed one is replaced. */
	begin(): Answer {
		const answer = new Answer();
		this.answers = [
			...this.answers.filter((a) => a.phase.kind !== 'failed' || a.text !== ''),
			answer
		];
		this.shown = this.answers.length - 1;
		return answer;
	}
}
