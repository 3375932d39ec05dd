/** The stream of the mock's state, with readings that move as a machine's do. */
import type { ServerResponse } from 'node:http';
import type { Status } from '../src/api/types.ts';

const everyMs = 1000;
let beat = 30;

/** Calm waves, so that the bars have something to show. */
export function readings(running: number): Status['readings'] {
	beat += 1;
	const wave = 34 + 22 * Math.sin(beat / 3) + 12 * Math.sin(beat / 1.3);
	return {
		cpu_percent: Math.min(100, Math.max(3, wave + running * 30)),
		cpu_temperature_c: 54 + Math.round(4 * Math.sin(beat / 7)),
		process_memory_bytes: 412e6,
		gpus: []
	};
}

export const records: Status['records'] = {
	kept: true,
	keep_days: 180,
	import_bytes: 512 * 1024 * 1024
};

export function streamStatus(response: ServerResponse, status: () => Status): void {
	response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
	const tell = () => response.write(`event: status\ndata: ${JSON.stringify(status())}\n\n`);
	tell();
	const timer = setInterval(tell, everyMs);
	response.on('close', () => clearInterval(timer));
}
