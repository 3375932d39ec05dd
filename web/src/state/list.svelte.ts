/** The conversations beside the desk: a page at a time, searched and narrowed, kept up with changes. */
import * as api from '../api/conversations';
import { asProblem, type Problem } from '../api/problem';
import type { Summary } from '../api/types';
import { isNarrowed, type Filters } from '../list/filters';

const pageSize = 50;
const mostAtOnce = 200;
/** After the last letter of a search. */
const restMs = 200;

export type ListRecords = Pick<typeof api, 'listConversations'>;

export class ConversationList {
	items = $state.raw<Summary[]>([]);
	#query = $state('');
	#filters = $state.raw<Filters>({});
	cursor = $state<string | null>(null);
	/** What the group of the filters is called, once the desk has said so. */
	groupLabel = $state<string>();
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
		this.#timer = setTimeout(() => void this.#load(undefined, pageSize), restMs);
	}

	get filters(): Filters {
		return this.#filters;
	}

	set filters(filters: Filters) {
		if (JSON.stringify(filters) === JSON.stringify(this.#filters)) return;
		if (filters.group !== this.#filters.group) this.groupLabel = undefined;
		this.#filters = filters;
		void this.#load(undefined, pageSize);
	}

	get isSearching(): boolean {
		return this.#query.trim() !== '';
	}

	/** Neither searched nor narrowed: every conversation belongs here. */
	get isWhole(): boolean {
		return !this.isSearching && !isNarrowed(this.#filters);
	}

	/** Brings the list up to date; what is further down than one reply reaches stays as it was. */
	refresh(): Promise<void> {
		const limit = Math.min(mostAtOnce, Math.max(pageSize, this.items.length));
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
			if (cursor !== undefined) {
				this.items = [...this.items, ...fresh];
				this.cursor = page.next_cursor;
			} else {
				const isTailKept = limit === mostAtOnce && page.next_cursor !== null;
				const before = new Set(this.items.map(({ id }) => id));
				const come = fresh.filter(({ id }) => !before.has(id)).length;
				const here = new Set(fresh.map(({ id }) => id));
				// What has come has pushed as many out of the reply.
				const tail = isTailKept ? this.items.slice(limit - come) : [];
				this.items = [...fresh, ...tail.filter(({ id }) => !here.has(id))];
				if (tail.length === 0) this.cursor = page.next_cursor;
			}
			this.groupLabel = page.group_label ?? undefined;
			this.problem = undefined;
			this.isKnown = true;
		} catch (error) {
			if (!control.signal.aborted) this.problem = asProblem(error);
		} finally {
			if (this.#control === control) this.isLoading = false;
		}
	}
}
