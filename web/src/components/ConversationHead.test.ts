import { fireEvent, render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Conversation } from '../state/conversation.svelte';
import { Draft } from '../state/draft.svelte';
import ConversationHead from './ConversationHead.svelte';

const customers = vi.hoisted(() => vi.fn());
vi.mock('../api/conversations', () => ({ fetchCustomers: customers }));

function shown(more: Partial<Conversation> = {}) {
	const conversation = new Conversation(new Draft('c1'), {} as never);
	Object.assign(conversation, { id: 'c1', title: 'Router', ...more });
	const on = { onChange: vi.fn(), onAnother: vi.fn(), onClear: vi.fn() };
	const titleOf = (id: string) => (id === 'known' ? 'First matter' : undefined);
	const hrefOf = (id: string) => `#/c/${id}`;
	const { unmount } = render(ConversationHead, { conversation, titleOf, hrefOf, ...on });
	return { ...on, conversation, unmount, changes: () => on.onChange.mock.calls };
}

beforeEach(() => void customers.mockReset().mockResolvedValue(['Ann']));

describe('what stands above a conversation', () => {
	it('names it and its customer, once one leaves the field', async () => {
		const { conversation, changes } = shown();
		await userEvent.clear(screen.getByRole('textbox', { name: 'Title' }));
		await userEvent.type(screen.getByRole('textbox', { name: 'Title' }), ' AX73 {Enter}');
		await userEvent.type(screen.getByRole('combobox', { name: 'Customer' }), 'Ann');
		await userEvent.tab();
		expect(changes()).toEqual([
			[conversation, { title: 'AX73' }],
			[conversation, { customer: 'Ann' }]
		]);
	});

	it.each([
		['one turns to another conversation', (unmount: () => void) => unmount()],
		['the page is left', () => void window.dispatchEvent(new Event('pagehide'))]
	])('keeps what is typed where it was typed, when %s', async (_, leave) => {
		const { conversation, changes, unmount } = shown();
		await userEvent.type(screen.getByRole('textbox', { name: 'Title' }), ' AX73');
		leave(unmount);
		expect(changes()).toEqual([[conversation, { title: 'Router AX73' }]]);
		window.dispatchEvent(new Event('pagehide'));
		expect(changes()).toHaveLength(1);
	});

	it('takes a customer out of the field where it is emptied', async () => {
		const { conversation, changes, unmount } = shown({ customer: 'Ann' });
		await userEvent.clear(screen.getByRole('combobox', { name: 'Customer' }));
		unmount();
		expect(changes()).toEqual([[conversation, { customer: null }]]);
	});

	it('keeps the old title where none is given, or Esc is pressed', async () => {
		const { onChange } = shown();
		const title = screen.getByRole('textbox', { name: 'Title' });
		await userEvent.clear(title);
		await userEvent.tab();
		expect(title).toHaveValue('Router');
		await userEvent.type(title, 'x{Escape}');
		expect(title).toHaveValue('Router');
		expect(onChange).not.toHaveBeenCalled();
	});

	it('leaves the field to the input method while that composes', async () => {
		const { onChange } = shown();
		const title = screen.getByRole('textbox', { name: 'Title' });
		await userEvent.type(title, 'lu');
		for (const init of [{ isComposing: true }, { keyCode: 229 }]) {
			await fireEvent.keyDown(title, { key: 'Enter', ...init });
			await fireEvent.keyDown(title, { key: 'Escape', ...init });
		}
		expect(title).toHaveFocus();
		expect(title).toHaveValue('Routerlu');
		expect(onChange).not.toHaveBeenCalled();
	});

	it('judges, and takes the judgement back', async () => {
		const { conversation, changes } = shown({ verdict: 'solved' });
		await userEvent.click(screen.getByRole('button', { name: 'Wrong' }));
		await userEvent.click(screen.getByRole('button', { name: 'Solved' }));
		expect(changes()).toEqual([
			[conversation, { verdict: 'wrong' }],
			[conversation, { verdict: null }]
		]);
	});

	it('leads to what it continues, and to what continues it', () => {
		shown({ follows: 'known', followedBy: ['other'] });
		expect(screen.getByRole('link', { name: 'First matter' })).toHaveAttribute('href', '#/c/known');
		expect(screen.getByRole('link', { name: 'the conversation after' })).toBeInTheDocument();
	});
});
