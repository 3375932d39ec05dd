/**
 * A desk to test against: the real program, on a free port with the embedded demo model; `LOOKDESK_BIN`
 * names another one. And the scripted desk, for pictures of moments that pass too fast in the real one.
 */
import { test as base } from '@playwright/test';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { MockRecords } from '../mock/records.ts';
import { serveMock } from '../mock/server.ts';
import { en, type Messages } from '../src/i18n/en.ts';
import { zh } from '../src/i18n/zh.ts';
import { Person } from './person.ts';

export interface Served {
	url: string;
	/** Ends the program and starts it again on the same port; it has forgotten every picture no question used. */
	restart(): Promise<void>;
	/** Ends the program at once, as a power cut does, and starts it again. */
	kill(): Promise<void>;
	stop(): Promise<void>;
}

const startsWithinMs = 60_000;

function freePort(): Promise<number> {
	return new Promise((done, fail) => {
		const server = createServer();
		server.once('error', fail);
		server.listen(0, '127.0.0.1', () => {
			const address = server.address();
			server.close(() => done(typeof address === 'object' && address ? address.port : 0));
		});
	});
}

async function whenReady(url: string, child: ChildProcess, output: string[]): Promise<void> {
	const until = Date.now() + startsWithinMs;
	while (Date.now() < until) {
		if (child.exitCode !== null) break;
		const isReady = await fetch(`${url}/readyz`).then(
			(r) => r.ok,
			() => false
		);
		if (isReady) return;
		await new Promise((done) => setTimeout(done, 100));
	}
	throw new Error(`lookdesk did not become ready:\n${output.join('')}`);
}

async function serveProgram(program: string): Promise<Served> {
	const port = await freePort();
	const url = `http://127.0.0.1:${port}`;
	const folder = mkdtempSync(join(tmpdir(), 'lookdesk-'));
	let child: ChildProcess;
	const start = async () => {
		const output: string[] = [];
		child = spawn(program, ['serve', '--port', String(port), '--data-dir', folder], {
			stdio: ['ignore', 'pipe', 'pipe']
		});
		child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
		child.stderr?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
		await whenReady(url, child, output);
	};
	const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		const gone = new Promise((done) => child.once('exit', done));
		child.kill(signal);
		const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
		await gone;
		clearTimeout(timer);
	};
	await start();
	return {
		url,
		stop: async () => {
			await stop();
			rmSync(folder, { recursive: true, force: true });
		},
		restart: async () => {
			await stop();
			await start();
		},
		kill: async () => {
			await stop('SIGKILL');
			await start();
		}
	};
}

/** `records`: those the scripted desk begins with. */
export async function serveScripted(pace: number, records: MockRecords): Promise<Served> {
	const port = await freePort();
	let server = await serveMock(port, pace, records);
	const stop = () =>
		new Promise<void>((done) => {
			server.closeAllConnections();
			server.close(() => done());
		});
	const restart = async () => {
		await stop();
		server = await serveMock(port, pace, records);
	};
	return {
		url: `http://127.0.0.1:${port}`,
		stop,
		restart,
		kill: async () => {
			records.interrupt();
			await restart();
		}
	};
}

export async function serve(): Promise<Served> {
	const program = resolve(process.env['LOOKDESK_BIN'] ?? '../target/debug/lookdesk');
	if (!existsSync(program)) {
		throw new Error(`${program} is not there; build it (cargo build) or set LOOKDESK_BIN`);
	}
	return serveProgram(program);
}

interface Own {
	/** The words of the page in the language of the browser. */
	t: Messages;
	person: Person;
}

/** Tests with one desk per worker, whose address is the base URL. */
export const test = base.extend<Own, { desk: Served }>({
	t: async ({ locale }, use) => use(locale?.startsWith('zh') ? zh : en),
	person: async ({ page, t, isMobile }, use) => use(new Person(page, t, isMobile)),
	desk: [
		// eslint-disable-next-line no-empty-pattern
		async ({}, use) => {
			const desk = await serve();
			await use(desk);
			await desk.stop();
		},
		{ scope: 'worker' }
	],
	baseURL: async ({ desk }, use) => use(desk.url)
});

export { expect } from '@playwright/test';
