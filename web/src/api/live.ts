/** The state of the desk as it changes: one event a second. */
import { readEvents } from '../stream';
import { refused } from './client';
import { Problem } from './problem';
import type { Status } from './types';

export interface GpuReading {
	name: string;
	memory_used_bytes: number;
	memory_total_bytes: number;
	temperature_c: number | null;
	utilization_percent: number | null;
}

/** What the machine's sensors say. */
export interface Readings {
	cpu_percent: number;
	cpu_temperature_c: number | null;
	process_memory_bytes: number;
	gpus: GpuReading[];
}

/** How long the records are kept, and how large an import may be. */
export interface RecordsFacts {
	kept: boolean;
	keep_days: number | null;
	import_bytes: number;
}

/** An older server says less. */
export type LiveStatus = Status & { readings?: Readings | null; records?: RecordsFacts | null };

/** Yields until the connection ends; aborting ends it. */
export async function* watchStatus(signal: AbortSignal): AsyncGenerator<LiveStatus> {
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
			yield JSON.parse(data) as LiveStatus;
		} catch {
			throw new Problem('garbled', 'status: not JSON');
		}
	}
}
