/** Words that try to act: through answers, titles, customers, file names, roles, search and evidence. */
import type { Page } from '@playwright/test';
import { add, answerUnsurely, ask, failOnBreach, finished, open, rows } from './page.ts';
import { corpus } from './corpus.ts';
import { expect, test } from './served.ts';
import { asked, conversationOf, delta, done, sse } from './told.ts';

const all = corpus.join('\n\n');

/** Fails on anything fetched from elsewhere; returns how to look whether anything ran. */
async function guard(page: Page): Promise<() => Promise<void>> {
	const fetched: string[] = [];
	page.on('request', (request) => {
		if (request.url().includes('evil.example')) fetched.push(request.url());
	});
	page.on('dialog', (dialog) => fetched.push(`dialog: ${dialog.message()}`));
	return async () => {
		await page.waitForTimeout(200);
		expect(await page.evaluate(() => (window as { ran?: unknown }).ran)).toBeUndefined();
		expect(fetched).toEqual([]);
		expect(page.url()).toContain('127.0.0.1');
		const planted = page.locator(
			'article :is(img:not(figure img), svg:not(.lucide-icon), iframe, form[action], style, math, base)'
		);
		expect(await planted.count()).toBe(0);
		expect(await page.locator('a[href^="javascript:"], a[href^="data:"]').count()).toBe(0);
	};
}

const now = Date.now();

const summary = (id: string, title: string, age = 0) => ({
	id,
	title,
	customer: all,
	verdict: null,
	pinned: false,
	follows: null,
	created_at: 1,
	updated_at: now - age,
	round_count: 1,
	picture: null,
	snippet: { text: all, hits: [[0, 40] as [number, number]] },
	interrupted: false,
	deleted_at: null
});

failOnBreach();

test('an answer cannot act, while it streams and when it is read again', async ({ page }) => {
	const nothingRan = await guard(page);
	await open(page);
	await answerUnsurely(page);
	await page.route('**/api/conversations/*/rounds', (route) => {
		const stored = asked(conversationOf(route.request().url()), all);
		const deltas = [...all.matchAll(/[\s\S]{1,7}/g)].map(([text]) => delta(text));
		return route.fulfill({
			contentType: 'text/event-stream',
			body: sse([stored, ...deltas, done('stop')])
		});
	});
	await add(page, 'label-en.jpg');
	await ask(page, all);
	await expect(finished(page)).toContainText('window.ran=1');
	await nothingRan();
	await page.getByRole('textbox', { name: 'Title' }).focus();
	await nothingRan();
});

test('titles, customers and search hits are words', async ({ page }) => {
	const nothingRan = await guard(page);
	await page.route('**/api/conversations?*', (route) =>
		route.fulfill({
			json: {
				conversations: corpus.map((title, index) => summary(`id-${index}`, title, index)),
				next_cursor: null
			}
		})
	);
	await page.route('**/api/conversations/id-*', (route) =>
		route.fulfill({
			json: {
				...summary('id-1', all),
				follows: 'id-2',
				followed_by: ['id-3'],
				rounds: []
			}
		})
	);
	await open(page);
	await expect(rows(page)).toHaveCount(corpus.length);
	await nothingRan();
	await rows(page).nth(1).click();
	await expect(page.getByText('continues')).toBeVisible();
	await expect(rows(page).nth(1).locator('.title')).toHaveText(corpus[1] ?? '');
	await nothingRan();
});

test('file names, evidence labels, readings and corrections are words', async ({ page }) => {
	const nothingRan = await guard(page);
	await open(page);
	const about = await answerUnsurely(page);
	await page.getByTestId('files').setInputFiles([
		{ name: `${corpus[1]}.png`, mimeType: 'image/png', buffer: Buffer.from('no picture') },
		{ name: `${corpus[16]}.heic`, mimeType: 'image/heic', buffer: Buffer.from('0') }
	]);
	await expect(page.getByRole('alert').nth(1)).toContainText('onerror');
	await add(page, 'label-en.jpg');
	await expect(page.getByText(/\d+ tokens/).first()).toBeVisible();
	await ask(page, 'code?');
	await expect(finished(page)).toHaveCount(1);
	await page.route('**/api/answers/*/evidence', (route) =>
		route.fulfill({
			json: {
				evidence: corpus.map((label, index) => ({
					id: `e${index}`,
					...about,
					label,
					box: [0, 0, 500, 500]
				})),
				said: all
			}
		})
	);
	await page.getByRole('button', { name: 'Where?' }).click();
	await expect(page.locator('[data-box]')).toHaveCount(corpus.length);
	await page.route('**/api/answers/*/readings', (route) =>
		route.fulfill({
			json: {
				id: 'x',
				...about,
				box: [0, 0, 500, 500],
				was: 'E102',
				start: null,
				text: all,
				agrees: false,
				probability: 0.5
			}
		})
	);
	await page.getByRole('button', { name: 'E102 please check' }).click();
	await page.getByRole('button', { name: 'Look closer' }).click();
	await expect(page.getByRole('figure')).toContainText('window.ran=1');
	await page.route('**/api/answers/*/feedback', (route) =>
		route.fulfill({ json: { thumb: 'down', correction: all } })
	);
	await page.getByRole('button', { name: 'Bad answer' }).click();
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('Corrected:')).toBeVisible();
	await nothingRan();
});

test('role presets and refusals of the desk are words', async ({ page }) => {
	const nothingRan = await guard(page);
	await page.route('**/api/roles', (route) =>
		route.fulfill({
			json: corpus.map((name, position) => ({
				id: `r${position}`,
				name,
				text: all,
				standard: position === 0,
				position
			}))
		})
	);
	await page.route('**/api/conversations', (route) =>
		route.request().method() === 'POST'
			? route.fulfill({
					status: 500,
					json: { error: { code: 'odd', message: all, details: {}, request_id: all } }
				})
			: route.continue()
	);
	await open(page);
	await page.getByRole('button', { name: /^Settings/ }).click();
	await add(page, 'label-en.jpg');
	await ask(page, 'code?');
	await expect(page.getByRole('alert')).toContainText('window.ran=1');
	await nothingRan();
});

test('an address cannot put words or scripts into the page', async ({ page }) => {
	const nothingRan = await guard(page);
	const planted = encodeURIComponent('"><img src=x onerror=window.ran=1>');
	await open(page, `/#/?customer=${planted}&group=${planted}&verdict=${planted}&hour=<script>`);
	await expect(page.getByRole('list', { name: 'Filters' })).toContainText('onerror');
	await nothingRan();
	await page.goto(`/#/c/${planted}`);
	await expect(page.getByRole('alert')).toBeVisible();
	await nothingRan();
});
