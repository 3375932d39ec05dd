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

/** Sends JSON, or nothing; the reply's JSON, or `undefined` where it has no body. */
export async function sendJson<Body>(
	method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
	path: string,
	body?: unknown,
	signal?: AbortSignal
): Promise<Body> {
	const response = await fetch(path, {
		method,
		...(body === undefined
			? {}
			: { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
		...(signal ? { signal } : {})
	});
	if (!response.ok) throw await refused(response);
	if (response.status === 204) return undefined as Body;
	return (await response.json()) as Body;
}

/** A query string of what is set. */
export function query(wanted: object): string {
	const set = Object.entries(wanted as Record<string, unknown>).filter(
		([, value]) => value !== undefined && value !== null && value !== ''
	);
	const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
	return text === '' ? '' : `?${text}`;
}
