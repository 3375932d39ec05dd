/**
 * The records of the mock as its records page needs them: conversations by title, a bin, customers, a
 * log, export and import.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditEntry, Imported, ListedConversation } from '../src/api/records.ts';
import { bodyOf, isChinese, refuse, reply } from './http.ts';

const hourMs = 3600 * 1000;

interface Kept extends ListedConversation {
	/** Fixtures show to readers of their language; what a test adds shows to everybody. */
	language?: 'en' | 'zh';
}

/** Title, customer, rounds, hours since it was deleted. */
type Fixture = [string, string | null, number, number | null];

const fixtures: Record<'en' | 'zh', Fixture[]> = {
	en: [
		['AX73 router, the WAN light is red', 'Anna Weber', 3, 2],
		['Rice cooker shows E3', null, 1, 9],
		['Which screw is missing?', 'Anna Weber', 2, 21],
		['Is the lid cracked?', 'Anna Weber', 4, null],
		['When was it made?', 'Anna Weber', 2, null]
	],
	zh: [
		['AX73 路由器，WAN 灯是红色', '王芳', 3, 2],
		['电饭煲显示 E3', null, 1, 9],
		['少了哪颗螺丝？', '王芳', 2, 21],
		['盖子裂了吗？', '王芳', 4, null],
		['是哪天生产的？', '王芳', 2, null]
	]
};

export class MockRecordsPage {
	readonly #started = Date.now();
	#kept: Kept[] = (['en', 'zh'] as const).flatMap((language) =>
		fixtures[language].map(([title, customer, rounds, hours]) => ({
			...this.#made(title, customer, rounds),
			deleted_at: hours === null ? null : this.#started - hours * hourMs,
			language
		}))
	);
	#log: AuditEntry[] = [
		['export', '', 'json, 418 conversations', 'ann', 3],
		['retention', '', '12 conversations, 9 pictures', null, 27],
		['delete_customer', '', '2 conversations', 'li', 75],
		['import', '', '96 conversations, 41 pictures', 'ann', 170],
		['empty_bin', '', '1 conversation', null, 171]
	].map(([action, subject, detail, asker, hours]) => ({
		at: this.#started - Number(hours) * hourMs,
		action: String(action),
		subject: String(subject),
		detail: String(detail),
		asker: asker as string | null
	}));

	async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
		const { pathname: path, searchParams: query } = url;
		if (path === '/api/audit') return reply(response, 200, this.#log);
		if (path === '/api/customers') {
			const wanted = (query.get('query') ?? '').toLowerCase();
			const names = this.#kept.flatMap(({ customer }) => customer ?? []);
			return reply(
				response,
				200,
				[...new Set(names)].filter((name) => name.toLowerCase().includes(wanted))
			);
		}
		if (path.startsWith('/api/customers/') && request.method === 'DELETE') {
			return this.#deleteCustomer(decodeURIComponent(path.split('/')[3] ?? ''), response);
		}
		if (path === '/api/export') return this.#export(query, response);
		if (path === '/api/import') return this.#import(await bodyOf(request), response);
		if (path === '/api/conversations' && request.method === 'POST') {
			const { title, customer } = JSON.parse((await bodyOf(request)).toString()) as Partial<Kept>;
			const made: Kept = this.#made(title ?? '', customer ?? null, 0);
			this.#kept.unshift(made);
			return reply(response, 201, made);
		}
		if (path === '/api/conversations') {
			const conversations = this.#list(query, isChinese(request) ? 'zh' : 'en');
			return reply(response, 200, { conversations, next_cursor: null });
		}
		return this.#one(request, response, url);
	}

	#list(query: URLSearchParams, language: 'en' | 'zh'): Kept[] {
		const customer = query.get('customer');
		return this.#kept.filter(
			(kept) =>
				(kept.deleted_at !== null) === (query.get('deleted') === 'true') &&
				(customer === null ? (kept.language ?? language) === language : kept.customer === customer)
		);
	}

	#one(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
		const [, id, act] = /^\/api\/conversations\/([^/]+)(\/restore)?$/.exec(url.pathname) ?? [];
		const found = this.#kept.find((kept) => kept.id === id);
		if (!found) return false;
		if (act) {
			found.deleted_at = null;
			return reply(response, 200, found);
		}
		if (request.method !== 'DELETE') return false;
		if (url.searchParams.get('for_good') === 'true') {
			this.#kept = this.#kept.filter((kept) => kept !== found);
			this.#note('delete_conversation', found.id, '1 conversation');
		} else found.deleted_at = Date.now();
		return reply(response, 204);
	}

	#deleteCustomer(name: string, response: ServerResponse): boolean {
		const gone = this.#kept.filter(({ customer }) => customer === name);
		if (gone.length === 0) return refuse(response, 404, 'customer_unknown');
		this.#kept = this.#kept.filter(({ customer }) => customer !== name);
		this.#note('delete_customer', '', `${gone.length} conversations`);
		return reply(response, 204);
	}

	#export(query: URLSearchParams, response: ServerResponse): boolean {
		const isCsv = query.get('format') === 'csv';
		this.#note('export', '', `${isCsv ? 'csv' : 'json'}, ${this.#kept.length} conversations`);
		response.writeHead(200, {
			'content-type': isCsv ? 'text/csv; charset=utf-8' : 'application/json',
			'content-disposition': `attachment; filename="lookdesk.${isCsv ? 'csv' : 'json'}"`
		});
		response.end(
			isCsv
				? 'conversation,question,answer\r\n'
				: JSON.stringify({ schema: 'lookdesk.export', version: 1, conversations: [] })
		);
		return true;
	}

	#import(body: Buffer, response: ServerResponse): boolean {
		let parsed: { schema?: unknown; conversations?: unknown[] };
		try {
			parsed = JSON.parse(body.toString()) as typeof parsed;
		} catch {
			return refuse(response, 422, 'import_unfit', { reason: 'it is not JSON' });
		}
		if (parsed.schema !== 'lookdesk.export' || !Array.isArray(parsed.conversations)) {
			return refuse(response, 422, 'import_unfit', { reason: 'it names no schema' });
		}
		const conversations = parsed.conversations.length;
		const result: Imported = {
			conversations,
			rounds: conversations * 2,
			answers: conversations * 2,
			pictures: conversations,
			skipped: 0
		};
		this.#note('import', '', `${conversations} conversations`);
		return reply(response, 200, result);
	}

	#note(action: string, subject: string, detail: string): void {
		this.#log = [{ at: Date.now(), action, subject, detail, asker: null }, ...this.#log];
	}

	#made(title: string, customer: string | null, rounds: number): ListedConversation {
		const created_at = this.#started - 48 * hourMs;
		const updated_at = created_at;
		return { id: randomUUID(), title, customer, created_at, updated_at, rounds, deleted_at: null };
	}
}
