import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { Conversation } from '../../state/conversation.svelte';
import { Draft } from '../../state/draft.svelte';
import ConversationHead from '../ConversationHead.svelte';
import CustomerCard from './CustomerCard.svelte';

afterEach(() => {
	vi.unstubAllGlobals();
});

/** A desk with one conversation of Ms Li, one that is linked with it, and somebody who writes her name otherwise. */
function serve(): string[] {
	const asked: string[] = [];
	const customer = {
		name: 'Ms Li',
		conversations: 1,
		alike: [{ name: 'ms li', conversations: 3 }],
		linked: [
			{ id: 'c2', title: 'Another picture', customer: null },
			{ id: 'c3', title: 'Their neighbour', customer: 'Mr Wu' }
		],
		importing: false
	};
	vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
		asked.push(`${init?.method ?? 'GET'} ${path}`);
		if (init?.method === 'DELETE') return Promise.resolve(new Response(null, { status: 204 }));
		if (path.startsWith('/api/customers/')) return Promise.resolve(Response.json(customer));
		if (path.startsWith('/api/customers')) return Promise.resolve(Response.json(['Ms Li']));
		const isInBin = path.includes('deleted=true');
		const conversations = isInBin ? [] : [{ id: 'c1', round_count: 2 }];
		return Promise.resolve(Response.json({ conversations, next_cursor: null }));
	});
	return asked;
}

async function lookedUp(): Promise<void> {
	render(CustomerCard, { onChange: () => {} });
	await userEvent.type(screen.getByLabelText('Customer'), 'Ms Li');
	await userEvent.click(screen.getByRole('button', { name: 'Look up' }));
}

it('shows what else may be the customer’s, and takes along only what was chosen', async () => {
	const asked = serve();
	await lookedUp();
	expect((await screen.findByText('Another picture')).getAttribute('href')).toBe('#/c/c2');
	expect(screen.getByText('Their neighbour').closest('li')?.textContent).toContain('Mr Wu');
	await userEvent.type(screen.getByLabelText('Type Ms Li to confirm'), 'Ms Li');
	await userEvent.click(screen.getByLabelText(/linked conversation that names nobody/));
	await userEvent.click(screen.getByRole('button', { name: 'Delete for good' }));
	expect(asked.at(-1)).toBe('DELETE /api/customers/Ms%20Li?linked=c2');
	expect(await screen.findByText(/2 conversations of “Ms Li” are deleted for good/)).toBeTruthy();
	expect(screen.getByRole('status').textContent).toContain('“ms li”');
	expect(screen.getByRole('status').textContent).not.toContain('linked');
});

it('shows what is linked now where that has changed, and has it confirmed again', async () => {
	const asked = serve();
	const served = globalThis.fetch as (path: string, init?: RequestInit) => Promise<Response>;
	let linked = ['c2'];
	vi.stubGlobal('fetch', async (path: string, init?: RequestInit) => {
		const response = await served(path, init);
		if (init?.method === 'DELETE' && linked.length === 1) {
			linked = ['c2', 'c4'];
			const error = { code: 'linked_changed', message: '', details: { linked } };
			return Response.json({ error }, { status: 409 });
		}
		if (!path.startsWith('/api/customers/') || init?.method === 'DELETE') return response;
		const customer = (await response.json()) as object;
		const nameless = linked.map((id) => ({ id, title: `Title of ${id}`, customer: null }));
		return Response.json({ ...customer, linked: nameless });
	});
	await lookedUp();
	await userEvent.click(await screen.findByLabelText(/linked conversation that names nobody/));
	await userEvent.type(screen.getByLabelText('Type Ms Li to confirm'), 'Ms Li');
	await userEvent.click(screen.getByRole('button', { name: 'Delete for good' }));
	expect((await screen.findByRole('alert')).textContent).toMatch(/Nothing was deleted/);
	expect(screen.getByText('Title of c4')).toBeTruthy();
	const deleting = screen.getByRole<HTMLButtonElement>('button', { name: 'Delete for good' });
	expect(deleting.disabled).toBe(true);
	const both = screen.getByLabelText<HTMLInputElement>(/2 linked conversations that name nobody/);
	expect(both.checked).toBe(false);
	await userEvent.click(both);
	await userEvent.type(screen.getByLabelText('Type Ms Li to confirm'), 'Ms Li');
	await userEvent.click(deleting);
	expect(asked.at(-1)).toBe('DELETE /api/customers/Ms%20Li?linked=c2%2Cc4');
	expect(await screen.findByText(/3 conversations of “Ms Li” are deleted for good/)).toBeTruthy();
	expect(screen.queryByRole('alert')).toBeNull();
});

