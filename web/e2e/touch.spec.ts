/** On a phone everything that is pressed is on the screen, and large enough for a finger. */
import { devices } from '@playwright/test';
import { add, ask, finished, open } from './page.ts';
import { live, unsureAnswer } from './past.ts';
import { expect, test } from './served.ts';

const { viewport: _, defaultBrowserType: _type, ...phone } = devices['Pixel 7'];
test.use({ ...phone, locale: 'en-GB' });

/** Controls off the screen, or smaller than 44 px. Marked strings stand in a line of text, as links do. */
const tooSmall = () =>
	[
		...document.querySelectorAll<HTMLElement>(
			'button, a[href], input, select, textarea, summary, [role=button]'
		)
	]
		.filter((one) => one.checkVisibility({ visibilityProperty: true }))
		.filter((one) => !one.closest('.visually-hidden, .mark, .skip, .chain, [aria-hidden=true]'))
		// The whole row of a table with bars is its link.
		.map(
			(one) =>
				one.closest('label') ?? (one.matches('th a:only-of-type') ? one.closest('th') : one) ?? one
		)
		.flatMap((one) => {
			const { left, right, width, height } = one.getBoundingClientRect();
			const isOff = left < -1 || right > innerWidth + 1;
			// A row that scrolls sideways brings its own into view.
			const isScrolled = one.closest('ul')?.scrollWidth !== one.closest('ul')?.clientWidth;
			const isSmall = Math.min(width, height) < 43.5;
			if (width === 0 || (!isSmall && (!isOff || isScrolled))) return [];
			const name = one.getAttribute('aria-label') ?? one.textContent?.trim().slice(0, 40);
			return [`${name}: ${Math.round(left)} to ${Math.round(right)}, ${Math.round(height)} high`];
		});

/** What of a card runs over its edge. */
const beyond = () =>
	[...document.querySelectorAll<HTMLElement>('main section')].flatMap((card) => {
		const edge = card.getBoundingClientRect().right + 1;
		return [...card.querySelectorAll<HTMLElement>('label, button, p')]
			.filter((one) => one.checkVisibility() && !one.closest('.visually-hidden'))
			.filter((one) => one.getBoundingClientRect().right > edge)
			.map((one) => one.textContent.trim().slice(0, 40));
	});

for (const [what, width, height, least] of [
	['a phone that lies', 844, 390, 110],
	['a phone with its keyboard', 390, 420, 90],
	['a page at twice its size', 640, 400, 110]
] as const) {
	test(`in a low window an answer can be read and a question sent: ${what}`, async ({ page }) => {
		await page.setViewportSize({ width, height });
		await open(page);
		await add(page, 'label-en.jpg', 'router-label.png');
		await expect(page.getByText(/tokens/).first()).toBeVisible();
		const long =
			'What is the model number, and what else can be read on the second picture? '.repeat(6);
		await page.locator('#question').fill(long);
		await expect(page.getByRole('button', { name: 'Send' })).toBeInViewport({ ratio: 1 });
		await page.getByRole('button', { name: 'Send' }).click();
		await expect(finished(page)).toHaveCount(1);
		const shown = await page.getByRole('region', { name: 'Conversation' }).boundingBox();
		expect(shown?.height).toBeGreaterThan(least);
		await page.locator('.answer-text').scrollIntoViewIfNeeded();
		await expect(page.locator('.answer-text')).toBeInViewport({ ratio: 0.95 });
		await expect(page.locator('#question')).toBeInViewport({ ratio: 1 });
	});
}

test('what is pressed on insights and records is large enough for a finger', async ({
	page,
	request
}) => {
	await live(request, [
		{
			title: 'Which code?',
			customer: 'Anna Weber',
			verdict: 'solved',
			rounds: [
				{
					question: 'Which code is it?',
					answers: [{ ...unsureAnswer, feedback: { thumb: 'up', correction: null } }]
				},
				{ question: 'Which code is it?', answers: [{ text: 'E102' }] }
			]
		}
	]);
	for (const [where, last] of [
		['insights', 'Busiest hours'],
		['records', 'Log']
	] as const) {
		await page.goto(`/#/${where}`);
		await expect(page.getByRole('region', { name: last, exact: true })).toBeVisible();
		expect(await page.evaluate(tooSmall), where).toEqual([]);
		await page.setViewportSize({ width: 360, height: 740 });
		expect(await page.evaluate(tooSmall), `${where}, 360 px wide`).toEqual([]);
		expect(await page.evaluate(beyond), `${where}, 360 px wide`).toEqual([]);
	}
});

for (const width of [320, 360, 412]) {
	test(`nothing is too small or off the screen, ${width} px wide`, async ({ page }) => {
		await page.setViewportSize({ width, height: 740 });
		const expectFit = async (where: string) => {
			expect(await page.evaluate(tooSmall), where).toEqual([]);
			expect(await page.evaluate(() => document.documentElement.scrollWidth), where).toBe(width);
		};
		await open(page);
		await expectFit('empty');
		await add(page, 'label-en.jpg', 'panel-error.png');
		await expect(page.getByText(/tokens/).first()).toBeVisible();
		await expectFit('with pictures');
		await ask(page, `What is the model? ${'Supercalifragilistic'.repeat(8)}`);
		await expect(finished(page)).toHaveCount(1);
		await expectFit('answered');
		await page.getByRole('button', { name: 'Bad answer' }).tap();
		await page.getByRole('button', { name: 'Edit and ask again' }).tap();
		await expectFit('correcting and editing');
		await page.getByRole('textbox', { name: 'The question' }).press('Escape');
		await page.getByRole('button', { name: 'Conversations and settings' }).tap();
		await expect(page.getByRole('dialog')).toBeVisible();
		await expectFit('panel');
	});
}
