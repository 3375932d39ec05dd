/** The addresses of the page, made in one place. */
import type { Page } from './place';

/** What narrows the list of conversations; the names are those of `GET /api/conversations`. */
export interface Filters {
	query?: string;
	verdict?: string;
	customer?: string;
	pinned?: boolean;
	from?: number;
	to?: number;
	group?: string;
	solved_in?: 1 | 2 | 3;
	doubtful?: boolean;
	thumb?: 'up' | 'down';
	hour?: number;
	weekday?: number;
}

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

/** The desk with these conversations beside it. */
export const conversationsLink = (filters: Filters) => pageLink('desk', { ...filters });

/** The desk with one conversation open. */
export const conversationLink = (id: string) => `#/c/${encodeURIComponent(id)}`;
