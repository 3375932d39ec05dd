/** Numbers, shares and times the way the page's language writes them where the reader lives. */
import { language } from './language.svelte';

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

/** English differs by country: the browser knows which one. */
const locale = () =>
	(language.code === 'en' ? navigator.languages.find((tag) => /^en-/i.test(tag)) : undefined) ??
	language.tag;

/** Formatters are slow to make: one of each is kept. */
function kept<Format extends Intl.NumberFormat | Intl.DateTimeFormat>(
	key: string,
	make: (tag: string) => Format
): Format {
	const tag = locale();
	const name = `${tag} ${key}`;
	const known = made.get(name) as Format | undefined;
	const format = known ?? make(tag);
	if (!known) made.set(name, format);
	return format;
}

const number = (options: Intl.NumberFormatOptions) =>
	kept(JSON.stringify(options), (tag) => new Intl.NumberFormat(tag, options));
const date = (options: Intl.DateTimeFormatOptions) =>
	kept(JSON.stringify(options), (tag) => new Intl.DateTimeFormat(tag, options));

export const count = (n: number) => number({}).format(n);

/** A share from 0 to 1; below one in a hundred it keeps a digit, so that something is not nothing. */
export const share = (part: number, digits = part > 0 && part < 0.01 ? 1 : 0) =>
	number({ style: 'percent', maximumFractionDigits: digits }).format(part);

/** Milliseconds as seconds, without the unit. */
export const secondsOf = (ms: number) =>
	number({
		minimumFractionDigits: ms < 9950 ? 1 : 0,
		maximumFractionDigits: ms < 9950 ? 1 : 0
	}).format(ms / 1000);

/** `2026-11-21` as a day of the year. */
export const shortDay = (day: string) =>
	date({ month: 'short', day: 'numeric', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));

export const longDay = (day: string) =>
	date({ dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));

export const instant = (at: number) =>
	date({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));

/** When something was, as short as it can be told apart: the time today, else the day, and the year only of another. */
export function moment(at: number, now: Date): string {
	const then = new Date(at);
	if (then.toDateString() === now.toDateString()) return date({ timeStyle: 'short' }).format(then);
	return then.getFullYear() === now.getFullYear()
		? date({ month: 'short', day: 'numeric' }).format(then)
		: date({ dateStyle: 'short' }).format(then);
}

/** 0 is Monday. */
export const weekday = (index: number, width: 'long' | 'short' = 'long') =>
	// 5 January 1970 was a Monday.
	date({ weekday: width, timeZone: 'UTC' }).format(new Date(Date.UTC(1970, 0, 5 + index)));

/** A file's name that leaves room for what is said about it: its beginning and its end. */
export function shortened(name: string): string {
	const characters = [...name];
	if (characters.length <= 40) return name;
	return [...characters.slice(0, 24), '…', ...characters.slice(-14)].join('');
}
