import { describe, expect, it } from 'vitest';
import { busiest, inBins, labelWidth, labelled, withoutHoles } from './series';

const day = (name: string, median_ms: number) => ({
	day: name,
	median_ms,
	p90_ms: 1,
	questions: 1
});

describe('days', () => {
	it('without a question stand in the row, with nothing measured', () => {
		const days = withoutHoles([day('2026-03-02', 5), day('2026-02-27', 7)]);
		expect(days.map(({ day, median_ms }) => [day, median_ms])).toEqual([
			['2026-02-27', 7],
			['2026-02-28', null],
			['2026-03-01', null],
			['2026-03-02', 5]
		]);
	});

	it('of nothing are none', () => expect(withoutHoles([])).toEqual([]));

	it('get at most so many labels, the last one always', () => {
		const days = Array.from({ length: 30 }, (_, index) => String(index));
		const chosen = [...labelled(days, 7)];
		expect(chosen.length).toBeLessThanOrEqual(7);
		expect(chosen).toContain('29');
	});
});

it('bins lose no count', () => {
	const values = Array.from({ length: 90 }, (_, index) => index);
	const bins = inBins(values, 40);
	expect(bins.length).toBeLessThanOrEqual(40);
	expect(bins.reduce((a, b) => a + b)).toBe(values.reduce((a, b) => a + b));
	expect(inBins([1, 2], 40)).toEqual([1, 2]);
});

it('the busiest hour is found, and none where nothing was asked', () => {
	expect(
		busiest([
			[0, 2],
			[5, 1]
		])
	).toEqual({ weekday: 1, hour: 0, count: 5 });
	expect(busiest([[0, 0]])).toBeUndefined();
});

describe('the room for labels', () => {
	it('is more for more digits, and a Chinese character takes the place of its square', () => {
		expect(labelWidth('0.15 s', 11)).toBeGreaterThan(labelWidth('1 s', 11));
		expect(labelWidth('秒', 11)).toBe(11);
	});
});
