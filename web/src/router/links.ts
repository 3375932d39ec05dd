/** The addresses of the page, made in one place. */
import type { Filters } from '../list/filters';
import type { Page } from './place';

type Values = Record<string, string | number | boolean | undefined>;

/** What is undefined is left out. */
export function queryString(values: Values): string {
	const known = Object.entries(values).flatMap(([name, value]) =>
		value === undefined ? [] : [[name, String(value)]]
	);
	return known.length === 0 ? '' : `?${new URLSearchParams(known).toString()}`;
}

export const pageLink = (page: Page, values: Values = {}) =>
	`#/${page === 'desk' ? '' : page}${queryString(values)}`;

/** The desk with these conversations beside it, `query` as the words searched for. */
export const conversationsLink = (filters: Filters & { query?: string }) =>
	pageLink('desk', { ...filters });

/** The desk with one conversation open. */
export const conversationLink = (id: string) => `#/c/${encodeURIComponent(id)}`;
