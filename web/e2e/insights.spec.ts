/** The pages beside the desk, how one gets there and back, and what the insights show and open. */
import type { APIRequestContext, Page } from '@playwright/test';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { overflow, strict, violations } from './axe.ts';
import { expect, test, type Served } from './served.ts';

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
/** The desk stays in the document, hidden; this is the bar one sees. */
const bar = (page: Page) => page.locator('header:visible').first();
const card = (page: Page, name: string) => page.getByRole('region', { name });

/** Questions to count. The scripted desk has its own. */
async function asked(request: APIRequestContext, desk: Served): Promise<void> {
	if (desk.isMock) return;
	for (const question of ['What is the model number?', 'Which model number is it?']) {
		const made = await request.post('/api/conversations', { data: {} });
		const { id } = (await made.json()) as { id: string };
		await request.post(`/api/conversations/${id}/rounds`, {
			data: { question, pictures: [], role: '', settings: { max_tokens: 4 }, remember: 0 }
		});
		await request.patch(`/api/conversations/${id}`, { data: { verdict: 'solved' } });
	}
}

test.beforeEach(({ page }) => strict(page));

test('a page is fetched when it is asked for, and weighs at most 40 KB of compressed script', async ({
	page
}) => {
	const folder = resolve(import.meta.dirname, '../dist/assets');
	const sizeOf = (file: string) => gzipSync(readFileSync(resolve(folder, file))).length;
	const scripts = readdirSync(folder).filter((file) => file.endsWith('.js'));
	const loaded: string[] = [];
	page.on('response', (response) => {
		const file = new URL(response.url()).pathname.split('/').at(-1) ?? '';
		if (file.endsWith('.js')) loaded.push(file);
	});
	await page.goto('/');
	await expect(page.locator('#question')).toBeVisible();
	const first = [...loaded];
	expect(first.some((file) => /^(Insights|Records)/.test(file))).toBe(false);
	const later = scripts.filter((file) => !first.includes(file));
	for (const name of ['Insights', 'Records']) expect(later.join()).toContain(name);
	for (const file of later) expect(sizeOf(file), file).toBeLessThanOrEqual(40 * 1024);
});

test('pages have addresses, titles and headings; back goes back and a reload stays', async ({
	page
}) => {
	await page.goto('/');
	await page.locator('#question').fill('A draft');
	await bar(page).getByRole('link', { name: 'Insights' }).click();
	await expect(heading(page, 'Insights')).toBeFocused();
	await expect(page).toHaveTitle('Insights · Lookdesk');
	await bar(page).getByRole('link', { name: 'Records' }).click();
	await expect(heading(page, 'Records')).toBeFocused();
	await page.reload();
	await expect(heading(page, 'Records')).toBeVisible();
	await page.goBack();
	await expect(heading(page, 'Insights')).toBeVisible();
	await page.goBack();
	await expect(page.locator('#question')).toHaveValue('A draft');
	await expect(page).toHaveTitle('Lookdesk');
});

