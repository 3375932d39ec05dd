/** The addresses of the page, made in one place. */
import { queryString } from '../api/query';
import type { Filters } from '../list/filters';
import type { Page } from './place';

export const pageLink = (page: Page, values: object = {}) =>
	`#/${page === 'desk' ? '' : page}${queryString(values)}`;

/** The desk with these conversations beside it, `query` as the words searched for. */
export const conversationsLink = (filters: Filters & { query?: string }) =>
	pageLink('desk', filters);

/** The desk with one conversation open. */
export const conversationLink = (id: string) => `#/c/${encodeURIComponent(id)}`;
