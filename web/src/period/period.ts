/**
 * A stretch of time as people choose it: the last days, everything, or from one day to another. Days are
 * those of the reader's own clock.
 */
import { utcOffsetMinutes, type Span } from '../api/insights';

const dayMs = 24 * 60 * 60 * 1000;

export const lastDays = [7, 30, 90] as const;
export type LastDays = (typeof lastDays)[number];

export type Period =
	| { kind: 'last'; days: LastDays }
	| { kind: 'all' }
	/** Both days as `2026-11-21`, both included. */
	| { kind: 'between'; from: string; to: string };

export const standardPeriod: Period = { kind: 'last', days: 30 };

const isDay = (text: string | null): text is string =>
	text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(dayStart(text));

/** The instant a day begins, `after` days later. */
export function dayStart(day: string, after = 0): number {
	const [year = Number.NaN, month = Number.NaN, date = Number.NaN] = day.split('-').map(Number);
	return new Date(year, month - 1, date + after).getTime();
}

export function dayOf(at: number): string {
	const date = new Date(at);
	const two = (n: number) => String(n).padStart(2, '0');
	return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** What cannot be read is the standard period. */
export function periodOf(query: URLSearchParams): Period {
	const from = query.get('from');
	const to = query.get('to');
	if (isDay(from) && isDay(to)) {
		return from <= to ? { kind: 'between', from, to } : { kind: 'between', from: to, to: from };
	}
	if (query.get('days') === 'all') return { kind: 'all' };
	const days = lastDays.find((n) => String(n) === query.get('days'));
	return days ? { kind: 'last', days } : standardPeriod;
}

/** For the address; the other way of `periodOf`. */
export function periodQuery(period: Period): Record<string, string> {
	if (period.kind === 'between') return { from: period.from, to: period.to };
	return { days: period.kind === 'all' ? 'all' : String(period.days) };
}

/** The last seven days are today and the six before. */
export function spanOf(period: Period, now: number): Span {
	if (period.kind === 'all') return {};
	if (period.kind === 'between') {
		return { from: dayStart(period.from), to: dayStart(period.to, 1) };
	}
	return { from: dayStart(dayOf(now), 1 - period.days) };
}

/**
 * A day of a report, as far as the report reaches. Its days are cut by one clock, today's: they do not
 * shift by an hour where the clocks were changed in between.
 */
export function spanOfDay(day: string, report: Span): Span {
	const from = Date.parse(`${day}T00:00:00Z`) - utcOffsetMinutes() * 60_000;
	return {
		from: Math.max(from, report.from ?? from),
		to: Math.min(from + dayMs, report.to ?? Infinity)
	};
}

/** Every day from the first to the last, also those on which nothing happened. */
export function everyDay(first: string, last: string): string[] {
	const days: string[] = [];
	for (let day = first; day <= last && days.length < 4000; day = dayOf(dayStart(day, 1))) {
		days.push(day);
	}
	return days;
}
