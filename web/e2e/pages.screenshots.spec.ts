/** Pictures of the pages beside the desk, to look at; see screenshots.spec.ts. */
import { test, type Browser, type Page } from '@playwright/test';
import { MockRecords } from '../mock/records.ts';
import { seed } from '../mock/seed.ts';
import { serveScripted, type Served } from './served.ts';

const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const tall = { desktop: 2100, phone: 3300 };

async function open(
	browser: Browser,
	desk: Served,
	device: keyof typeof sizes,
	colorScheme: 'light' | 'dark',
	language: 'en' | 'zh'
): Promise<Page> {
	const context = await browser.newContext({
		baseURL: desk.url,
		viewport: sizes[device],
		colorScheme,
		locale: language === 'zh' ? 'zh-CN' : 'en-GB',
		hasTouch: device === 'phone',
		isMobile: device === 'phone',
		deviceScaleFactor: device === 'phone' ? 2 : 1
	});
	return context.newPage();
}

async function shot(page: Page, name: string) {
	await page.waitForTimeout(300);
	await page.screenshot({ path: `screenshots/${name}.png` });
}

test('screenshots of insights and records', async ({ browser }) => {
	test.setTimeout(240_000);
	const desk = await serveScripted(1, seed(new MockRecords()));
	try {
		for (const device of ['desktop', 'phone'] as const) {
			for (const [scheme, language] of [
				['light', 'en'],
				['dark', 'en'],
				['light', 'zh'],
				['dark', 'zh']
			] as const) {
				const page = await open(browser, desk, device, scheme, language);
				const name = `${device}-${scheme}-${language}`;
				for (const where of ['insights', 'records']) {
					await page.goto(`/#/${where}`);
					await page.getByRole('heading', { level: 2 }).nth(2).waitFor();
					await page.waitForTimeout(1500);
					await shot(page, `${where}-${name}`);
					await page.setViewportSize({ ...sizes[device], height: tall[device] });
					await shot(page, `${where}-${name}-whole`);
					await page.setViewportSize(sizes[device]);
				}
				await page.context().close();
			}
		}
	} finally {
		await desk.stop();
	}
});

test('screenshots of what opens over the pages', async ({ browser }) => {
	test.setTimeout(240_000);
	const desk = await serveScripted(1, seed(new MockRecords()));
	try {
		for (const device of ['desktop', 'phone'] as const) {
			const language = device === 'desktop' ? 'en' : 'zh';
			const page = await open(browser, desk, device, 'light', language);
			const isEnglish = language === 'en';
			const name = (what: string) => `over-${device}-${what}`;
			await page.addInitScript(() => localStorage.setItem('lookdesk.settings_folded', 'false'));
			await page.goto('/#/');
			await page.waitForTimeout(2500);
			await page
				.getByRole('button', { name: isEnglish ? 'The machine in detail' : '设备详情' })
				.click();
			await shot(page, name('machine'));
			await page.keyboard.press('Escape');
			if (device === 'phone') {
				await page.locator('summary').first().tap();
				await shot(page, name('menu'));
				await page.keyboard.press('Escape');
				await page.getByRole('button', { name: '对话与设置' }).tap();
			}
			await shot(page, name('role'));
			await page.getByRole('button', { name: isEnglish ? 'Edit presets' : '编辑预设' }).click();
			await page.getByRole('button', { name: /^Spare parts/ }).click();
			await page.locator('#role-name').fill('Spare parts counter');
			await shot(page, name('roles'));
			await page.keyboard.press('Escape');
			await page.goto('/#/insights?from=2001-01-01&to=2001-01-31');
			await page.getByRole('heading', { level: 2 }).first().waitFor();
			await shot(page, name('empty'));
			await page.route('**/api/insights**', (route) => route.abort());
			await page.goto('/#/insights?days=7');
			await page.getByRole('alert').waitFor();
			await shot(page, name('failed'));
			await page.unroute('**/api/insights**');
			await page.goto('/#/records');
			await page.locator('#customer').fill(isEnglish ? 'Anna Weber' : '王芳');
			await page.getByRole('button', { name: isEnglish ? 'Look up' : '查看' }).click();
			await page.locator('#confirm').waitFor();
			await page.getByTestId('import').setInputFiles({
				name: 'table.csv',
				mimeType: 'text/csv',
				buffer: Buffer.from('a,b\n')
			});
			await page.setViewportSize({ ...sizes[device], height: 1900 });
			await shot(page, name('customer'));
			await page.context().close();
		}
	} finally {
		await desk.stop();
	}
});

test('screenshots of a machine with two GPUs, and of paper', async ({ browser }) => {
	test.setTimeout(120_000);
	const desk = await serveScripted(1, seed(new MockRecords()));
	try {
		for (const [width, gpus] of [
			[1440, 1],
			[1440, 2],
			[1100, 2],
			[1100, 0],
			[840, 0]
		] as const) {
			const page = await open(browser, desk, 'desktop', 'light', 'en');
			await page.setViewportSize({ width, height: 300 });
			await page.route('**/api/status/stream', (route) => route.fulfill({ status: 404, body: '' }));
			await page.route('**/api/status', async (route) => {
				const status = (await (await route.fetch()).json()) as {
					readings: Record<string, unknown>;
				};
				const gpu = {
					name: 'NVIDIA H200',
					memory_used_bytes: 44e9,
					memory_total_bytes: 150e9,
					temperature_c: 61,
					utilization_percent: 87
				};
				const readings = { ...status.readings, gpus: Array.from({ length: gpus }, () => gpu) };
				const queue = { running: 1, waiting: 3 };
				await route.fulfill({ json: { ...status, readings, queue } });
			});
			await page.goto('/#/records');
			await page.locator('header:visible dl').waitFor();
			await shot(page, `bar-${width}-${gpus}-gpus`);
			await page.context().close();
		}
		const paper = await open(browser, desk, 'desktop', 'dark', 'en');
		await paper.goto('/#/insights');
		await paper.getByRole('heading', { level: 2 }).nth(2).waitFor();
		await paper.pdf({ path: 'screenshots/insights.pdf', format: 'A4' });
	} finally {
		await desk.stop();
	}
});
