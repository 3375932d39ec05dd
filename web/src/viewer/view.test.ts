import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fit, fitScale, isFitted, move, pinch, settle, zoom, type Size, type View } from './view';

const stage: Size = { width: 400, height: 300 };
const picture: Size = { width: 800, height: 400 };

describe('a view', () => {
	it('fits the whole picture, in the middle, with a margin', () => {
		expect(fit(stage, picture)).toEqual({ scale: 0.46, x: 16, y: 58 });
	});

	it('enlarges a small label fourfold at most', () => {
		expect(fitScale({ width: 4000, height: 4000 }, { width: 100, height: 50 })).toBe(4);
	});

	it('keeps the point under the cursor where it is', () => {
		const about = { x: 200, y: 150 };
		const before = fit(stage, picture);
		const after = zoom(before, 3, about, stage, picture);
		const inPicture = (view: View) => [
			(about.x - view.x) / view.scale,
			(about.y - view.y) / view.scale
		];
		expect(inPicture(after)[0]).toBeCloseTo(inPicture(before)[0] ?? 0);
		expect(inPicture(after)[1]).toBeCloseTo(inPicture(before)[1] ?? 0);
	});

	it('goes back to fitted when zoomed out as far as it goes', () => {
		const near = zoom(fit(stage, picture), 5, { x: 10, y: 10 }, stage, picture);
		const back = zoom(near, 0.001, { x: 390, y: 10 }, stage, picture);
		expect(back).toEqual(fit(stage, picture));
		expect(isFitted(back, stage, picture)).toBe(true);
	});

	it('never leaves the stage empty where the picture could cover it', () => {
		const step = fc.oneof(
			fc.record({
				by: fc.record({
					x: fc.integer({ min: -999, max: 999 }),
					y: fc.integer({ min: -999, max: 999 })
				})
			}),
			fc.record({ factor: fc.double({ min: 0.1, max: 10, noNaN: true }) })
		);
		fc.assert(
			fc.property(fc.array(step), (steps) => {
				let view = fit(stage, picture);
				for (const s of steps) {
					view =
						'by' in s
							? move(view, s.by, stage, picture)
							: zoom(view, s.factor, { x: 100, y: 100 }, stage, picture);
				}
				expect(settle(view, stage, picture)).toEqual(view);
				expect(view.x).toBeLessThanOrEqual(
					Math.max(0, (stage.width - picture.width * view.scale) / 2) + 1e-6
				);
			})
		);
	});

	it('survives a stage without size', () => {
		expect(fit({ width: 0, height: 0 }, picture).scale).toBe(1);
	});
});

it('two fingers moving apart zoom, moving together they pan', () => {
	const from: [{ x: number; y: number }, { x: number; y: number }] = [
		{ x: 0, y: 0 },
		{ x: 10, y: 0 }
	];
	expect(
		pinch(from, [
			{ x: -5, y: 0 },
			{ x: 15, y: 0 }
		])
	).toMatchObject({ factor: 2, by: { x: 0, y: 0 } });
	expect(
		pinch(from, [
			{ x: 5, y: 3 },
			{ x: 15, y: 3 }
		])
	).toMatchObject({ factor: 1, by: { x: 5, y: 3 } });
});
