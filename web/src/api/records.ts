/** The desk's records: taking them out, bringing them in, and deleting them. */
import { getJson, sendJson } from './http';
import { utcOffsetMinutes, type Span } from './insights';
import { Problem, problemFromBody, unreached } from './problem';
import { queryString } from './query';
import type { ConversationList, Schemas, Told } from './types';

export type Imported = Schemas['Imported'];
export type AuditEntry = Told<Schemas['AuditEntry']>;
/** What there is of a customer, and what else may be theirs. */
export type Customer = Schemas['Customer'];

export type ExportFormat = 'json' | 'csv';
export type ExportedPictures = 'bytes' | 'hash';

export const exportLink = (
	wanted: {
		format: ExportFormat;
		conversation?: string;
		pictures?: ExportedPictures | undefined;
	} & Span
) => `/api/export${queryString({ ...wanted, utc_offset_minutes: utcOffsetMinutes() })}`;

export const fetchConversations = (
	wanted: { deleted?: boolean; customer?: string; cursor?: string; limit?: number },
	signal?: AbortSignal
) => getJson<ConversationList>(`/api/conversations${queryString(wanted)}`, signal);

export const fetchAudit = (signal?: AbortSignal) => getJson<AuditEntry[]>('/api/audit', signal);

const conversation = (id: string) => `/api/conversations/${encodeURIComponent(id)}`;

export const restoreConversation = (id: string) =>
	sendJson<unknown>('POST', `${conversation(id)}/restore`, undefined, { outlives: true });
export const deleteForGood = (id: string) =>
	sendJson<unknown>('DELETE', `${conversation(id)}?for_good=true`);
const customer = (name: string) => `/api/customers/${encodeURIComponent(name)}`;

export const fetchCustomer = (name: string, signal?: AbortSignal) =>
	getJson<Customer>(customer(name), signal);
/** `linked`: also these, all that are linked with theirs and name nobody, as they were shown. */
export const deleteCustomer = (name: string, linked: string[]) =>
	sendJson<unknown>('DELETE', customer(name) + queryString({ linked: linked.join(',') }));

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
		request.onerror = () => reject(unreached());
		request.onabort = () => reject(new DOMException('import stopped', 'AbortError'));
		signal.addEventListener('abort', () => request.abort(), { once: true });
		request.send(file);
	});
}
