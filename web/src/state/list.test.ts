import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConversationList as Page, Summary } from '../api/types';
import { ConversationList, type ListRecords } from './list.svelte';

const summary = (id: string) => ({ id, title: id, updated_at: 1, round_count: 1 }) as Summary;
const page = (ids: string[], next_cursor: string | null = null): Page => ({
	conversations: ids.map(summary),
	next_cursor,
	group_label: null
});
const ids = (list: ConversationList) => list.items.map(({ id }) => id);

function listOf(...replies: (Page | Error | Promise<Page>)[]) {
	const asked: object[] = [];
	const signals: AbortSignal[] = [];
	const listConversations = (wanted: object, signal?: AbortSignal) => {
		asked.push(wanted);
		if (signal) signals.push(signal);
		const reply = replies.shift() ?? page([]);
		return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
	};
	return { asked, signals, list: new ConversationList({ listConversations } as ListRecords) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the list of conversations', () => {
	it('grows page by page, and shows nothing twice when others push it down', async () => {
		const { asked, list } = listOf(page(['a', 'b'], '2'), page(['b', 'c']));
		await list.refresh();
		await list.more();
		expect(ids(list)).toEqual(['a', 'b', 'c']);
		expect(asked[1]).toMatchObject({ cursor: '2' });
		await list.more();
		expect(asked).toHaveLength(2);
	});

	it('does not shrink under somebody who has scrolled far down', async () => {
		const all = Array.from({ length: 250 }, (_, at) => `c${at}`);
		const { list } = listOf(
			page(all.slice(0, 50), '50'),
			page(all.slice(50), '250'),
			page(['new', ...all.slice(0, 199)], '200')
		);
		await list.refresh();
		await list.more();
		await list.refresh();
		expect(ids(list)).toEqual(['new', ...all]);
		expect(list.cursor).toBe('250');
	});

	it('searches when the typing rests, and drops what an older search brings', async () => {
		let late: (page: Page) => void = () => undefined;
		const slow = new Promise<Page>((done) => (late = done));
		const { asked, list } = listOf(slow, page(['hit']));
		list.query = 'E1';
		list.query = 'E10';
		await vi.advanceTimersByTimeAsync(250);
		expect(asked).toEqual([{ limit: 50, query: 'E10' }]);
		list.query = 'E102';
		await vi.advanceTimersByTimeAsync(250);
		late(page(['old']));
		await vi.advanceTimersByTimeAsync(0);
		expect(ids(list)).toEqual(['hit']);
	});

	it('is read anew for other filters, not for the same', async () => {
		const { asked, list } = listOf();
		list.filters = { doubtful: true };
		list.filters = { doubtful: true };
		await vi.advanceTimersByTimeAsync(0);
		expect(asked).toEqual([{ doubtful: true, limit: 50 }]);
	});

	it('learns what the group of its filters is called, and forgets it with the group', async () => {
		const called = (group_label: string | null) => ({ ...page(['a']), group_label });
		const { list } = listOf(called('Which code?'), called('Which lamp?'), called(null));
		list.filters = { group: 'g1' };
		await vi.advanceTimersByTimeAsync(0);
		expect(list.groupLabel).toBe('Which code?');
		list.filters = { group: 'g2' };
		expect(list.groupLabel).toBeUndefined();
		await vi.advanceTimersByTimeAsync(0);
		expect(list.groupLabel).toBe('Which lamp?');
		list.filters = {};
		await vi.advanceTimersByTimeAsync(0);
		expect(list.groupLabel).toBeUndefined();
	});

	it('puts back where it was what is not deleted after all', async () => {
		const { list } = listOf(page(['a', 'b', 'c']));
		await list.refresh();
		const undo = list.remove('b');
		expect(ids(list)).toEqual(['a', 'c']);
		undo();
		undo();
		expect(ids(list)).toEqual(['a', 'b', 'c']);
	});

	it('takes a new conversation on top, but not into a search it may not fit', async () => {
		const { list } = listOf(page(['a']));
		await list.refresh();
		list.put(summary('n'));
		list.query = 'x';
		list.put(summary('m'));
		expect(ids(list)).toEqual(['n', 'a']);
	});

	it('keeps what it has when the server is away, and says so', async () => {
		const { list } = listOf(page(['a']), new TypeError('gone'));
		await list.refresh();
		await list.refresh();
		expect(ids(list)).toEqual(['a']);
		expect(list.problem?.code).toBe('unreachable');
	});
});
