/**
 * Pictures that say of themselves how they lie (EXIF orientation 1 to 8) and pictures of odd shapes: boxes, crops,
 * what is drawn by hand and what the model is shown are all of the picture as a person sees it.
 */
import type { Locator, Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { strict } from './axe.ts';
import { shows } from './items.ts';
import { live, pastPicture } from './past.ts';
import { picture } from './samples.ts';
import { expect, test } from './served.ts';

type Box = [number, number, number, number];
type Colour = [red: number, green: number, blue: number];

const red: Box = [100, 200, 400, 500];
const blue: Box = [700, 600, 900, 900];

/** A picture with a red and a blue block, or the sample given, stored as `orientation` says it lies. */
async function stored(
	page: Page,
	orientation: number,
	size: { width: number; height: number },
	sample?: string
): Promise<Buffer> {
	const bytes = await page.evaluate(
		async ([lies, { width, height }, blocks, base64]) => {
			const upright = new OffscreenCanvas(width, height);
			const context = upright.getContext('2d');
			if (!context) throw new Error('no canvas');
			context.fillStyle = '#fff';
			context.fillRect(0, 0, width, height);
			if (base64) {
				const file = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
				context.drawImage(await createImageBitmap(new Blob([file])), 0, 0);
			} else {
				for (const [colour, [x0, y0, x1, y1]] of blocks) {
					context.fillStyle = colour;
					context.fillRect(
						(x0 * width) / 1000,
						(y0 * height) / 1000,
						((x1 - x0) * width) / 1000,
						((y1 - y0) * height) / 1000
					);
				}
			}
			const isTurned = lies >= 5;
			const lying = new OffscreenCanvas(isTurned ? height : width, isTurned ? width : height);
			const seen = context.getImageData(0, 0, width, height);
			const other = lying.getContext('2d');
			if (!other) throw new Error('no canvas');
			const pixels = other.createImageData(lying.width, lying.height);
			// Which side of the picture the first row and the first column are. Source: TIFF 6.0, Orientation.
			const isRightFirst = [2, 3, 6, 7].includes(lies);
			const isBottomFirst = [3, 4, 7, 8].includes(lies);
			for (let y = 0; y < lying.height; y++) {
				for (let x = 0; x < lying.width; x++) {
					const [across, down] = isTurned ? [y, x] : [x, y];
					const from =
						((isBottomFirst ? height - 1 - down : down) * width +
							(isRightFirst ? width - 1 - across : across)) *
						4;
					pixels.data.set(seen.data.subarray(from, from + 4), (y * lying.width + x) * 4);
				}
			}
			other.putImageData(pixels, 0, 0);
			const blob = await lying.convertToBlob({ type: 'image/jpeg', quality: 1 });
			return [...new Uint8Array(await blob.arrayBuffer())];
		},
		[
			orientation,
			size,
			[
				['#e00000', red],
				['#0000e0', blue]
			] as [string, Box][],
			sample === undefined ? '' : readFileSync(picture(sample)).toString('base64')
		] as const
	);
	const jpeg = Buffer.from(bytes);
	const tag = `0112000300000001000${orientation}0000`;
	const tiff = Buffer.from(`4d4d002a000000080001${tag}00000000`, 'hex');
	const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
	const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
	return Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]);
}

/** The colour one sees in the middle of an element, or at a place of it in shares. */
async function colourAt(page: Page, element: Locator, across = 0.5, down = 0.5): Promise<Colour> {
	const at = await element.boundingBox();
	if (!at) throw new Error('nothing is shown');
	const clip = {
		x: at.x + at.width * across - 1,
		y: at.y + at.height * down - 1,
		width: 3,
		height: 3
	};
	const png = (await page.screenshot({ clip })).toString('base64');
	return page.evaluate(async (base64) => {
		const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
		const seen = await createImageBitmap(new Blob([bytes]));
		const context = new OffscreenCanvas(3, 3).getContext('2d');
		if (!context) throw new Error('no canvas');
		context.drawImage(seen, 0, 0);
		const [r = 0, g = 0, b = 0] = context.getImageData(1, 1, 1, 1).data;
		return [r, g, b] as [number, number, number];
	}, png);
}

const isRed = ([r, g, b]: Colour) => r > 120 && g < 110 && b < 110 && r - b > 60;
const isBlue = ([r, g, b]: Colour) => b > 120 && r < 110 && g < 110 && b - r > 60;

const cases: [string, number, { width: number; height: number }][] = [
	...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation): (typeof cases)[number] => [
		`orientation ${orientation}`,
		orientation,
		{ width: 640, height: 400 }
	]),
	['a banner', 1, { width: 2000, height: 100 }],
	['a banner on its side', 6, { width: 2000, height: 100 }],
	['a receipt', 1, { width: 120, height: 1800 }],
	['a receipt on its side', 8, { width: 120, height: 1800 }]
];

