/** The link of a conversation that is not there yet to the one it continues, over a reload of this tab. */
import type { Chain } from './cabinet.svelte';
import type { Conversation } from './conversation.svelte';

const key = 'lookdesk.chain';

const isChain = (value: unknown): value is Chain => {
	if (typeof value !== 'object' || value === null) return false;
	const { follows, customer } = value as Partial<Chain>;
	return typeof follows === 'string' && (customer === null || typeof customer === 'string');
};

export function keepChain({ id, follows, customer }: Conversation): void {
	try {
		if (id !== undefined || follows === null) sessionStorage.removeItem(key);
		else sessionStorage.setItem(key, JSON.stringify({ follows, customer }));
	} catch {
		// A reload will begin a conversation of its own.
	}
}

export function recallChain(): Chain | undefined {
	try {
		const kept: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null');
		return isChain(kept) ? kept : undefined;
	} catch {
		return undefined;
	}
}
