import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Summary } from '../api/types';
import { ConversationList as List } from '../state/list.svelte';
import ConversationList from './ConversationList.svelte';

const at = new Date(2026, 8, 3, 14, 5, 30);

const summary = (id: string, more: Partial<Summary> = {}): Summary => ({
	id,
	title: `Matter ${id}`,
	customer: null,
	verdict: null,
	pinned: false,
	follows: null,
	created_at: 1,
	updated_at: at.getTime() - Number(id),
	round_count: 1,
	picture: null,
	snippet: null,
	interrupted: false,
	deleted_at: null,
	...more
});

async function shown(conversations: Summary[]) {
	const list = new List({
		listConversations: () =>
			Promise.resolve({ conversations, next_cursor: null, group_label: null })
	});
	await list.refresh();
	const on = { onOpen: vi.fn(), onChange: vi.fn(), onRemove: vi.fn(), onTop: vi.fn() };
	render(ConversationList, {
		list,
		openId: '2',
		hrefOf: (id: string) => `#/c/${id}`,
		isAnswering: (id: string) => id === '3',
		...on
	});
	return { ...on, list };
}

describe('the list of conversations', () => {
	beforeEach(() => vi.useFakeTimers({ now: at, toFake: ['Date'] }));
	afterEach(() => vi.useRealTimers());

	it('says of each how it ended, and which is open', async () => {
		await shown([
			summary('1', { verdict: 'handed_over', customer: 'Ann' }),
			summary('2', { interrupted: true }),
			summary('3')
		]);
		expect(screen.getByRole('link', { name: /Matter 1/ })).toHaveAccessibleName(
			'Matter 1 2:05 PM Ann Handed to a person'
		);
		const open = screen.getByRole('link', { name: 'Matter 2 2:05 PM interrupted' });
		expect(open).toHaveAttribute('aria-current', 'page');
		expect(screen.getByRole('link', { name: 'Matter 3 2:05 PM answering' })).toBeInTheDocument();
	});

	it('says when each was last spoken in: the time today, else the day, and another year', async () => {
		await shown([
			summary('1', { pinned: true, updated_at: new Date(2026, 8, 2, 23, 59).getTime() }),
			summary('2', { pinned: true, updated_at: new Date(2025, 8, 3).getTime() })
		]);
		expect(screen.getByRole('link', { name: 'Matter 1 Sep 2' })).toBeInTheDocument();
		expect(screen.getByRole('link', { name: 'Matter 2 9/3/25' })).toBeInTheDocument();
	});

	it('leaves out a conversation that nothing was ever asked in', async () => {
		await shown([summary('1', { round_count: 0 }), summary('2', { round_count: 0 })]);
		expect(screen.getAllByRole('link')).toHaveLength(1);
	});

	it('is gone through with arrow keys, and up from the first to the search', async () => {
		const { onTop, onOpen } = await shown([summary('1'), summary('2')]);
		screen.getByRole('link', { name: /Matter 1/ }).focus();
		await userEvent.keyboard('{ArrowDown}{Enter}');
		expect(onOpen).toHaveBeenCalledWith('2');
		await userEvent.keyboard('{ArrowUp}{ArrowUp}');
		expect(onTop).toHaveBeenCalledOnce();
	});

	it('renames with F2, and Esc leaves the old title', async () => {
		const { onChange } = await shown([summary('1')]);
		screen.getByRole('link').focus();
		await userEvent.keyboard('{F2}New{Escape}');
		expect(onChange).not.toHaveBeenCalled();
		expect(screen.getByRole('link')).toHaveFocus();
		await userEvent.keyboard('{F2}New name{Enter}');
		expect(onChange).toHaveBeenCalledWith('1', { title: 'New name' });
	});

	it('marks what was found, and nothing that only looks like HTML', async () => {
		const text = '<b>E102</b> & more';
		await shown([
			summary('1', {
				snippet: {
					text,
					hits: [
						[3, 7],
						[5, 6],
						[12, 99]
					]
				}
			})
		]);
		expect(screen.getByText('E102').tagName).toBe('MARK');
		expect(screen.getByRole('link')).toHaveTextContent(text);
		expect(document.querySelector('b')).toBeNull();
	});
});
