/**
 * What the list of conversations is narrowed to, as the address and the server's query spell it. A figure
 * elsewhere that opens "the conversations behind it" is such an address.
 */
import type { Verdict } from '../api/types';

export type Unanswered = 'cancelled' | 'left' | 'interrupted' | 'failed';

export interface Filters {
	verdict?: Verdict;
	customer?: string;
	pinned?: boolean;
	from?: number;
	to?: number;
	group?: string;
	solved_in?: 1 | 2 | 3;
	doubtful?: boolean;
	/** A string that was doubtful, to the character. */
	doubtful_string?: string;
	/** How the newest answer ended to a question that has no whole one. */
	unanswered?: Unanswered;
	thumb?: 'up' | 'down';
	hour?: number;
	weekday?: number;
}

export type FilterName = keyof Filters;

/** The longest doubtful string that can be looked for. */
export const longestString = 200;

const whole = (least: number, most: number) => (text: string) => {
	const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
	return value >= least && value <= most ? value : undefined;
};
const oneOf =
	<Value extends string>(...allowed: Value[]) =>
	(text: string) =>
		allowed.find((value) => value === text);
const words = (text: string) => (text.trim() === '' ? undefined : text.slice(0, 200));
const exact = (text: string) => (text === '' || text.length > longestString ? undefined : text);
const flag = (text: string) => (text === 'true' ? true : text === 'false' ? false : undefined);

const readers: { [Name in FilterName]: (text: string) => Filters[Name] | undefined } = {
	verdict: oneOf('solved', 'handed_over', 'wrong'),
	customer: words,
	pinned: flag,
	from: whole(0, Number.MAX_SAFE_INTEGER),
	to: whole(0, Number.MAX_SAFE_INTEGER),
	group: words,
	solved_in: (text) => whole(1, 3)(text) as 1 | 2 | 3 | undefined,
	doubtful: flag,
	doubtful_string: exact,
	unanswered: oneOf('cancelled', 'left', 'interrupted', 'failed'),
	thumb: oneOf('up', 'down'),
	hour: whole(0, 23),
	weekday: whole(0, 6)
};

/** The filters an address names; what it spells wrong is not there. */
export function readFilters(search: string): Filters {
	const params = new URLSearchParams(search);
	const found = Object.entries(readers).flatMap(([name, read]) => {
		const text = params.get(name);
		const value = text === null ? undefined : read(text);
		return value === undefined ? [] : [[name, value] as const];
	});
	return Object.fromEntries(found) as Filters;
}

export function writeFilters(filters: Filters): string {
	return new URLSearchParams(
		Object.entries(filters).map(([name, value]) => [name, String(value)])
	).toString();
}

export const isNarrowed = (filters: Filters) => Object.keys(filters).length > 0;

export function without(filters: Filters, name: FilterName): Filters {
	const { [name]: _gone, ...rest } = filters;
	return rest;
}
