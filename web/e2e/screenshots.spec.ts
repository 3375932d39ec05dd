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

test('screenshots of rarer moments', async ({ browser }) => {
	test.setTimeout(120_000);
	const desk = await serve(1);
	const open = async (name: string, viewport: { width: number; height: number }) => {
		const context = await browser.newContext({
			baseURL: desk.url,
			viewport,
			colorScheme: name.includes('dark') ? 'dark' : 'light',
			locale: name.includes('zh') ? 'zh-CN' : 'en-GB',
			hasTouch: viewport.width < 500,
			isMobile: viewport.width < 500
		});
		const page = await context.newPage();
		const take = async () => {
			await page.waitForTimeout(400);
			await page.screenshot({ path: `screenshots/moment-${name}.png` });
			await context.close();
		};
		return { page, take };
	};

	const loading = await open('loading-en', sizes.desktop);
	await loading.page.route('**/api/status/stream', (route) => route.fulfill({ status: 404 }));
	await loading.page.route('**/api/status', async (route) => {
		const status = (await (await route.fetch()).json()) as Record<string, unknown>;
		const model = { name: 'Qwen3-VL-4B-Instruct', demo: false, precision: 'q4', parameters: 4.4e9 };
		const state = { kind: 'loading', percent: 42, what: 'weights' };
		await route.fulfill({ json: { ...status, model, state, queue: { running: 1, waiting: 3 } } });
	});
	await loading.page.goto('/');
	await loading.page.getByRole('listitem').first().waitFor();
	await loading.take();

	const refused = await open('refused-zh', sizes.desktop);
	await refused.page.goto('/');
	await refused.page.getByTestId('files').setInputFiles([
		{ name: '收据.png', mimeType: 'image/png', buffer: Buffer.from('no picture') },
		{ name: 'IMG_0001.HEIC', mimeType: 'image/heic', buffer: Buffer.from('0000') },
		{ name: '铭牌.png', mimeType: 'image/png', buffer: Buffer.alloc(27 * 1024 * 1024, 1) }
	]);
	await refused.page.getByRole('alert').nth(2).waitFor();
	await refused.take();

	const failed = await open('failed-dark-en', { width: 1024, height: 768 });
	await failed.page.goto('/');
	await failed.page.route('**/api/answers', (route) =>
		route.fulfill({
			status: 429,
			headers: { 'retry-after': '4' },
			json: {
				error: {
					code: 'queue_full',
					message: '',
					details: { waiting: 8 },
					request_id: '6b01418b-2'
				}
			}
		})
	);
	await failed.page.getByRole('listitem').first().getByRole('button').click();
	await failed.page.getByRole('alert').waitFor();
	await failed.take();

	const panel = await open('panel-zh', sizes.phone);
	await panel.page.goto('/');
	await panel.page.getByRole('button', { name: '打开面板' }).tap();
	await panel.take();

	const help = await open('shortcuts-en', { width: 1024, height: 768 });
	await help.page.goto('/');
	await help.page.getByRole('listitem').first().waitFor();
	await help.page.keyboard.press('?');
	await help.take();

	const gone = await open('unreachable-zh', { width: 1024, height: 768 });
	await gone.page.goto('/');
	await gone.page.getByRole('listitem').first().waitFor();
	await gone.page.route('**/api/status**', (route) => route.abort());
	await desk.restart();
	await gone.page.getByRole('alert').waitFor();
	await gone.take();
	await desk.stop();
});
