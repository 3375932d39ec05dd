import { afterEach, describe, expect, it, vi } from 'vitest';
import { restoreConversation, stopAnswer } from './conversations';
import { sendJson } from './http';
import { addRole } from './roles';

/** Replies when told; the requests that have been made. */
function server() {
	const made: RequestInit[] = [];
	const waiting: (() => void)[] = [];
	vi.stubGlobal('fetch', (_path: string, init: RequestInit) => {
		made.push(init);
		return new Promise<Response>((done) => {
			waiting.push(() => done(new Response('{}')));
		});
	});
	return { made, reply: () => waiting.splice(0).forEach((one) => one()) };
}

const outlives = ({ keepalive }: RequestInit) => keepalive === true;

afterEach(() => vi.unstubAllGlobals());

describe('a change that is shown as done', () => {
	it('outlives the page; a question does not', async () => {
		const { made, reply } = server();
		const sent = [
			sendJson('PATCH', '/one', { pinned: true }),
			sendJson('DELETE', '/one'),
			restoreConversation('one'),
			stopAnswer('one'),
			addRole({ name: 'a', text: 'b' }),
			sendJson('POST', '/conversations', {})
		];
		expect(made.map(outlives)).toEqual([true, true, true, true, true, false]);
		reply();
		await Promise.all(sent);
	});

	it('outlives it only as far as browsers allow, counted in bytes and together', async () => {
		const { made, reply } = server();
		const change = (text: string) => sendJson('PATCH', '/one', { text });
		const sent = [
			change('x'.repeat(40_000)),
			// Three bytes each.
			change('码'.repeat(10_000)),
			change('x'.repeat(4000))
		];
		expect(made.map(outlives)).toEqual([true, false, true]);
		reply();
		await Promise.all(sent);
		const later = change('码'.repeat(10_000));
		expect(made.map(outlives).at(-1)).toBe(true);
		reply();
		await later;
	});

	it('makes room again where it fails', async () => {
		const change = () => sendJson('PATCH', '/one', { text: 'x'.repeat(40_000) });
		vi.stubGlobal('fetch', () => Promise.reject(new TypeError('gone')));
		await expect(change()).rejects.toThrow('gone');
		const { made, reply } = server();
		const sent = change();
		expect(made.map(outlives)).toEqual([true]);
		reply();
		await sent;
	});
});
