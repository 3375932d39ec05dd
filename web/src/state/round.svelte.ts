/** One question, its pictures, and the answers given to it. */
import type { StoredRound } from '../api/types';
import { Answer } from './answer.svelte';
import { begun } from './begun';
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
	/** Which rounds were known when it was sent; nothing where the server cannot have it. */
	sentAfter: ReadonlySet<string> | undefined;

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

	/**
	 * Takes what the server has kept of this round, and leaves alone what is the same. `heard` comes to this
	 * page word by word: it is ahead of what is kept.
	 */
	adopt(stored: StoredRound, heard?: Answer): void {
		const { answer } = this;
		const answers = stored.answers.map((one) => {
			const known = this.answers.find(({ id }) => id === one.id);
			if (known !== heard) known?.adopt(one);
			return known ?? Answer.fromStored(one);
		});
		const isHeard = heard !== undefined && this.answers.includes(heard);
		if (isHeard && !answers.includes(heard)) answers.push(heard);
		const isNew = answers.length !== this.answers.length;
		this.id = stored.id;
		this.answers = answers;
		// Somebody may be at the one that is shown.
		const isKept =
			isHeard || (answer?.id !== undefined && begun(`correction:${answer.id}`) !== undefined);
		const at = answer ? answers.indexOf(answer) : -1;
		if (isKept && at >= 0) this.shown = at;
		else if (isNew) this.shown = newestWhole(answers);
	}

	/** Whether the server's may be this one: it was not there when this was sent, and says the same. */
	isPerhaps(stored: StoredRound): boolean {
		if (this.id !== undefined || !this.sentAfter || this.sentAfter.has(stored.id)) return false;
		const isSame = ({ id }: { id: string }, at: number) => this.pictures[at]?.id === id;
		return (
			stored.question === this.question &&
			stored.pictures.length === this.pictures.length &&
			stored.pictures.every(isSame)
		);
	}

	get answer(): Answer | undefined {
		return this.answers[this.shown];
	}

	/** A new answer beside the earlier ones; one that failed before its first word is replaced. */
	begin(): Answer {
		const answer = new Answer();
		this.takeOn(answer);
		return answer;
	}

	/** Shows an answer that comes, beside the earlier ones. */
	takeOn(answer: Answer): void {
		const kept = this.answers.filter((a) => a.phase.kind !== 'failed' || a.text !== '');
		this.answers = [...kept, answer];
		this.shown = this.answers.length - 1;
	}
}

/** The newest answer that was finished; where none was, the newest. */
function newestWhole(answers: Answer[]): number {
	const whole = answers.findLastIndex((answer) => answer.phase.kind === 'done');
	const last = answers.length - 1;
	return answers[last]?.phase.kind === 'elsewhere' || whole < 0 ? Math.max(0, last) : whole;
}
