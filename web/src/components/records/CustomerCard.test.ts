import { render } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import { Conversation } from '../../state/conversation.svelte';
import { Draft } from '../../state/draft.svelte';
import ConversationHead from '../ConversationHead.svelte';
import CustomerCard from './CustomerCard.svelte';

it('shares no name with the desk, which stays behind the page', () => {
	const conversation = new Conversation(new Draft('c1'), {} as never);
	const on = { onChange: () => {}, onAnother: () => {}, onClear: () => {} };
	render(ConversationHead, {
		conversation,
		titleOf: () => undefined,
		hrefOf: (id: string) => id,
		...on
	});
	render(CustomerCard, { onChange: () => {} });
	const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
	expect(ids.filter((id) => id.includes('customers'))).toHaveLength(2);
	expect(new Set(ids).size).toBe(ids.length);
	for (const input of document.querySelectorAll('input[list]')) {
		const list = document.getElementById(input.getAttribute('list') ?? '');
		expect(list?.previousElementSibling).toBe(input);
	}
});
