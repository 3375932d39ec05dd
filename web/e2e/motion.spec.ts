/** Who asks for less motion sees none, and still sees that something happens. */
import { add, ask, box, open } from './page.ts';
import { expect, test } from './served.ts';

test.use({ contextOptions: { reducedMotion: 'reduce' } });

test('nothing moves while a picture is read and words come', async ({ page }) => {
	await open(page);
	await add(page, 'label-en.jpg');
	await ask(page, 'What is the model?');
	await expect(page.locator('article')).toHaveCount(1);
	await expect(box(page)).toHaveValue('');
	for (let look = 0; look < 8; look++) {
		const moving = await page.evaluate(() =>
			document
				.getAnimations()
				// One frame is no motion.
				.filter(({ effect }) => Number(effect?.getComputedTiming().activeDuration) > 16)
				.map((one) => (one as CSSAnimation).animationName ?? 'transition')
		);
		expect(moving).toEqual([]);
		await page.waitForTimeout(120);
	}
	await expect(page.locator('article')).not.toHaveText('');
});
