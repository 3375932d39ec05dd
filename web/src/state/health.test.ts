import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Health } from './health.svelte';

const status = (percent: number) => ({
	state: { kind: 'ready' },
	queue: { running: 0, waiting: 0 },
	readings: { cpu_percent: percent, cpu_temperature_c: null, process_memory_bytes: 1, gpus: [] }
});
const event = (percent: number) => `event: status\ndata: ${JSON.stringify(status(percent))}\n\n`;

/** A stream that says what it is given and stays open until `end`. */
function stream(signal: AbortSignal | null | undefined) {
	let control: ReadableStreamDefaultController<Uint8Array> | undefined;
	const body = new ReadableStream<Uint8Array>({ start: (c) => void (control = c) });
	signal?.addEventListener('abort', () => control?.error(signal.reason));
	return {
		response: new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
		say: (text: string) => control?.enqueue(new TextEncoder().encode(text)),
		end: () => control?.close()
	};
}

let streams: ReturnType<typeof stream>[];
let asked: string[];
let hasStream: boolean;
let isThere: boolean;
let over: (() => void) | undefined;

beforeEach(() => {
	vi.useFakeTimers();
	[streams, asked, hasStream, isThere] = [[], [], true, true];
	vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
		asked.push(path);
		if (!isThere) return Promise.reject(new TypeError('not there'));
		if (path === '/api/status') return Promise.resolve(Response.json(status(50)));
		if (!hasStream) return Promise.resolve(new Response('', { status: 404 }));
		const opened = stream(init?.signal);
		streams.push(opened);
		return Promise.resolve(opened.response);
	});
});

afterEach(() => {
	over?.();
	vi.unstubAllGlobals();
	vi.useRealTimers();
});

const passed = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the state of the desk', () => {
	it('is told over one stream, without asking', async () => {
		const health = new Health();
		over = health.watch();
		await passed(0);
		streams[0]?.say(event(20));
		await passed(0);
		streams[0]?.say(event(30));
		await passed(10);
		expect(health.mood).toBe('ready');
		expect(health.cpuHistory).toEqual([20, 30]);
		expect(asked).toEqual(['/api/status/stream']);
	});

	it('is asked for where there is no stream, and the stream is not tried again', async () => {
		hasStream = false;
		const health = new Health();
		over = health.watch();
		await passed(4100);
		expect(health.isReachable).toBe(true);
		expect(asked.filter((path) => path.endsWith('stream'))).toHaveLength(1);
		expect(asked.filter((path) => path === '/api/status').length).toBeGreaterThanOrEqual(2);
	});

	it('is unreachable as soon as the stream breaks and nobody answers, and comes back', async () => {
		const health = new Health();
		over = health.watch();
		await passed(0);
		streams[0]?.say(event(20));
		await passed(0);
		isThere = false;
		streams[0]?.end();
		await passed(10);
		expect(health.mood).toBe('unreachable');
		isThere = true;
		await passed(2100);
		streams[1]?.say(event(40));
		await passed(10);
		expect(health.mood).toBe('ready');
	});

	it('notices a connection that is open and says nothing', async () => {
		const health = new Health();
		over = health.watch();
		await passed(0);
		streams[0]?.say(event(20));
		await passed(0);
		isThere = false;
		await passed(8100);
		expect(health.mood).toBe('unreachable');
	});

	it('holds no connection once nobody watches', async () => {
		const health = new Health();
		health.watch()();
		await passed(10_000);
		expect(asked.length).toBeLessThanOrEqual(1);
	});
});
