import { describe, expect, it } from 'vitest';
import { isNarrowed, readFilters, without, writeFilters } from './filters';

describe('filters of an address', () => {
	it('come back as they were written', () => {
		const filters = {
			verdict: 'wrong',
			group: 'g 1&2',
			doubtful: true,
			doubtful_string: ' E-1 02&',
			hour: 0,
			solved_in: 3,
			unanswered: 'cancelled'
		} as const;
		expect(readFilters(writeFilters(filters))).toEqual(filters);
	});

	it.each([
		'verdict=best',
		'hour=24',
		'hour=-1',
		'hour=1e1',
		'weekday=x',
		'doubtful=yes',
		'doubtful_string=',
		`doubtful_string=${'1'.repeat(201)}`,
		'unanswered=done',
		'solved_in=4',
		'group=',
		'constructor=1'
	])('leave out what is spelt wrong: %s', (search) => {
		const filters = readFilters(search);
		expect(filters).toEqual({});
		expect(isNarrowed(filters)).toBe(false);
	});

	it('can be taken away one by one', () => {
		expect(without({ hour: 3, weekday: 1 }, 'hour')).toEqual({ weekday: 1 });
	});
});
