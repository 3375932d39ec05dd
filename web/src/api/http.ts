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

/**
 * Browsers let 64 KB outlive a page, of all requests that are under way together, and refuse what goes beyond
 * it; some count names and headers too.
 */
const outlivesBytes = 60 * 1024;
const headBytes = 1024;
let outliving = 0;

export interface Sending {
	signal?: AbortSignal | undefined;
	/** Whether it is sent even if the page is left at once: so it is for what is shown as done already. */
	outlives?: boolean;
}

/**
 * Sends JSON, or nothing; the reply's JSON, or `undefined` where it has no body. What changes or deletes
 * something outlives the page; what is asked for (POST) only where told so.
 */
export async function sendJson<Body>(
	method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
	path: string,
	body?: unknown,
	{ signal, outlives = method !== 'POST' }: Sending = {}
): Promise<Body> {
	const json = body === undefined ? undefined : JSON.stringify(body);
	const bytes = headBytes + new TextEncoder().encode(json).length;
	const keepalive = outlives && outliving + bytes <= outlivesBytes;
	if (keepalive) outliving += bytes;
	try {
		const response = await fetch(path, {
			method,
			...(json === undefined
				? {}
				: { headers: { 'content-type': 'application/json' }, body: json }),
			...(keepalive ? { keepalive } : {}),
			...(signal ? { signal } : {})
		});
		if (!response.ok) throw await refused(response);
		if (response.status === 204) return undefined as Body;
		return (await response.json()) as Body;
	} finally {
		if (keepalive) outliving -= bytes;
	}
}
