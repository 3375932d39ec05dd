import { afterEach, describe, expect, it, vi } from 'vitest';
import {
	dayOf,
	dayStart,
	everyDay,
	periodOf,
	periodQuery,
	spanOf,
	spanOfDay,
	type Period
} from './period';

const noon = new Date(2026, 10, 21, 12).getTime();

describe('a period', () => {
	it.each<Period>([
		{ kind: 'last', days: 7 },
		{ kind: 'last', days: 90 },
		{ kind: 'all' },
		{ kind: 'between', from: '2026-10-01', to: '2026-10-31' }
	])('survives the address: %j', (period) =>
		expect(periodOf(new URLSearchParams(periodQuery(period)))).toEqual(period)
	);

	it.each(['', 'days=8', 'from=2026-10-01', 'from=yesterday&to=2026-10-01'])(
		'that nobody offers is the last thirty days: %j',
		(query) => expect(periodOf(new URLSearchParams(query))).toEqual({ kind: 'last', days: 30 })
	);

	it('the wrong way round is turned', () => {
		expect(periodOf(new URLSearchParams('from=2026-10-09&to=2026-10-01'))).toEqual({
			kind: 'between',
			from: '2026-10-01',
			to: '2026-10-09'
		});
	});

	it('of seven days begins with the day six days ago', () => {
		expect(spanOf({ kind: 'last', days: 7 }, noon)).toEqual({
			from: new Date(2026, 10, 15).getTime()
		});
	});

	it('includes its last day and ends before the next', () => {
		const span = spanOf({ kind: 'between', from: '2026-02-27', to: '2026-02-28' }, noon);
		expect(span).toEqual({
			from: new Date(2026, 1, 27).getTime(),
			to: new Date(2026, 2, 1).getTime()
		});
	});

	it('of everything has no ends', () => expect(spanOf({ kind: 'all' }, noon)).toEqual({}));
});

describe('days', () => {
	it('follow one another over the end of a month and of a year', () => {
		expect(everyDay('2026-12-30', '2027-01-02')).toEqual([
			'2026-12-30',
			'2026-12-31',
			'2027-01-01',
			'2027-01-02'
		]);
		expect(everyDay('2026-12-30', '2026-12-29')).toEqual([]);
	});

	it('are the same there and back', () => expect(dayOf(dayStart('2026-03-29'))).toBe('2026-03-29'));
});

describe('a day of a report', () => {
	afterEach(() => {
		vi.useRealTimers();
		vi.unstubAllEnvs();
	});

	it('is cut by the clock of today, also where clocks were changed since', () => {
		vi.stubEnv('TZ', 'Europe/Berlin');
		vi.useFakeTimers({ now: Date.UTC(2026, 10, 21, 12) });
		const span = spanOfDay('2026-07-01', {});
		expect(span).toEqual({ from: Date.UTC(2026, 5, 30, 23), to: Date.UTC(2026, 6, 1, 23) });
	});

	it('goes no further than the report', () => {
		const whole = spanOfDay('2026-11-20', {});
		const { from = 0, to = 0 } = whole;
		expect(spanOfDay('2026-11-20', { from: from + 5, to: to - 7 })).toEqual({
			from: from + 5,
			to: to - 7
		});
	});
});
