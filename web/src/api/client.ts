/**
 * The desk's HTTP API as functions. Every failure is a `Problem`. Knows nothing of the page.
 */
import { readEvents } from '../stream';
import { answerEvent } from './events';
import { Problem, problemFromBody } from './problem';
import type { AnswerEvent, AnswerRequest, Sample, Status, UploadedPicture } from './types';

export async function refused(response: Response): Promise<Problem> {
	const body = await response.text().catch(() => '');
	return problemFromBody(response.status, body, response.headers.get('retry-after'));
}

export async function getJson<Body>(path: string, signal?: AbortSignal): Promise<Body> {
	const response = await fetch(path, signal ? { signal } : {});
	if (!response.ok) throw await refused(response);
	return (await response.json()) as Body;
}

export const fetchStatus = (signal?: AbortSignal) => getJson<Status>('/api/status', signal);

export const fetchSamples = (signal?: AbortSignal) => getJson<Sample[]>('/api/samples', signal);

export const pictureUrl = (id: string) => `/api/pictures/${encodeURIComponent(id)}`;

/** Sends a picture's bytes. `XMLHttpRequest`, because `fetch` does not tell how far an upload is. */
export function uploadPicture(
	bytes: Blob,
	onProgress: (share: number) => void = () => undefined,
	signal?: AbortSignal
): Promise<UploadedPicture> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open('POST', '/api/pictures');
		request.upload.onprogress = (event) => {
			if (event.lengthComputable) onProgress(event.loaded / event.total);
		};
		request.onload = () => {
			if (request.status === 201) {
				try {
					resolve(JSON.parse(request.responseText) as UploadedPicture);
				} catch {
					reject(new Problem('garbled', 'picture: not JSON'));
				}
				return;
			}
			const after = request.getResponseHeader('retry-after');
			reject(problemFromBody(request.status, request.responseText, after));
		};
		request.onerror = () => reject(new Problem('unreachable'));
		request.onabort = () => reject(new DOMException('upload stopped', 'AbortError'));
		signal?.addEventListener('abort', () => request.abort(), { once: true });
		request.send(bytes);
	});
}

/** Asks, and yields what happens. Aborting, or leaving the loop, closes the connection and so stops the answer. */
export async function* askQuestion(
	question: AnswerRequest,
	signal: AbortSignal
): AsyncGenerator<AnswerEvent> {
	const response = await fetch('/api/answers', {
		method: 'POST',
		headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
		body: JSON.stringify(question),
		signal
	});
	if (!response.ok) throw await refused(response);
	if (!response.body) throw new Problem('garbled', 'answer: no body');
	for await (const event of readEvents(response.body)) {
		const known = answerEvent(event);
		if (known) yield known;
	}
}
