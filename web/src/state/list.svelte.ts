/** The conversations beside the desk: a page at a time, searched and narrowed, kept up with changes. */
import * as api from '../api/conversations';
import { asProblem, type Problem } from '../api/problem';
import type { Summary } from '../api/types';
import { isNarrowed, type Filters } from '../list/filters';

const pageSize = 50;
/** After the last letter of a search. */
const restMs = 200;

export type ListRecords = Pick<typeof api, 'listConversations'>;

export class ConversationList {
	items = $state.raw<Summary[]>([]);
	#query = $state('');
	#filters = $state.raw<Filters>({});
	cursor = $state<string | null>(null);
	/** The first page has come at least once. */
	isKnown = $state(false);
	isLoading = $state(false);
	problem = $state.raw<Problem>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#control: AbortController | undefined;
	readonly #records: ListRecords;

	constructor(records: ListRecords = api) {
		this.#records = records;
	}

	get query(): string {
		return this.#query;
	}

	set query(words: string) {
		this.#query = words;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => void this.refresh(), restMs);
	}

	get filters(): Filters {
		return this.#filters;
	}

	set filters(filters: Filters) {
		if (JSON.stringify(filters) === JSON.stringify(this.#filters)) return;
		this.#filters = filters;
		void this.refresh();
	}

	get isSearching(): boolean {
		return this.#query.trim() !== '';
	}

	/** Neither searched nor narrowed: every conversation belongs here. */
	get isWhole(): boolean {
		return !this.isSearching && !isNarrowed(this.#filters);
	}

	/** Reads the list anew, as long as it was. */
	refresh(): Promise<void> {
		const limit = Math.min(200, Math.max(pageSize, this.items.length));
		return this.#load(undefined, limit);
	}

	/** The next page, when there is one. */
	more(): Promise<void> {
		if (this.cursor === null || this.isLoading) return Promise.resolve();
		return this.#load(this.cursor, pageSize);
	}

	find(id: string): Summary | undefined {
		return this.items.find((item) => item.id === id);
	}

	/** Shows a change at once. */
	change(id: string, change: Partial<Summary>): void {
		this.items = this.items.map((item) => (item.id === id ? { ...item, ...change } : item));
	}

	/** Puts a conversation on the list, or in its place on it. */
	put(summary: Summary): void {
		const isThere = this.items.some(({ id }) => id === summary.id);
		if (isThere) this.change(summary.id, summary);
		else if (this.isWhole) this.items = [summary, ...this.items];
	}

	/** Takes one off; returns how to put it back where it was. */
	remove(id: string): () => void {
		const at = this.items.findIndex((item) => item.id === id);
		const item = this.items[at];
		if (!item) return () => undefined;
		this.items = this.items.toSpliced(at, 1);
		return () => {
			if (!this.find(id)) this.items = this.items.toSpliced(at, 0, item);
		};
	}

	async #load(cursor: string | undefined, limit: number): Promise<void> {
		this.#control?.abort();
		const control = new AbortController();
		this.#control = control;
		this.isLoading = true;
		try {
			const query = this.#query.trim();
			const page = await this.#records.listConversations(
				{
					...this.#filters,
					...(query === '' ? {} : { query }),
					...(cursor === undefined ? {} : { cursor }),
					limit
				},
				control.signal
			);
			if (control.signal.aborted) return;
			const known = new Set(cursor === undefined ? [] : this.items.map(({ id }) => id));
			const fresh = page.conversations.filter(({ id }) => !known.has(id));
			this.items = cursor === undefined ? fresh : [...this.items, ...fresh];
			this.cursor = page.next_cursor;
			this.problem = undefined;
			this.isKnown = true;
		} catch (error) {
			if (!control.signal.aborted) this.problem = asProblem(error);
		} finally {
			if (this.#control === control) this.isLoading = false;
		}
	}
}