test.beforeEach(({ page }) => strict(page));

for (const [what, orientation, size] of cases) {
	test(
		`boxes, crops and what a hand draws lie where one sees them: ${what}`,
		shows('orientation'),
		async ({ page, person, t, request }) => {
			await person.open();
			const shown = await pastPicture(request, await stored(page, orientation, size));
			const about = { picture: shown.id, was: 'E102', probability: 0.4 };
			const [id] = await live(request, [
				{
					title: what,
					rounds: [
						{
							question: '?',
							pictures: [shown],
							answers: [
								{
									text: 'E102',
									marks: [{ start: 0, end: 4, certainty: 'doubtful', probability: 0.3 }],
									evidence: [
										{ picture: shown.id, label: 'red', box: red },
										{ picture: shown.id, label: 'blue', box: blue }
									],
									readings: [{ ...about, text: 'E107', box: red, agrees: false }]
								}
							]
						}
					]
				}
			]);
			await page.goto(`/#/c/${id}`);
			const image = person.stage.locator('img').first();
			await expect(image).toBeVisible();
			const natural = await image.evaluate((element: HTMLImageElement) => [
				element.naturalWidth,
				element.naturalHeight
			]);
			expect(natural).toEqual([size.width, size.height]);
			const crop = page.getByRole('figure').getByRole('img');
			const window_ = crop.locator('..');
			await expect.poll(async () => isRed(await colourAt(page, window_))).toBe(true);

			await page.getByRole('button', { name: t.evidence.one(1, 'red') }).click();
			for (const [number, isOwn] of [
				['1', isRed],
				['2', isBlue]
			] as const) {
				const box = page.locator(`[data-box="${number}"]`);
				await expect(box).toBeVisible();
				await page.mouse.move(1, 1);
				await expect.poll(async () => isOwn(await colourAt(page, box))).toBe(true);
				const { width = 0, height = 0 } = (await box.boundingBox()) ?? {};
				// Within a thin box there is nothing but its middle.
				if (Math.min(width, height) > 24)
					expect(isOwn(await colourAt(page, box, 0.85, 0.85))).toBe(true);
			}

			await page.locator('.mark').click();
			await person.press(t.closer.byHand);
			const at = await image.boundingBox();
			if (!at) throw new Error('no picture');
			const [x0, y0, x1, y1] = blue.map((edge) => edge / 1000) as Box;
			await page.mouse.move(at.x + at.width * x0, at.y + at.height * y0);
			await page.mouse.down();
			await page.mouse.move(at.x + at.width * x1, at.y + at.height * y1, { steps: 3 });
			await page.mouse.up();
			const asking = page.waitForRequest('**/api/answers/*/readings');
			await person.press(t.closer.confirm);
			const { box } = (await asking).postDataJSON() as { box: Box };
			const pixel = 1000 / Math.min(at.width, at.height);
			for (const [edge, wanted] of blue.entries()) {
				expect(Math.abs((box[edge] ?? -1) - wanted), `${box} is ${blue}`).toBeLessThan(
					6 + 2 * pixel
				);
			}
			await expect(page.getByRole('figure')).toHaveCount(2);
			const second = page.getByRole('figure').nth(1).getByRole('img').locator('..');
			await second.scrollIntoViewIfNeeded();
			await expect.poll(async () => isBlue(await colourAt(page, second))).toBe(true);
		}
	);
}

test('the model reads a label however it lies, whole and closer', async ({
	page,
	person,
	request
}) => {
	await person.open();
	const readings: unknown[] = [];
	for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
		const size = { width: 512, height: 320 };
		const file = await stored(page, orientation, size, 'label-en.jpg');
		const shown = await pastPicture(request, file);
		expect([shown.width, shown.height]).toEqual([512, 320]);
		const made = await request.post('/api/conversations', { data: {} });
		const { id } = (await made.json()) as { id: string };
		const asked = { question: 'What is the model number?', pictures: [shown.id], role: '' };
		const events = await request.post(`/api/conversations/${id}/rounds`, { data: asked });
		const words = [...(await events.text()).matchAll(/^data: (\{.*\})$/gm)].map(
			([, data = '']) => JSON.parse(data) as { type: string; text?: string; answer?: string }
		);
		const text = words.map((event) => (event.type === 'delta' ? event.text : '')).join('');
		expect(text, `orientation ${orientation}`).toContain('AX5400');
		const answer = words.find(({ type }) => type === 'asked')?.answer;
		const closer = await request.post(`/api/answers/${answer}/readings`, {
			data: { picture: shown.id, was: 'AX5400', box: [0, 0, 1000, 500] }
		});
		const { text: again } = (await closer.json()) as { text: string };
		readings.push(again);
	}
	expect(new Set(readings).size, String(readings)).toBe(1);
});
