/**
 * Pictures of the page to look at: `npm run screenshots` fills web/screenshots/. Taken from the scripted
 * desk, whose slow moments can be caught; not a test of anything.
 */
import { test, type Browser, type BrowserContextOptions, type Page } from '@playwright/test';
import { resolve } from 'node:path';
import { MockRecords } from '../mock/records.ts';
import { seed } from '../mock/seed.ts';
import { serveScripted } from './served.ts';

const samples = resolve(import.meta.dirname, '../../demo/samples');
const desktop = { width: 1440, height: 900 };
const tablet = { width: 1024, height: 768 };
const phone = { width: 390, height: 844 };

type Language = 'en' | 'zh';
const say = (language: Language, en: string, zh: string) => (language === 'zh' ? zh : en);

interface Look {
	name: string;
	viewport: typeof desktop;
	colorScheme: 'light' | 'dark';
	language: Language;
}

const looks: Look[] = [
	{ name: 'desktop-light-en', viewport: desktop, colorScheme: 'light', language: 'en' },
	{ name: 'desktop-dark-zh', viewport: desktop, colorScheme: 'dark', language: 'zh' },
	{ name: 'tablet-light-zh', viewport: tablet, colorScheme: 'light', language: 'zh' },
	{ name: 'phone-light-zh', viewport: phone, colorScheme: 'light', language: 'zh' },
	{ name: 'phone-dark-en', viewport: phone, colorScheme: 'dark', language: 'en' }
];

function options({ viewport, colorScheme, language }: Look): BrowserContextOptions {
	const isPhone = viewport === phone;
	return {
		viewport,
		colorScheme,
		locale: language === 'zh' ? 'zh-CN' : 'en-GB',
		hasTouch: isPhone,
		isMobile: isPhone,
		deviceScaleFactor: isPhone ? 2 : 1
	};
}

/** A page of a desk with a past. */
async function withPage(browser: Browser, look: Look, act: (page: Page) => Promise<void>) {
	const desk = await serveScripted(1, seed(new MockRecords()));
	const context = await browser.newContext({ baseURL: desk.url, ...options(look) });
	const page = await context.newPage();
	await page.goto('/');
	await page.locator('[data-sample]').first().waitFor();
	await act(page);
	await context.close();
	await desk.stop();
}

const isPhone = (look: Look) => look.viewport === phone;

for (const look of looks) {
	const { language } = look;
	test(`screenshots ${look.name}`, async ({ browser }) => {
		test.setTimeout(120_000);
		await withPage(browser, look, async (page) => {
			const take = async (state: string) => {
				await page.waitForTimeout(350);
				await page.screenshot({ path: `screenshots/${look.name}-${state}.png` });
			};
			await take('1-empty');
			await page
				.getByTestId('files')
				.setInputFiles([`${samples}/panel-error.png`, `${samples}/router-label.png`]);
			await page
				.locator('#question')
				.fill(say(language, 'Describe the picture.', '请描述这张图片。'));
			await take('2-asking');
			await page.locator('#question').press('Enter');
			await page.waitForTimeout(600);
			await take('3-reading');
			await page.locator('article[aria-busy=false]').waitFor();
			await take('4-answered');
			await page.getByRole('button', { name: say(language, 'Where?', '在哪里？') }).click();
			await page.locator('[data-box]').first().waitFor();
			await page.locator('article li button').first().hover();
			await take('5-evidence');
			const doubtful = page.locator('.mark.doubtful');
			await doubtful.scrollIntoViewIfNeeded();
			await doubtful.click();
			await take('6-doubtful');
			await page.getByRole('button', { name: say(language, 'Look closer', '放大再看') }).click();
			await page.locator('figure').waitFor();
			await page.locator('figure').scrollIntoViewIfNeeded();
			await page
				.locator('figure')
				.getByRole('button', { name: say(language, 'Show on the picture', '在图片上查看') })
				.click();
			await take('7-looked-closer');
			await doubtful.click();
			await page
				.getByRole('button', { name: say(language, 'Show where it is', '自己框出位置') })
				.click();
			await page.keyboard.press('ArrowUp');
			await take('8-drawing');
			await page.keyboard.press('Escape');
			if (isPhone(look) || look.viewport === tablet) {
				await page
					.getByRole('button', { name: say(language, 'Conversations and settings', '对话与设置') })
					.click();
				await page.locator('[data-row]').first().waitFor();
				await take('9-list');
			}
			await page.keyboard.press('Control+k');
			await page.locator('[type=search]').fill(say(language, 'E107', '错误码'));
			await page.waitForTimeout(500);
			await take('10-search');
			await page.locator('[data-row]').first().click();
			await page.locator('article').first().waitFor();
			await take('11-opened');
		});
	});
}

