/** The state of the desk as it changes: one event a second. */
import { readEvents } from '../stream';
import { refused } from './client';
import { Problem } from './problem';
import type { Status } from './types';

/** Yields until the connection ends; aborting ends it. */
export async function* watchStatus(signal: AbortSignal): AsyncGenerator<Status> {
	const response = await fetch('/api/status/stream', {
		headers: { accept: 'text/event-stream' },
		signal
	});
	if (!response.ok) throw await refused(response);
	const isStream = response.headers.get('content-type')?.includes('text/event-stream');
	if (!isStream || !response.body) throw new Problem('garbled', 'status: no stream');
	for await (const { event, data } of readEvents(response.body)) {
		if (event !== 'status') continue;
		try {
			yield JSON.parse(data) as Status;
		} catch {
			throw new Problem('garbled', 'status: not JSON');
		}
	}
}
