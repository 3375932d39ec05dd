/**
 * A closer look at a string the model was not sure of: where on the picture, then what is read there.
 *
 * The model is asked for the place first; where it cannot tell, or somebody knows better, a person draws it.
 */
import * as api from '../api/conversations';
import { asProblem, Problem } from '../api/problem';
import type { Box, Reading } from '../api/types';
import type { Answer } from './answer.svelte';
import type { DeskPicture } from './picture.svelte';

type Step =
	| { kind: 'drawing'; hint: Problem | undefined }
	| { kind: 'reading'; box: Box | null }
	| { kind: 'failed'; problem: Problem };

/** One string looked at. */
export interface Look {
	answer: Answer;
	/** Where the string starts in the answer. */
	start: number;
	was: string;
	picture: DeskPicture;
}

export type CloserRecords = Pick<typeof api, 'lookCloser'>;

export class Closer {
	look = $state.raw<Look>();
	step = $state.raw<Step>();
	#control: AbortController | undefined;
	readonly #records: CloserRecords;

	constructor(records: CloserRecords = api) {
		this.#records = records;
	}

	/** Whether a person is to draw on this picture now. */
	isDrawnOn(picture: DeskPicture | undefined): boolean {
		return this.step?.kind === 'drawing' && this.look?.picture === picture;
	}

	/** Lets the model say where the string stands. */
	byModel(look: Look): Promise<Reading | undefined> {
		this.look = look;
		return this.#read(null);
	}

	/** Lets a person say it. */
	byHand(look: Look): void {
		this.#control?.abort();
		this.look = look;
		this.step = { kind: 'drawing', hint: undefined };
	}

	/** The person has changed over to another picture while drawing. */
	turnTo(picture: DeskPicture): void {
		if (this.look && this.step?.kind === 'drawing') this.look = { ...this.look, picture };
	}

	drawn(box: Box): Promise<Reading | undefined> {
		return this.#read(box);
	}

	cancel(): void {
		this.#control?.abort();
		this.look = undefined;
		this.step = undefined;
	}

	async #read(box: Box | null): Promise<Reading | undefined> {
		const { look } = this;
		if (look?.answer.id === undefined || look.picture.id === undefined) return undefined;
		this.#control?.abort();
		const control = new AbortController();
		this.#control = control;
		this.step = { kind: 'reading', box };
		try {
			const at = { picture: look.picture.id, box, was: look.was, start: look.start };
			const reading = await this.#records.lookCloser(look.answer.id, at, control.signal);
			look.answer.looked(reading);
			if (!control.signal.aborted) this.cancel();
			return reading;
		} catch (error) {
			if (control.signal.aborted) return undefined;
			const problem = asProblem(error);
			this.step =
				problem.code === 'no_place'
					? { kind: 'drawing', hint: problem }
					: { kind: 'failed', problem };
			return undefined;
		}
	}
}
