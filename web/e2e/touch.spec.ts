/** On a phone everything that is pressed is on the screen, and large enough for a finger. */
import { devices } from '@playwright/test';
import { add, ask, finished, open } from './page.ts';
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
		.map((one) => one.closest('label') ?? one)
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
