/**
 * Where in the page one is, read from the part of the address after `#`. Knows no browser.
 *
 * `#/insights?days=7` is the insights page of seven days; `#/c/ID` and everything unknown is the desk.
 * A hash without a slash (`#question`) is a jump inside a page, not a place.
 */
export const pages = ['desk', 'insights', 'records'] as const;
export type Page = (typeof pages)[number];

export interface Place {
	page: Page;
	path: string;
	query: URLSearchParams;
}

export function readPlace(hash: string): Place | undefined {
	if (hash !== '' && hash !== '#' && !hash.startsWith('#/')) return undefined;
	const [path = '', ...query] = hash.slice(1).split('?');
	const first = path.split('/')[1];
	return {
		page: pages.find((page) => page === first) ?? 'desk',
		path: path || '/',
		query: new URLSearchParams(query.join('?'))
	};
}
