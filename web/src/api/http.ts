/** Requests and replies. Every failure is a `Problem`. */
import { Problem, problemFromBody } from './problem';

export async function refused(response: Response): Promise<Problem> {
	const body = await response.text().catch(() => '');
	return problemFromBody(response.status, body, response.headers.get('retry-after'));
}

export async function getJson<Body>(path: string, signal?: AbortSignal): Promise<Body> {
	const response = await fetch(path, signal ? { signal } : {});
	if (!response.ok) throw await refused(response);
	return (await response.json()) as Body;
}

/** Browsers let only little outlive a page. Characters; each may take three bytes. */
const outlives = 16 * 1024;

/**
 * Sends JSON, or nothing; the reply's JSON, or `undefined` where it has no body. What changes or deletes
 * something is sent even if the page is left at once: it is shown as done already.
 */
export async function sendJson<Body>(
	method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
	path: string,
	body?: unknown,
	signal?: AbortSignal
): Promise<Body> {
	const json = body === undefined ? undefined : JSON.stringify(body);
	const response = await fetch(path, {
		method,
		...(json === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: json }),
		...(method !== 'POST' && (json ?? '').length < outlives ? { keepalive: true } : {}),
		...(signal ? { signal } : {})
	});
	if (!response.ok) throw await refused(response);
	if (response.status === 204) return undefined as Body;
	return (await response.json()) as Body;
}