test('a page that cannot be fetched says so', async ({ page }) => {
	await page.goto('/');
	await page.route('**/assets/Insights*', (route) => route.abort());
	await bar(page).getByRole('link', { name: 'Insights' }).click();
	await expect(heading(page, 'This page could not be opened')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Load again' })).toBeVisible();
});

test('every figure opens its conversations on the desk', async ({ page, request, desk }) => {
	await asked(request, desk);
	await page.goto('/#/insights?days=7');
	const figures = page.getByRole('list', { name: 'At a glance' });
	await expect(figures.getByRole('link')).toHaveCount(4);
	await figures.getByRole('link', { name: /Solved in round 1/ }).click();
	await expect(page).toHaveURL(/#\/\?from=\d+&solved_in=1$/);
	await expect(page.locator('#question')).toBeVisible();
	await page.goBack();
	await figures.getByRole('link', { name: /Doubtful answers/ }).click();
	await expect(page).toHaveURL(/doubtful=true$/);
	await page.goBack();
	const groups = card(page, 'What people ask');
	await groups.getByRole('row').nth(1).getByRole('link').first().click();
	await expect(page).toHaveURL(/group=/);
});

test('the busiest hours are moved in with arrow keys and opened with Enter', async ({
	page,
	request,
	desk
}) => {
	await asked(request, desk);
	await page.goto('/#/insights');
	const grid = page.getByRole('grid', { name: 'Busiest hours' });
	const stop = grid.locator('a[tabindex="0"]');
	await stop.focus();
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowRight');
	await expect(grid.locator('a:focus')).toHaveAttribute('href', /hour=\d+/);
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/weekday=\d&hour=\d+$/);
});

test('the line of first words is a table when asked for', async ({ page, request, desk }) => {
	await asked(request, desk);
	await page.goto('/#/insights');
	const words = card(page, 'Time to the first word');
	await words.getByRole('button', { name: 'As a table' }).click();
	await words.getByRole('link').first().click();
	await expect(page).toHaveURL(/#\/\?from=\d+&to=\d+$/);
});

test('the period is chosen, stands in the address and survives a reload', async ({ page }) => {
	await page.goto('/#/insights');
	await page.getByText('From – to', { exact: true }).click();
	await page.getByLabel('From', { exact: true }).fill('2001-01-01');
	await page.getByLabel('To', { exact: true }).fill('2001-01-31');
	await expect(page).toHaveURL(/from=2001-01-01&to=2001-01-31/);
	await expect(page.getByRole('heading', { name: 'No questions in this period' })).toBeVisible();
	await page.reload();
	await expect(page.getByLabel('From', { exact: true })).toHaveValue('2001-01-01');
	await expect(page.getByRole('heading', { name: 'No questions in this period' })).toBeVisible();
	await page.getByRole('link', { name: 'Look at everything so far' }).click();
	await expect(page).toHaveURL(/days=all/);
});

test('figures that cannot be fetched are a sentence, and can be tried again', async ({ page }) => {
	await page.route('**/api/insights**', (route) => route.abort());
	await page.goto('/#/insights');
	await expect(page.getByRole('alert')).toContainText('The figures could not be fetched');
	await page.unroute('**/api/insights**');
	await page.getByRole('button', { name: 'Try again' }).click();
	await expect(page.getByRole('alert')).toHaveCount(0);
});

test('the device bar is fed by one stream and says aloud only what changes', async ({ page }) => {
	let streams = 0;
	page.on('request', (request) => {
		if (request.url().endsWith('/api/status/stream')) streams += 1;
	});
	await page.goto('/');
	await expect(bar(page).getByRole('status')).toHaveText(/ready|busy/);
	await expect(
		bar(page)
			.getByText(/^\d+%$/)
			.first()
	).toBeVisible();
	await page.evaluate(() => {
		const state = document.querySelector('header [role=status]');
		if (!state) throw new Error('no state');
		const seen = window as unknown as { changes: number };
		seen.changes = 0;
		new MutationObserver(() => (seen.changes += 1)).observe(state, {
			childList: true,
			characterData: true,
			subtree: true
		});
	});
	await page.waitForTimeout(3000);
	expect(await page.evaluate(() => (window as unknown as { changes: number }).changes)).toBe(0);
	expect(streams).toBe(1);
	await page.getByRole('button', { name: 'The machine in detail' }).click();
	await expect(page.getByRole('dialog')).toContainText('Memory of the machine');
	expect(await violations(page)).toEqual([]);
});

test('on paper there are no controls, and every group', async ({ page, request, desk }) => {
	await asked(request, desk);
	await page.goto('/#/insights');
	await expect(card(page, 'What people ask')).toBeVisible();
	await page.emulateMedia({ media: 'print' });
	await expect(page.locator('header:visible')).toHaveCount(0);
	await expect(page.getByText(/^The last 30 days\. Printed/)).toBeVisible();
	await expect(page.getByRole('button')).toHaveCount(0);
});

for (const colorScheme of ['light', 'dark'] as const) {
	for (const device of ['desktop', 'phone'] as const) {
		test.describe(`${device}, ${colorScheme}`, () => {
			test.use({
				colorScheme,
				...(device === 'phone'
					? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
					: {})
			});

			test('axe finds nothing on the insights, in both languages', async ({
				page,
				request,
				desk
			}) => {
				await asked(request, desk);
				await page.addInitScript(() => localStorage.setItem('lookdesk.language', '"zh"'));
				await page.goto('/#/insights');
				await expect(card(page, '忙碌时段')).toBeVisible();
				expect(await violations(page)).toEqual([]);
				await page.addInitScript(() => localStorage.setItem('lookdesk.language', '"en"'));
				await page.reload();
				await card(page, 'Time to the first word')
					.getByRole('button', { name: 'As a table' })
					.click();
				expect(await violations(page)).toEqual([]);
				expect(await overflow(page)).toBeLessThanOrEqual(0);
			});
		});
	}
}

test.describe('on a phone', () => {
	test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

	test('a dialog of the desk does not keep the next page from being used', async ({ page }) => {
		await page.goto('/');
		await page.getByRole('button', { name: 'The machine in detail' }).tap();
		await expect(page.getByRole('dialog')).toBeVisible();
		await page.evaluate(() => (location.hash = '#/insights?days=7'));
		await expect(heading(page, 'Insights')).toBeFocused();
		await page.getByText('90 days', { exact: true }).tap();
		await expect(page).toHaveURL(/days=90/);
	});

	test('the name opens the way to the other pages, and Esc closes it', async ({ page }) => {
		await page.goto('/');
		const menu = bar(page).locator('summary');
		await menu.tap();
		await page.keyboard.press('Escape');
		await expect(bar(page).getByRole('link', { name: 'Insights' })).toBeHidden();
		await menu.tap();
		await bar(page).getByRole('link', { name: 'Insights' }).tap();
		await expect(heading(page, 'Insights')).toBeVisible();
	});
});
