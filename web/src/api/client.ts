/**
 * What the desk says of itself, and pictures, over HTTP. Every failure is a `Problem`.
 */
import { getJson } from './http';
import { Problem, problemFromBody, unreached } from './problem';
import { queryString } from './query';
import type { Sample, Status, UploadedPicture } from './types';

export { getJson, refused } from './http';

export const fetchStatus = (signal?: AbortSignal) => getJson<Status>('/api/status', signal);

export const fetchSamples = (signal?: AbortSignal) => getJson<Sample[]>('/api/samples', signal);

export const pictureUrl = (id: string) => `/api/pictures/${encodeURIComponent(id)}`;

/** What a picture is, and what it costs where each gets at most so many tokens. */
export const fetchPictureFacts = (id: string, imageTokens: number) =>
	getJson<UploadedPicture>(`${pictureUrl(id)}/facts${queryString({ image_tokens: imageTokens })}`);

/** The picture made small, for lists. */
export const thumbnailUrl = (id: string) => `${pictureUrl(id)}/thumbnail?edge=160`;

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
		request.onerror = () => reject(unreached());
		request.onabort = () => reject(new DOMException('upload stopped', 'AbortError'));
		signal?.addEventListener('abort', () => request.abort(), { once: true });
		request.send(bytes);
	});
}
