/** Where on the pictures an answer has what it says: asked for, found, pointed at. */
import * as api from '../api/conversations';
import { asProblem, type Problem } from '../api/problem';
import type { Evidence } from '../api/types';
import type { Answer } from './answer.svelte';

type Search = { kind: 'asking' } | { kind: 'none' } | { kind: 'failed'; problem: Problem };

export type EvidenceRecords = Pick<typeof api, 'findEvidence'>;

export class EvidenceDesk {
	/** How the search for an answer's evidence stands. */
	#searches = $state.raw<ReadonlyMap<Answer, Search>>(new Map());
	/** The answer whose boxes a person wants on the pictures. */
	answer = $state.raw<Answer>();
	/** The id of the box a person points at, on the picture or under the answer. */
	pointed = $state<string>();
	readonly #records: EvidenceRecords;

	constructor(records: EvidenceRecords = api) {
		this.#records = records;
	}

	search(answer: Answer): Search | undefined {
		return this.#searches.get(answer);
	}

	async ask(answer: Answer): Promise<void> {
		if (answer.id === undefined || this.search(answer)?.kind === 'asking') return;
		this.#note(answer, { kind: 'asking' });
		try {
			const { evidence } = await this.#records.findEvidence(answer.id);
			answer.evidence = evidence;
			this.answer = answer;
			this.#note(answer, evidence.length === 0 ? { kind: 'none' } : undefined);
		} catch (error) {
			this.#note(answer, { kind: 'failed', problem: asProblem(error) });
		}
	}

	#note(answer: Answer, search: Search | undefined): void {
		const searches = new Map(this.#searches);
		if (search) searches.set(answer, search);
		else searches.delete(answer);
		this.#searches = searches;
	}
}

/** The boxes an answer has on a picture, with the numbers they have under it. */
export function boxesOn(picture: string | undefined, answer: Answer | undefined): Numbered[] {
	return (answer?.evidence ?? [])
		.map((evidence, index) => ({ evidence, number: index + 1 }))
		.filter(({ evidence }) => evidence.picture === picture);
}

export interface Numbered {
	evidence: Evidence;
	number: number;
}
