/** One question, its pictures, and the answers given to it. */
import type { StoredRound } from '../api/types';
import { Answer } from './answer.svelte';
import { DeskPicture } from './picture.svelte';

let made = 0;

export class Round {
	readonly key = `round-${++made}`;
	/** Known once the question is stored. */
	id = $state<string>();
	readonly question: string;
	readonly pictures: DeskPicture[];
	readonly askedAt: number;
	answers = $state.raw<Answer[]>([]);
	shown = $state(0);
	/** The rounds this one takes the place of, until the server has put it there. */
	replaced: Round[] = [];

	constructor(question: string, pictures: DeskPicture[], askedAt = Date.now()) {
		this.question = question;
		this.pictures = pictures;
		this.askedAt = askedAt;
	}

	static fromStored(stored: StoredRound): Round {
		const round = new Round(
			stored.question,
			stored.pictures.map((picture) => DeskPicture.fromStored(picture)),
			stored.asked_at
		);
		round.id = stored.id;
		round.adopt(stored);
		return round;
	}

	/** Takes what the server has kept of this round, and leaves alone what is the same. */
	adopt(stored: StoredRound): void {
		const before = this.answers.length;
		const answers = stored.answers.map((one) => {
			const known = this.answers.find((answer) => answer.id === one.id);
			known?.adopt(one);
			return known ?? Answer.fromStored(one);
		});
		this.id = stored.id;
		this.answers = answers;
		if (answers.length !== before) this.shown = newestWhole(answers);
	}

	get answer(): Answer | undefined {
		return this.answers[this.shown];
	}

	/** A new answer beside the earlier ones; one that failed before its first word is replaced. */
	begin(): Answer {
		const answer = new Answer();
		const kept = this.answers.filter((a) => a.phase.kind !== 'failed' || a.text !== '');
		this.answers = [...kept, answer];
		this.shown = this.answers.length - 1;
		return answer;
	}
}

/** The newest answer that was finished; where none was, the newest. */
function newestWhole(answers: Answer[]): number {
	const whole = answers.findLastIndex((answer) => answer.phase.kind === 'done');
	const last = answers.length - 1;
	return answers[last]?.phase.kind === 'elsewhere' || whole < 0 ? Math.max(0, last) : whole;
}
