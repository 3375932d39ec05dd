/** What the records page asks of the mock: customers, the log, export and import. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditEntry, Imported } from '../src/api/records.ts';
import { bodyOf, refuse, reply } from './http.ts';
import type { MockRecords } from './records.ts';

const hourMs = 3600 * 1000;

export class MockRecordsPage {
	readonly #records: MockRecords;
	#log: AuditEntry[] = [
		['export', '', 'json with pictures', 'ann', 3],
		['retention', '', '12 conversations, 9 pictures', null, 27],
		['delete_customer', '', '2 conversations', 'li', 75],
		['import', '', '96 conversations, 41 pictures', 'ann', 170],
		['empty_bin', '', '1 conversation', null, 171]
	].map(([action, subject, detail, asker, hours]) => ({
		at: Date.now() - Number(hours) * hourMs,
		action: action as AuditEntry['action'],
		subject: String(subject),
		detail: String(detail),
		asker: asker as string | null
	}));

	constructor(records: MockRecords) {
		this.#records = records;
	}

	async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
		const { pathname: path, searchParams: query } = url;
		if (path === '/api/audit') return reply(response, 200, this.#log);
		if (path === '/api/customers') {
			return reply(response, 200, this.#records.customers(query.get('query') ?? ''));
		}
		if (path.startsWith('/api/customers/') && request.method === 'DELETE') {
			return this.#deleteCustomer(decodeURIComponent(path.split('/')[3] ?? ''), response);
		}
		if (path.startsWith('/api/customers/')) {
			return this.#customer(decodeURIComponent(path.split('/')[3] ?? ''), response);
		}
		if (path === '/api/export') return this.#export(query, response);
		if (path === '/api/import') return this.#import(await bodyOf(request), response);
		return false;
	}

	noteDeleted(id: string): void {
		this.#note('delete_conversation', id, '1 conversation');
	}

	#customer(name: string, response: ServerResponse): boolean {
		const customer = this.#records.customer(name);
		if (customer.conversations === 0 && customer.alike.length === 0) {
			return refuse(response, 404, 'customer_unknown');
		}
		return reply(response, 200, customer);
	}

	#deleteCustomer(name: string, response: ServerResponse): boolean {
		const gone = this.#records.forgetCustomer(name);
		if (gone === 0) return refuse(response, 404, 'customer_unknown');
		this.#note('delete_customer', '', `${gone} conversations`);
		return reply(response, 204);
	}

	#export(query: URLSearchParams, response: ServerResponse): boolean {
		const isCsv = query.get('format') === 'csv';
		this.#note('export', '', isCsv ? 'csv' : 'json');
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
			skipped: 0,
			damaged_pictures: 0,
			damaged: []
		};
		this.#note('import', '', `${conversations} conversations`);
		return reply(response, 200, result);
	}

	#note(action: AuditEntry['action'], subject: string, detail: string): void {
		this.#log = [{ at: Date.now(), action, subject, detail, asker: null }, ...this.#log];
	}
}
