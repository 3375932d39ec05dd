import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { Summary } from '../api/types';
import { Cabinet, type CabinetRecords } from './cabinet.svelte';
import { keepTrays } from './draft.svelte';
import { notices } from './notice.svelte';
import { DeskPicture } from './picture.svelte';

const summary = (id: string) =>
	({
		id,
		title: id,
		customer: null,
		verdict: null,
		pinned: false,
		follows: null,
		created_at: 1
	}) as Summary;
const whole = (id: string) => ({ ...summary(id), followed_by: [], rounds: [] });

const picture = { id: 'p1', width: 9, height: 9, bytes: 9, tokens: 4, media_type: 'image/png' };

function cabinet() {
	const records = {
		listConversations: vi.fn(() =>
			Promise.resolve({
				conversations: ['a', 'b', 'c'].map(summary),
				next_cursor: null,
				group_label: null
			})
		),
		readConversation: vi.fn((id: string) => Promise.resolve(whole(id))),
		changeConversation: vi.fn(() => Promise.resolve({})),
		deleteConversation: vi.fn(() => Promise.resolve()),
		restoreConversation: vi.fn(() => Promise.resolve())
	};
	return { records, cabinet: new Cabinet(records as unknown as CabinetRecords) };
}

const ids = ({ list }: Cabinet) => list.items.map(({ id }) => id);

beforeEach(() => {
	localStorage.clear();
	sessionStorage.clear();
	notices.dismiss();
});

describe('a deleted conversation', () => {
	it('is off the list at once, and back in its place when it is undone', async () => {
		const { cabinet: all, records } = cabinet();
		await all.list.refresh();
		const onBack = vi.fn();
		const removing = all.remove('b', onBack);
		expect(ids(all)).toEqual(['a', 'c']);
		await removing;
		notices.undo();
		expect(ids(all)).toEqual(['a', 'b', 'c']);
		expect(onBack).toHaveBeenCalledOnce();
		expect(records.restoreConversation).toHaveBeenCalledWith('b');
	});

	it('comes back with the others that were deleted while the way back was open', async () => {
		const { cabinet: all, records } = cabinet();
		await all.list.refresh();
		await all.remove('a');
		await all.remove('b');
		expect(notices.current?.text).toBe('2 conversations moved to the bin.');
		notices.undo();
		expect(ids(all)).toEqual(['a', 'b', 'c']);
		expect(records.restoreConversation.mock.calls.toSorted()).toEqual([['a'], ['b']]);
		await all.remove('c');
		expect(notices.current?.text).toBe('Conversation moved to the bin.');
		notices.undo();
		expect(records.restoreConversation).toHaveBeenCalledTimes(3);
	});

	it('is there again when the server refuses, and the reason is said', async () => {
		const { cabinet: all, records } = cabinet();
		await all.list.refresh();
		records.deleteConversation.mockRejectedValue(new Problem('unreachable'));
		await all.remove('b');
		expect(ids(all)).toEqual(['a', 'b', 'c']);
		expect(notices.current?.text).toContain('does not answer');
		expect(notices.current?.undo).toBeUndefined();
	});
});

describe('a change', () => {
	it('shows on the list and in the open conversation, and is taken back where it is refused', async () => {
		const { cabinet: all, records } = cabinet();
		await all.list.refresh();
		const open = all.open('a');
		records.changeConversation.mockRejectedValue(new Problem('unreachable'));
		const changing = all.change('a', { verdict: 'solved' });
		expect([open.verdict, all.list.find('a')?.verdict]).toEqual(['solved', 'solved']);
		await changing;
		expect([open.verdict, all.list.find('a')?.verdict]).toEqual([null, null]);
	});
});

describe('opened conversations', () => {
	it('are the same when opened again, and let go when there are many, but not with a draft', () => {
		const { cabinet: all } = cabinet();
		const first = all.open('one');
		const written = all.open('two');
		written.draft.words = 'half';
		expect(all.open('one')).toBe(first);
		for (let at = 0; at < 30; at++) all.open(`more-${at}`);
		expect(all.opened.length).toBeLessThanOrEqual(20);
		expect(all.opened).toContain(written);
		expect(all.opened).not.toContain(first);
	});

	it('that were let go do not bring back pictures that waited in them once', () => {
		const { cabinet: all } = cabinet();
		const first = all.open('one');
		first.draft.tray.pictures = [DeskPicture.fromStored(picture)];
		keepTrays([first.draft]);
		first.draft.tray.clear();
		for (let at = 0; at < 30; at++) all.open(`more-${at}`);
		expect(all.open('one').draft.tray.pictures).toEqual([]);
	});

	it('a linked one continues for the same customer', () => {
		const { cabinet: all } = cabinet();
		expect(all.fresh({ follows: 'a', customer: 'Ann' })).toMatchObject({
			follows: 'a',
			customer: 'Ann',
			id: undefined
		});
	});
});
