/** Strings the model was not sure of, a closer look at them, and where on the picture an answer is from. */
import type { Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import {
	add,
	answerUnsurely,
	ask,
	failOnBreach,
	finished,
	open,
	picture,
	violations
} from './page.ts';
import { expect, test } from './served.ts';

const doubtful = (page: Page) => page.getByRole('button', { name: 'E102 please check' });
const drawing = (page: Page) => page.getByRole('application', { name: /^Draw a box/ });

interface Looked {
	picture: string;
	box: number[] | null;
	was: string;
}

/** What the desk is asked to look closer at; it finds its own place only where `canPoint`. */
async function lookClosely(page: Page, canPoint: boolean): Promise<Looked[]> {
	const asked: Looked[] = [];
	await page.route('**/api/answers/answer-1/readings', (route) => {
		const at = route.request().postDataJSON() as Looked;
		asked.push(at);
		if (at.box === null && !canPoint) {
			return route.fulfill({
				status: 422,
				json: { error: { code: 'no_place', message: '', details: {}, request_id: 'r' } }
			});
		}
		const box = at.box ?? [100, 200, 500, 400];
		return route.fulfill({
			json: { id: `x${asked.length}`, ...at, box, text: 'E107', agrees: false, probability: 0.93 }
		});
	});
	return asked;
}

/** An unsure answer about one picture of any kind. */
async function answered(page: Page, file?: { name: string; buffer: Buffer }) {
	await open(page);
	const about = await answerUnsurely(page);
	if (file) await page.getByTestId('files').setInputFiles({ ...file, mimeType: 'image/jpeg' });
	else await add(page, 'label-en.jpg');
	await expect(page.getByText(/\d+ tokens/).first()).toBeVisible();
	await ask(page, 'Model and code?');
	await expect(finished(page)).toHaveCount(1);
	return about;
}

/** The place of an element in the picture as shown, in thousandths. */
async function placeOn(page: Page, box: string): Promise<number[]> {
	const image = await page.getByRole('application').locator('img').first().boundingBox();
	const place = await page.locator(`[data-box="${box}"]`).boundingBox();
	if (!image || !place) throw new Error('nothing is drawn');
	const across = (x: number) => Math.round(((x - image.x) / image.width) * 1000);
	const down = (y: number) => Math.round(((y - image.y) / image.height) * 1000);
	return [
		across(place.x),
		down(place.y),
		across(place.x + place.width),
		down(place.y + place.height)
	];
}

function expectNear(actual: number[], wanted: number[], off = 12) {
	for (const [index, edge] of wanted.entries()) {
		expect(Math.abs((actual[index] ?? -1) - edge), `${actual} is ${wanted}`).toBeLessThan(off);
	}
}

failOnBreach();

test('strings the model was not sure of are marked, by more than colour', async ({ page }) => {
	await answered(page);
	const check = page.getByRole('button', { name: 'AX73 check' });
	await expect(check).toHaveCSS('text-decoration-style', 'dotted');
	await expect(check).toContainText('?');
	await expect(doubtful(page)).toHaveCSS('text-decoration-style', 'wavy');
	await expect(doubtful(page)).toContainText('please check');
	await expect(page.getByText('Cut off at the length limit.')).toBeVisible();
	await doubtful(page).hover();
	await expect(page.getByRole('tooltip')).toContainText('only 30% sure');
	expect(await violations(page)).toEqual([]);
	await doubtful(page).click();
	await expect(page.getByRole('dialog', { name: 'About E102' })).toBeVisible();
	expect(await violations(page)).toEqual([]);
	await page.keyboard.press('Escape');
	await expect(doubtful(page)).toBeFocused();
});

test('a closer look uses the place the model points to', async ({ page }) => {
	await answered(page);
	const asked = await lookClosely(page, true);
	await doubtful(page).focus();
	await page.keyboard.press('Enter');
	await page.keyboard.press('Enter');
	const card = page.getByRole('figure');
	await expect(card).toContainText('The readings differ.');
	await expect(card).toContainText('E107');
	await expect(card.getByRole('img')).toBeVisible();
	expect(asked).toMatchObject([{ box: null, was: 'E102' }]);
	expectNear(await placeOn(page, 'looked'), [100, 200, 500, 400]);
	await expect(page.getByRole('button', { name: /^E102/ })).toContainText('or E107?');
	expect(await violations(page)).toEqual([]);
});

test('where the model cannot point, a person draws the place with the mouse', async ({ page }) => {
	await answered(page);
	const asked = await lookClosely(page, false);
	await doubtful(page).click();
	await page.getByRole('button', { name: 'Look closer' }).click();
	await expect(finished(page)).toContainText('The model cannot point to it.');
	await expect(drawing(page)).toBeFocused();
	const image = await page.getByRole('application').locator('img').first().boundingBox();
	if (!image) throw new Error('no picture');
	const at = (x: number, y: number) =>
		[image.x + image.width * x, image.y + image.height * y] as const;
	await page.mouse.move(...at(0.7, 0.6));
	await page.mouse.down();
	await page.mouse.move(...at(0.3, 0.5));
	await page.mouse.move(...at(0.25, 0.4));
	await page.mouse.up();
	expectNear(await placeOn(page, 'drawn'), [250, 400, 700, 600]);
	await page.getByRole('button', { name: 'Look here' }).click();
	await expect(page.getByRole('figure')).toContainText('E107');
	expectNear(asked[1]?.box ?? [], [250, 400, 700, 600]);
	await expect(drawing(page)).toHaveCount(0);
});

test('the place can be drawn with keys alone, and left with Esc', async ({ page }) => {
	await answered(page);
	const asked = await lookClosely(page, false);
	await doubtful(page).focus();
	await page.keyboard.press('Enter');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await expect(drawing(page)).toBeFocused();
	for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'Shift+ArrowRight']) {
		await page.keyboard.press(key);
	}
	expect(await violations(page)).toEqual([]);
	await page.keyboard.press('Enter');
	await expect(page.getByRole('figure')).toBeVisible();
	expect(asked[0]?.box).toEqual([360, 440, 670, 580]);
	await page.getByRole('button', { name: /^E102/ }).click();
	await page.getByRole('button', { name: 'Show where it is' }).click();
	await page.keyboard.press('Escape');
	await expect(drawing(page)).toHaveCount(0);
});

