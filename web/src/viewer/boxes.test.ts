import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Box } from '../api/types';
import { boxBetween, cropOf, isSlip, moved, placeOf, sized, withMargin } from './boxes';

const side = fc.integer({ min: 1, max: 6000 });
const sizes = fc.record({ width: side, height: side });
const views = fc.record({
	x: fc.double({ min: -500, max: 500, noNaN: true }),
	y: fc.double({ min: -500, max: 500, noNaN: true }),
	scale: fc.double({ min: 0.05, max: 12, noNaN: true })
});
const at = fc.integer({ min: 0, max: 1000 });
const boxes = fc
	.tuple(at, at, at, at)
	.map(([a, b, c, d]): Box => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)]);

describe('a box on the stage', () => {
	it('covers its share of the picture, at any zoom', () => {
		const place = placeOf(
			[250, 100, 750, 200],
			{ x: 10, y: 20, scale: 2 },
			{ width: 400, height: 300 }
		);
		expect(place).toEqual({ left: 210, top: 80, width: 400, height: 60 });
	});

	it('is the one that is drawn there, from any corner', () => {
		fc.assert(
			fc.property(boxes, views, sizes, (box, view, picture) => {
				const { left, top, width, height } = placeOf(box, view, picture);
				const [a, b] = [
					{ x: left, y: top },
					{ x: left + width, y: top + height }
				];
				expect(boxBetween(a, b, view, picture)).toEqual(box);
				expect(boxBetween(b, a, view, picture)).toEqual(box);
			})
		);
	});

	it('never leaves the picture, however far it is drawn', () => {
		const view = { x: 0, y: 0, scale: 1 };
		const picture = { width: 100, height: 50 };
		expect(boxBetween({ x: -40, y: -40 }, { x: 400, y: 400 }, view, picture)).toEqual([
			0, 0, 1000, 1000
		]);
	});

	it('of a click is a slip', () => {
		expect(isSlip([500, 500, 502, 900])).toBe(true);
		expect(isSlip([500, 500, 520, 520])).toBe(false);
	});

	it('survives a picture without size', () => {
		expect(
			boxBetween({ x: 1, y: 1 }, { x: 9, y: 9 }, { x: 0, y: 0, scale: 1 }, { width: 0, height: 0 })
		).toEqual([0, 0, 0, 0]);
	});
});

describe('a box moved by keys', () => {
	it('keeps its size and stays on the picture', () => {
		fc.assert(
			fc.property(boxes, fc.integer({ min: -2000, max: 2000 }), (box, by) => {
				const next = moved(box, { x: by, y: -by });
				expect(next[2] - next[0]).toBe(box[2] - box[0]);
				expect(next[3] - next[1]).toBe(box[3] - box[1]);
				for (const edge of next) expect(edge >= 0 && edge <= 1000).toBe(true);
			})
		);
	});

	it('grows to the edge and shrinks to no less than a hand can mean', () => {
		expect(sized([900, 10, 950, 60], { x: 500, y: -500 })).toEqual([900, 10, 1000, 18]);
	});
});

it('a crop fills its window with the box', () => {
	expect(cropOf([250, 500, 500, 600], { width: 800, height: 400 })).toEqual({
		aspect: 5,
		width: 400,
		left: -100,
		top: -500
	});
	expect(withMargin([0, 100, 100, 200], 0.1)).toEqual([0, 90, 110, 210]);
});