it('leaves linked conversations and other spellings alone unless asked', async () => {
	const asked = serve();
	await lookedUp();
	await userEvent.type(await screen.findByLabelText('Type Ms Li to confirm'), 'Ms Li');
	await userEvent.click(screen.getByRole('button', { name: 'Delete for good' }));
	expect(asked.at(-1)).toBe('DELETE /api/customers/Ms%20Li');
	const told = await screen.findByText(/1 conversation of “Ms Li” is deleted for good/);
	expect(told.closest('[role=status]')?.textContent).toMatch(/1 linked conversation.*“ms li”/);
});

it('reads out the figures, and no button or box among them', async () => {
	serve();
	await lookedUp();
	expect(await screen.findByRole('checkbox')).toBeTruthy();
	const status = screen.getByRole('status');
	expect(status.textContent).toContain('1 conversation');
	expect(within(status).queryAllByRole('checkbox')).toEqual([]);
	expect(within(status).queryAllByRole('button')).toEqual([]);
	expect(within(status).queryAllByRole('link')).toEqual([]);
});

it.each(['from the list', 'from those alike'])(
	'takes a name chosen %s to the letter',
	async (from) => {
		const asked: string[] = [];
		vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
			asked.push(`${init?.method ?? 'GET'} ${path}`);
			if (init?.method === 'DELETE') return Promise.resolve(new Response(null, { status: 204 }));
			if (path.startsWith('/api/customers/')) {
				const alike = [{ name: 'Li ', conversations: 1 }];
				const customer = { name: 'Li', conversations: 1, alike, linked: [], importing: false };
				return Promise.resolve(Response.json(customer));
			}
			if (path.startsWith('/api/customers')) return Promise.resolve(Response.json(['Li ']));
			const conversations = path.includes('deleted=true') ? [] : [{ id: 'c1', round_count: 2 }];
			return Promise.resolve(Response.json({ conversations, next_cursor: null }));
		});
		render(CustomerCard, { onChange: () => {} });
		const name = screen.getByLabelText('Customer');
		await userEvent.type(name, from === 'from the list' ? 'Li ' : 'Li  ');
		await userEvent.click(screen.getByRole('button', { name: 'Look up' }));
		if (from === 'from those alike') {
			await userEvent.click(await screen.findByRole('button', { name: 'Li (1)' }));
		}
		await vi.waitFor(() => expect(asked).toContain('GET /api/customers/Li%20'));
		await userEvent.type(await screen.findByLabelText(/to confirm/), 'Li');
		await userEvent.click(screen.getByRole('button', { name: 'Delete for good' }));
		expect(asked.at(-1)).toBe('DELETE /api/customers/Li%20');
	}
);

it('looks another spelling up by its own name', async () => {
	const asked = serve();
	await lookedUp();
	await userEvent.click(await screen.findByRole('button', { name: 'ms li (3)' }));
	expect(asked).toContain('GET /api/customers/ms%20li');
});

it('says that nothing belongs to a name nobody knows', async () => {
	vi.stubGlobal('fetch', (path: string) => {
		if (path.startsWith('/api/customers/')) {
			const error = { code: 'customer_unknown', message: '' };
			return Promise.resolve(Response.json({ error }, { status: 404 }));
		}
		const isNames = path.startsWith('/api/customers');
		return Promise.resolve(Response.json(isNames ? [] : { conversations: [], next_cursor: null }));
	});
	await lookedUp();
	expect(await screen.findByText('No conversation belongs to “Ms Li”.')).toBeTruthy();
	expect(screen.queryByRole('alert')).toBeNull();
});

it('deletes a customer whom an import has yet to bring', async () => {
	const asked: string[] = [];
	vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
		asked.push(`${init?.method ?? 'GET'} ${path}`);
		if (init?.method === 'DELETE') return Promise.resolve(new Response(null, { status: 204 }));
		if (path.startsWith('/api/customers/')) {
			const none = { name: 'Ms Li', conversations: 0, alike: [], linked: [], importing: true };
			return Promise.resolve(Response.json(none));
		}
		const isNames = path.startsWith('/api/customers');
		return Promise.resolve(Response.json(isNames ? [] : { conversations: [], next_cursor: null }));
	});
	await lookedUp();
	expect(await screen.findByText(/An import is under way/)).toBeTruthy();
	await userEvent.type(screen.getByLabelText('Type Ms Li to confirm'), 'Ms Li');
	await userEvent.click(screen.getByRole('button', { name: 'Delete for good' }));
	expect(asked.at(-1)).toBe('DELETE /api/customers/Ms%20Li');
	expect(await screen.findByText(/What the import still brings of them is left out/)).toBeTruthy();
});

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
