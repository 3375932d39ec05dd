/** Strings the model was not sure of, a closer look at them, and where on the picture an answer is from. */
import type { Page } from '@playwright/test';
import { shows } from './items.ts';
import { add, answerUnsurely, ask, failOnBreach, finished, open, violations } from './page.ts';
import { live, pastPicture, unsureAnswer, type PastAnswer, type PastPicture } from './past.ts';
import type { Person } from './person.ts';
import { unique } from './samples.ts';
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
	await page.route('**/api/answers/*/readings', (route) => {
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

/** An unsure answer about one picture. */
async function answered(page: Page) {
	await open(page);
	await answerUnsurely(page);
	await add(page, 'label-en.jpg');
	await expect(page.getByText(/\d+ tokens/).first()).toBeVisible();
	await ask(page, 'Model and code?');
	await expect(finished(page)).toHaveCount(1);
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

/** Opens a conversation of the past in which the model was not sure. */
async function openUnsure(
	person: Person,
	about: PastPicture[],
	answer: Partial<PastAnswer> = {}
): Promise<void> {
	const title = unique('Unsure');
	const [id] = await live(person.page.request, [
		{
			title,
			rounds: [
				{ question: 'Model and code?', pictures: about, answers: [{ ...unsureAnswer, ...answer }] }
			]
		}
	]);
	await person.open(`/#/c/${id}`);
	await expect(person.finished).toHaveCount(1);
}

/** Draws from one place of the shown picture to another, both in its shares. */
async function draw(person: Person, from: [number, number], to: [number, number]) {
	const image = await person.stage.locator('img').first().boundingBox();
	if (!image) throw new Error('no picture');
	const at = ([x, y]: [number, number]) =>
		[image.x + image.width * x, image.y + image.height * y] as const;
	await person.page.mouse.move(...at(from));
	await person.page.mouse.down();
	await person.page.mouse.move(...at([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]));
	await person.page.mouse.move(...at(to));
	await person.page.mouse.up();
}

failOnBreach();

test(
	'strings the model was not sure of are marked by more than colour, and say how sure it was',
	shows('marks'),
	async ({ page, person, t, request }) => {
		await openUnsure(person, [await pastPicture(request, 'label-en.jpg')]);
		const check = page.getByRole('button', { name: `AX73 ${t.marks.check}` });
		const doubt = page.getByRole('button', { name: `E102 ${t.marks.pleaseCheck}` });
		await expect(check).toHaveCSS('text-decoration-style', 'dotted');
		await expect(check).toContainText('?');
		await expect(doubt).toHaveCSS('text-decoration-style', 'wavy');
		await expect(doubt).toContainText(t.marks.pleaseCheck);
		await expect(page.locator('.mark')).toHaveCount(2);
		if (!person.isPhone) {
			await check.hover();
			await expect(page.getByRole('tooltip')).toContainText(t.marks.sure(70));
		}
		await doubt.click();
		const note = page.getByRole('dialog', { name: t.marks.about('E102') });
		await expect(note).toContainText(t.marks.unsure(30));
		await page.keyboard.press('Escape');
		await expect(doubt).toBeFocused();
	}
);

test(
	'the model is asked for the place; it cannot tell, says so, and a hand draws it for a second reading',
	shows('closerByHand', 'agreement'),
	async ({ page, person, t, request }) => {
		await openUnsure(person, [await pastPicture(request, 'label-en.jpg')], {
			text: 'The model is AX5400.',
			marks: [{ start: 13, end: 19, certainty: 'doubtful', probability: 0.3 }]
		});
		await page.getByRole('button', { name: `AX5400 ${t.marks.pleaseCheck}` }).click();
		await person.press(t.closer.look);
		await expect(person.finished).toContainText(t.closer.noPlace);
		const asked = page.waitForRequest('**/api/answers/*/readings');
		await draw(person, [0.05, 0.1], [0.95, 0.9]);
		await person.press(t.closer.confirm);
		const { box } = (await asked).postDataJSON() as { box: number[] };
		expectNear(box, [50, 100, 950, 900], 25);
		const card = page.getByRole('figure');
		await expect(card).toContainText('AX5400');
		await expect(card).toContainText(new RegExp(`${t.closer.agrees}|${t.closer.differs}`));
		await expect(card.getByRole('img')).toBeVisible();
		expectNear(await placeOn(page, 'looked'), [50, 100, 950, 900], 25);
		await page.reload();
		await expect(card).toContainText('AX5400');
	}
);

test(
	'a closer look uses the place the model points to, and both readings are compared',
	shows('closerByModel', 'agreement'),
	async ({ page, person, t, request }) => {
		await openUnsure(person, [await pastPicture(request, 'label-en.jpg')]);
		const box = [100, 200, 500, 400];
		await page.route('**/api/answers/*/readings', (route) => {
			const at = route.request().postDataJSON() as Looked;
			const agrees = at.was === 'AX73';
			return route.fulfill({
				json: {
					...at,
					id: at.was,
					box,
					text: agrees ? at.was : 'E107',
					agrees,
					probability: 0.93
				}
			});
		});
		await page.getByRole('button', { name: `E102 ${t.marks.pleaseCheck}` }).click();
		await person.press(t.closer.look);
		const card = page.getByRole('figure');
		await expect(card).toContainText(t.closer.differs);
		await expect(card).toContainText('E107');
		await expect(page.getByRole('button', { name: /^E102/ })).toContainText(
			t.closer.differsShort('E107')
		);
		expectNear(await placeOn(page, 'looked'), box);
		await page.getByRole('button', { name: `AX73 ${t.marks.check}` }).click();
		await person.press(t.closer.look);
		await expect(card.nth(1)).toContainText(t.closer.agrees);
		await expect(page.getByRole('button', { name: /^AX73/ })).toContainText(t.closer.agreesShort);
	}
);

test(
	'evidence is shown on the picture it is from, at any zoom',
	shows('evidence'),
	async ({ page, person, t, request }) => {
		const pictures = [
			await pastPicture(request, 'label-en.jpg'),
			await pastPicture(request, 'device-panel.jpg')
		];
		const [first, second] = pictures.map(({ id }) => id);
		await openUnsure(person, pictures, {
			evidence: [
				{ picture: first ?? '', label: 'AX73', box: [120, 250, 480, 610] },
				{ picture: second ?? '', label: 'E102', box: [700, 50, 950, 120] }
			]
		});
		const chip = (number: number, label: string) =>
			page.getByRole('button', { name: t.evidence.one(number, label) });
		await chip(1, 'AX73').click();
		await expect(page.getByText(t.viewer.pictureOf(1, 2))).toBeVisible();
		await expect(page.locator('[data-box]')).toHaveCount(1);
		expectNear(await placeOn(page, '1'), [120, 250, 480, 610]);
		await person.press(t.viewer.zoomIn);
		await person.press(t.viewer.zoomIn);
		expectNear(await placeOn(page, '1'), [120, 250, 480, 610]);
		await chip(2, 'E102').click();
		await expect(page.getByText(t.viewer.pictureOf(2, 2))).toBeVisible();
		await expect(page.locator('[data-box="2"]')).toBeVisible();
		expectNear(await placeOn(page, '2'), [700, 50, 950, 120]);
		if (person.isPhone) return;
		await chip(2, 'E102').hover();
		await expect(page.locator('[data-box="2"]')).toHaveClass(/pointed/);
	}
);

test(
	'asked where it has an answer from, the demo model finds no place, and the page says so',
	shows('noEvidence'),
	async ({ page, person, t }) => {
		await person.open();
		await person.add('label-en.jpg');
		await person.ask(person.sample('label-en.jpg').question);
		await expect(person.finished).toHaveCount(1);
		await person.press(t.evidence.where);
		await expect(person.finished).toContainText(t.evidence.noneDemo);
		await expect(page.locator('[data-box]')).toHaveCount(0);
	}
);

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
