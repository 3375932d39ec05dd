/** The bin, the log and an import under way: what the records page shows and does. */
import * as api from '../api/records';
import type { AuditEntry, Imported } from '../api/records';
import type { Summary } from '../api/types';
import { asProblem, Problem } from '../api/problem';

export class Bin {
	conversations = $state.raw<Summary[]>([]);
	problem = $state.raw<Problem>();
	isLoaded = $state(false);
	#cursor = $state<string | null>(null);
	readonly #api: typeof api;

	constructor(server: typeof api = api) {
		this.#api = server;
	}

	get hasMore(): boolean {
		return this.#cursor !== null;
	}

	async load(): Promise<void> {
		await this.#page(undefined);
	}

	async more(): Promise<void> {
		if (this.#cursor !== null) await this.#page(this.#cursor);
	}

	/** Throws a `Problem`, as the next. */
	async restore(id: string): Promise<void> {
		await this.#gone(id, this.#api.restoreConversation(id));
	}

	async deleteForGood(id: string): Promise<void> {
		await this.#gone(id, this.#api.deleteForGood(id));
	}

	async #page(cursor: string | undefined): Promise<void> {
		try {
			const page = await this.#api.fetchConversations({
				deleted: true,
				...(cursor === undefined ? {} : { cursor })
			});
			this.conversations =
				cursor === undefined ? page.conversations : [...this.conversations, ...page.conversations];
			this.#cursor = page.next_cursor;
			this.problem = undefined;
			this.isLoaded = true;
		} catch (error) {
			this.problem = asProblem(error);
		}
	}

	async #gone(id: string, done: Promise<unknown>): Promise<void> {
		try {
			await done;
		} catch (error) {
			// Somebody else was quicker: the list is old, and that is all.
			if (!(error instanceof Problem && error.status === 404)) throw error;
		}
		this.conversations = this.conversations.filter((conversation) => conversation.id !== id);
	}
}

export class Audit {
	entries = $state.raw<AuditEntry[]>([]);
	problem = $state.raw<Problem>();
	isLoaded = $state(false);

	async load(): Promise<void> {
		try {
			this.entries = await api.fetchAudit();
			this.problem = undefined;
			this.isLoaded = true;
		} catch (error) {
			this.problem = asProblem(error);
		}
	}
}

export type ImportPhase =
	| { kind: 'idle' }
	| { kind: 'sending'; name: string; share: number }
	| { kind: 'writing'; name: string }
	| { kind: 'done'; result: Imported }
	/** `isSent`: the server had the whole file, and goes on with it. */
	| { kind: 'stopped'; isSent: boolean }
	| { kind: 'failed'; problem: Problem };

export class Importing {
	phase = $state.raw<ImportPhase>({ kind: 'idle' });
	#control: AbortController | undefined;

	get isUnderWay(): boolean {
		return this.phase.kind === 'sending' || this.phase.kind === 'writing';
	}

	/** `limit` in bytes, where the server has told it. */
	async take(file: File, limit: number | undefined): Promise<void> {
		if (this.isUnderWay) return;
		const { name } = file;
		this.phase = { kind: 'sending', name, share: 0 };
		const control = new AbortController();
		this.#control = control;
		try {
			await refuseEarly(file, limit);
			const onProgress = (share: number) => {
				this.phase = share < 1 ? { kind: 'sending', name, share } : { kind: 'writing', name };
			};
			const result = await api.importRecords(file, onProgress, control.signal);
			this.phase = { kind: 'done', result };
		} catch (error) {
			const { kind } = this.phase as ImportPhase;
			this.phase = control.signal.aborted
				? { kind: 'stopped', isSent: kind === 'writing' }
				: { kind: 'failed', problem: asProblem(error) };
		}
	}

	stop(): void {
		this.#control?.abort();
	}
}

/** What can be told from the first characters need not be sent. The server looks at the rest. */
export async function refuseEarly(file: File, limit: number | undefined): Promise<void> {
	if (file.size === 0) throw new Problem('import_empty');
	if (limit !== undefined && file.size > limit) {
		throw new Problem('import_too_large', '', { details: { bytes: file.size, limit } });
	}
	const head = new TextDecoder().decode(await file.slice(0, 64).arrayBuffer()).trimStart();
	if (head.startsWith('{')) return;
	throw new Problem(/\.csv$/i.test(file.name) ? 'import_csv' : 'import_not_json');
}