/** A JPEG that says of itself that it lies on its side (EXIF orientation 6: turn it to the right). */
function turned(file: string): Buffer {
	const jpeg = readFileSync(picture(file));
	const tiff = Buffer.from(
		'4d4d002a00000008' + '0001' + '0112' + '0003' + '00000001' + '00060000' + '00000000',
		'hex'
	);
	const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
	const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
	return Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]);
}

const kinds: [string, { name: string; buffer: Buffer } | undefined][] = [
	['a picture', undefined],
	['a picture turned by its EXIF', { name: 'turned.jpg', buffer: turned('label-en.jpg') }]
];

for (const [what, file] of kinds) {
	test(`evidence lies where it should on ${what}, at any zoom`, async ({ page }) => {
		const about = await answered(page, file);
		const place = [120, 250, 480, 610];
		await page.route('**/api/answers/answer-1/evidence', (route) =>
			route.fulfill({
				json: {
					evidence: [
						{ id: 'e1', ...about, label: 'E102', box: place },
						{ id: 'e2', ...about, label: 'AX73', box: [700, 50, 950, 120] }
					],
					said: ''
				}
			})
		);
		await page.getByRole('button', { name: 'Where?' }).click();
		const chip = page.getByRole('button', { name: 'Place 1: E102' });
		await expect(chip).toBeVisible();
		const size = await page
			.getByRole('application')
			.locator('img')
			.first()
			.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
		if (file) expect(size[1]).toBeGreaterThan(size[0] ?? 0);
		expectNear(await placeOn(page, '1'), place);
		await page.getByRole('button', { name: 'Zoom in' }).click();
		await page.getByRole('button', { name: 'Zoom in' }).click();
		expectNear(await placeOn(page, '1'), place);
		await page.getByRole('application').focus();
		await page.keyboard.press('ArrowRight');
		expectNear(await placeOn(page, '1'), place);
		await page.keyboard.press('0');
		await chip.hover();
		await expect(page.locator('[data-box="1"]')).toHaveClass(/pointed/);
		await expect(page.locator('[data-box="2"]')).toHaveClass(/dimmed/);
		await page.locator('[data-box="2"]').hover();
		await expect(page.getByRole('button', { name: 'Place 2: AX73' })).toHaveClass(/pointed/);
		expect(await violations(page)).toEqual([]);
	});
}

test('where nothing is found, a plain sentence says so', async ({ page }) => {
	await answered(page);
	await page.route('**/api/answers/answer-1/evidence', (route) =>
		route.fulfill({ json: { evidence: [], said: 'I cannot see it.' } })
	);
	await page.getByRole('button', { name: 'Where?' }).click();
	await expect(finished(page)).toContainText('No place was found');
	await expect(page.locator('[data-box]')).toHaveCount(0);
});

test.describe('on a phone', () => {
	test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

	test('a tap tells how sure the model was, and a finger draws', async ({ page }) => {
		await answered(page);
		const asked = await lookClosely(page, false);
		await page.getByRole('button', { name: 'Fold the picture away' }).tap();
		await doubtful(page).tap();
		await expect(page.getByRole('dialog', { name: 'About E102' })).toContainText('only 30% sure');
		await page.getByRole('button', { name: 'Show where it is' }).tap();
		await expect(drawing(page)).toBeVisible();
		const image = await page.getByRole('application').locator('img').first().boundingBox();
		if (!image) throw new Error('no picture');
		const client = await page.context().newCDPSession(page);
		const touch = (type: string, x: number, y: number) =>
			client.send('Input.dispatchTouchEvent', {
				type: type as 'touchStart',
				touchPoints:
					type === 'touchEnd'
						? []
						: [{ x: image.x + image.width * x, y: image.y + image.height * y }]
			});
		await touch('touchStart', 0.2, 0.2);
		await touch('touchMove', 0.4, 0.3);
		await touch('touchMove', 0.6, 0.5);
		await touch('touchEnd', 0.6, 0.5);
		// At once: a drag that the browser took for a scroll would swallow this tap.
		await page.getByRole('button', { name: 'Look here' }).tap();
		await expect(page.getByRole('figure')).toContainText('E107');
		expectNear(asked[0]?.box ?? [], [200, 200, 600, 500], 25);
	});
});

test.describe('in a Chinese browser', () => {
	test.use({ locale: 'zh-CN', colorScheme: 'dark' });

	test('marks and closer looks speak Chinese', async ({ page }) => {
		await open(page);
		await answerUnsurely(page);
		await lookClosely(page, true);
		await add(page, 'label-en.jpg');
		await ask(page, '型号和错误码？');
		await page.getByRole('button', { name: 'E102 请核对' }).click();
		await expect(page.getByRole('dialog', { name: '关于 E102' })).toContainText('只有 30% 的把握');
		await page.getByRole('button', { name: '放大再看' }).click();
		await expect(page.getByRole('figure')).toContainText('两次读数不一致');
		expect(await violations(page)).toEqual([]);
	});
});
