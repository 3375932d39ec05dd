/** The routes of the pages beside the desk: insights, records, role presets and the stream of the state. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Status } from '../src/api/types.ts';
import { handleInsights } from './insights.ts';
import { streamStatus } from './live.ts';
import type { MockRecords } from './records.ts';
import { MockRecordsPage } from './recordsPage.ts';
import { MockRoles } from './roles.ts';

export class MockPages {
	readonly records: MockRecordsPage;
	readonly #roles = new MockRoles();
	readonly #status: () => Status;

	constructor(status: () => Status, records: MockRecords) {
		this.records = new MockRecordsPage(records);
		this.#status = status;
	}

	/** Whether the request was one of theirs. */
	async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
		const url = new URL(request.url ?? '/', 'http://desk');
		if (url.pathname === '/api/status/stream') {
			streamStatus(response, this.#status);
			return true;
		}
		return (
			handleInsights(request, response, url) ||
			(await this.#roles.handle(request, response, url)) ||
			(await this.records.handle(request, response, url))
		);
	}
}
