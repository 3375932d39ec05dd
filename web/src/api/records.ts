/** The desk's records: taking them out, bringing them in, and deleting them. */
import { queryString } from '../router/links';
import { getJson, refused } from './client';
import type { Span } from './insights';
import { Problem, problemFromBody } from './problem';

/** A conversation in a list, as far as the records page shows it. */
export interface ListedConversation {
	id: string;
	title: string;
	customer: string | null;
	created_at: number;
	updated_at: number;
	rounds: number;
	deleted_at: number | null;
}

export interface ConversationPage {
	conversations: ListedConversation[];
	next_cursor: string | null;
}

export interface Imported {
	conversations: number;
	rounds: number;
	answers: number;
	pictures: number;
	/** Conversations that were here already. */
	skipped: number;
}

export interface AuditEntry {
	at: number;
	action: string;
	/** An id, or empty. */
	subject: string;
	/** How much, in a few words. */
	detail: string;
	asker: string | null;
}

export type ExportFormat = 'json' | 'csv';
export type ExportedPictures = 'bytes' | 'hash';

export const exportLink = (
	wanted: { format: ExportFormat; pictures?: ExportedPictures | undefined } & Span
) => `/api/export${queryString({ ...wanted })}`;

export const fetchConversations = (
	wanted: { deleted?: boolean; customer?: string; cursor?: string; limit?: number },
	signal?: AbortSignal
) => getJson<ConversationPage>(`/api/conversations${queryString(wanted)}`, signal);

export const fetchAudit = (signal?: AbortSignal) => getJson<AuditEntry[]>('/api/audit', signal);

/** Names of customers that begin with or contain what was typed. */
export const fetchCustomers = (query: string, signal?: AbortSignal) =>
	getJson<string[]>(`/api/customers${queryString({ query })}`, signal);

async function send(method: string, path: string): Promise<void> {
	const response = await fetch(path, { method });
	if (!response.ok) throw await refused(response);
}

const conversation = (id: string) => `/api/conversations/${encodeURIComponent(id)}`;

export const restoreConversation = (id: string) => send('POST', `${conversation(id)}/restore`);
export const deleteForGood = (id: string) => send('DELETE', `${conversation(id)}?for_good=true`);
export const deleteCustomer = (name: string) =>
	send('DELETE', `/api/customers/${encodeURIComponent(name)}`);

/** Sends an export back in. `XMLHttpRequest`, because `fetch` does not tell how far an upload is. */
export function importRecords(
	file: Blob,
	onProgress: (share: number) => void,
	signal: AbortSignal
): Promise<Imported> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open('POST', '/api/import');
		request.setRequestHeader('content-type', 'application/json');
		request.upload.onprogress = (event) => {
			if (event.lengthComputable) onProgress(event.loaded / event.total);
		};
		request.onload = () => {
			if (request.status >= 200 && request.status < 300) {
				try {
					resolve(JSON.parse(request.responseText) as Imported);
				} catch {
					reject(new Problem('garbled', 'import: not JSON'));
				}
				return;
			}
			const after = request.getResponseHeader('retry-after');
			reject(problemFromBody(request.status, request.responseText, after));
		};
		request.onerror = () => reject(new Problem('unreachable'));
		request.onabort = () => reject(new DOMException('import stopped', 'AbortError'));
		signal.addEventListener('abort', () => request.abort(), { once: true });
		request.send(file);
	});
}
