/**
 * Pictures of the page to look at: `npm run screenshots` fills web/screenshots/. Taken from the scripted
 * desk, whose slow moments can be caught; not a test of anything.
 */
import { test, type Browser, type Page } from '@playwright/test';
import { resolve } from 'node:path';
import { serve, type Served } from './served.ts';

process.env['LOOKDESK_BIN'] = 'mock';
const samples = resolve(import.meta.dirname, '../../demo/samples');
const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const questions = { en: 'Describe the picture.', zh: '请描述这张图片。' };

async function shots(page: Page, name: string, language: 'en' | 'zh') {
	const take = (state: string) => page.screenshot({ path: `screenshots/${name}-${state}.png` });
	await page.goto('/');
	await page.getByRole('listitem').first().waitFor();
	await page.waitForLoadState('networkidle').catch(() => undefined);
	await page.waitForTimeout(300);
	await take('1-empty');
	await page
		.getByTestId('files')
		.setInputFiles([`${samples}/panel-error.png`, `${samples}/router-label.png`]);
	await page.waitForTimeout(600);
	await page.locator('#question').fill(questions[language]);
	await take('2-asking');
	await page.locator('#question').press('Enter');
	await page.waitForTimeout(900);
	await take('3-reading');
	await page.locator('article[aria-busy=false]').waitFor();
	await page.waitForTimeout(300);
	await take('4-answered');
}

async function all(browser: Browser, desk: Served) {
	for (const [device, viewport] of Object.entries(sizes)) {
		for (const colorScheme of ['light', 'dark'] as const) {
			for (const language of ['en', 'zh'] as const) {
				const context = await browser.newContext({
					baseURL: desk.url,
					viewport,
					colorScheme,
					locale: language === 'zh' ? 'zh-CN' : 'en-GB',
					hasTouch: device === 'phone',
					isMobile: device === 'phone',
					deviceScaleFactor: device === 'phone' ? 2 : 1
				});
				await shots(await context.newPage(), `${device}-${colorScheme}-${language}`, language);
				await context.close();
			}
		}
	}
}

test('screenshots of every state', async ({ browser }) => {
	test.setTimeout(240_000);
	const desk = await serve(1);
	try {
		await all(browser, desk);
	} finally {
		await desk.stop();
	}
});