const moment = (name: string, viewport = desktop): Look => ({
	name: `moment-${name}`,
	viewport,
	colorScheme: name.includes('dark') ? 'dark' : 'light',
	language: name.includes('zh') ? 'zh' : 'en'
});

const moments: [Look, (page: Page) => Promise<void>][] = [
	[
		moment('loading-en'),
		async (page) => {
			await page.route('**/api/status/stream', (route) => route.fulfill({ status: 404 }));
			await page.route('**/api/status', async (route) => {
				const status = (await (await route.fetch()).json()) as Record<string, unknown>;
				const model = {
					name: 'Qwen3-VL-4B-Instruct',
					demo: false,
					precision: 'q4',
					parameters: 4.4e9
				};
				const state = { kind: 'loading', percent: 42, what: 'weights' };
				await route.fulfill({
					json: { ...status, model, state, queue: { running: 1, waiting: 3 } }
				});
			});
			await page.reload();
			await page.waitForTimeout(2500);
		}
	],
	[
		moment('refused-zh'),
		async (page) => {
			await page.getByTestId('files').setInputFiles([
				{ name: '收据.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7') },
				{ name: 'IMG_0001.HEIC', mimeType: 'image/heic', buffer: Buffer.from('0000') },
				{ name: '铭牌.png', mimeType: 'image/png', buffer: Buffer.alloc(27 * 1024 * 1024, 1) }
			]);
			await page.getByRole('alert').nth(2).waitFor();
		}
	],
	[
		moment('failed-dark-en', tablet),
		async (page) => {
			await page.route('**/api/conversations/*/rounds', (route) =>
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
			await page.locator('[data-sample]').first().click();
			await page.getByRole('alert').waitFor();
		}
	],
	[
		moment('interrupted-zh'),
		async (page) => {
			await page.locator('[data-row]', { hasText: '电饭煲' }).click();
			await page.locator('article').waitFor();
		}
	],
	[
		moment('judged-en'),
		async (page) => {
			await page.locator('[data-row]', { hasText: 'AX5400' }).click();
			await page.getByRole('button', { name: 'Bad answer' }).click();
			await page.locator('article textarea').fill('It is AX5400 Pro.');
		}
	],
	[
		moment('chain-deleted-en'),
		async (page) => {
			await page.locator('[data-row]', { hasText: 'AX5400' }).click();
			await page.locator('article').waitFor();
			await page.getByRole('button', { name: 'Another picture' }).click();
			await page.getByTestId('files').setInputFiles(`${samples}/router-label.png`);
		}
	],
	[
		moment('clear-dark-zh'),
		async (page) => {
			await page.locator('[data-row]', { hasText: '序列号' }).click();
			await page.locator('article').waitFor();
			await page.getByRole('button', { name: '清空' }).click();
		}
	],
	[
		moment('menu-en'),
		async (page) => {
			await page
				.locator('li', { has: page.locator('[data-row]') })
				.nth(1)
				.hover();
			await page.getByRole('button', { name: /What to do with “AX73/ }).click();
		}
	],
	[
		moment('narrowed-zh'),
		async (page) => {
			await page.goto('/#/?verdict=solved&doubtful=false&weekday=2');
		}
	],
	[
		moment('shortcuts-en', tablet),
		async (page) => {
			await page.keyboard.press('?');
		}
	],
	[
		moment('unreachable-zh', tablet),
		async (page) => {
			await page.route('**/api/status**', (route) => route.abort());
			await page.reload();
			await page.getByRole('alert').waitFor();
		}
	]
];

for (const [look, act] of moments) {
	test(`screenshot ${look.name}`, async ({ browser }) => {
		await withPage(browser, look, async (page) => {
			await act(page);
			await page.waitForTimeout(400);
			await page.screenshot({ path: `screenshots/${look.name}.png` });
		});
	});
}
