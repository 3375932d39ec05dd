/**
 * Words that try to act, as the desk would hand them to the page: answers, titles, customers, file names, roles,
 * evidence, readings, corrections, refusals and addresses. Each is looked at in every place that shows it.
 * What is brought in with records is in `planted.spec.ts`.
 */
import type { Page } from '@playwright/test';
import { add, answerUnsurely, ask, failOnBreach, finished, open, rows } from './page.ts';
import { corpus } from './corpus.ts';
import { guard } from './guard.ts';
import { holdAnswers } from './scripted.ts';
import { expect, test } from './served.ts';
import { delta } from './told.ts';

const all = corpus.join('\n\n');
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

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** On paper the page is laid out anew. */
async function onPaper(page: Page, look: () => Promise<void>) {
	await page.emulateMedia({ media: 'print' });
	await look();
	await page.emulateMedia({ media: null });
}

failOnBreach();

test('an answer cannot act: while it streams, when it is copied, printed and read again', async ({
	page,
	context
}) => {
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);
	const nothingRan = guard(page);
	const script = await holdAnswers(page);
	await open(page);
	await add(page, 'label-en.jpg');
	await ask(page, all);
	for (const [index, [part]] of [...all.matchAll(/[\s\S]{1,61}/g)].entries()) {
		await script.say(delta(part));
		if (index % 5 === 0) await nothingRan(`streaming, part ${index}`);
	}
	await script.end();
	await expect(finished(page)).toContainText('window.ran=1');
	await nothingRan('answered');
	await button(page, 'Copy').click();
	await expect(button(page, 'Copied')).toBeVisible();
	const copied = await page.evaluate(async () =>
		(await navigator.clipboard.read()).flatMap(({ types }) => types)
	);
	expect(copied).toEqual(['text/plain']);
	await onPaper(page, () => nothingRan('on paper'));
	await page.getByRole('textbox', { name: 'Title' }).focus();
	await button(page, 'Edit and ask again').click();
	await expect(page.getByRole('textbox', { name: 'The question' })).toHaveValue(all);
	await nothingRan('editing the question');
});

test('titles, customers and search hits are words, wherever a conversation is named', async ({
	page
}) => {
	const nothingRan = guard(page);
	await page.route('**/api/conversations?*', (route) =>
		route.fulfill({
			json: {
				conversations: corpus.map((title, index) => summary(`id-${index}`, title, index)),
				next_cursor: null
			}
		})
	);
	await page.route('**/api/conversations/id-*', (route) =>
		route.request().method() === 'DELETE'
			? route.fulfill({ status: 204 })
			: route.fulfill({
					json: { ...summary('id-1', all), follows: 'id-2', followed_by: ['id-3'], rounds: [] }
				})
	);
	await page.route('**/api/customers*', (route) => route.fulfill({ json: corpus }));
	await open(page);
	await expect(rows(page)).toHaveCount(corpus.length);
	await nothingRan('list');
	const planted = corpus[1] ?? '';
	await page.getByRole('searchbox').fill('window');
	await expect(rows(page).locator('mark').first()).toBeVisible();
	await nothingRan('search');
	await rows(page).nth(1).click();
	await expect(page.getByText('continues')).toBeVisible();
	await expect(rows(page).nth(1).locator('.title')).toHaveText(planted);
	await expect(page).toHaveTitle(/window\.ran/);
	await nothingRan('conversation and the chain it is in');
	await page.getByRole('combobox', { name: 'Customer' }).click();
	await expect(page.locator('datalist option').first()).toBeAttached();
	await nothingRan('customers to choose from');
	await button(page, 'Clear').click();
	await nothingRan('clearing');
	await page.keyboard.press('Escape');
	await rows(page).nth(1).hover();
	await button(page, `What to do with “${planted}”`).click();
	await nothingRan('menu');
	await page.getByRole('menuitem', { name: 'Rename' }).click();
	await expect(page.getByRole('textbox', { name: 'New title' })).toHaveValue(planted);
	await nothingRan('renaming');
	await page.keyboard.press('Escape');
	await rows(page).nth(1).press('Delete');
	await expect(page.getByText('Conversation moved to the bin.').first()).toBeVisible();
	await nothingRan('deleted');
});

test('file names are words: refused, waiting, taken out, in the viewer, with the question', async ({
	page
}) => {
	const nothingRan = guard(page);
	await open(page);
	await answerUnsurely(page);
	const [image = '', quoted = ''] = [corpus[1], corpus[16]];
	await page.getByTestId('files').setInputFiles([
		{ name: `${image}.png`, mimeType: 'image/png', buffer: Buffer.from('no picture') },
		{ name: `${quoted}.heic`, mimeType: 'image/heic', buffer: Buffer.from('0') }
	]);
	await expect(page.getByRole('alert').nth(1)).toContainText('onerror');
	await nothingRan('refused');
	const picture = await page.evaluate(async () => {
		const canvas = new OffscreenCanvas(64, 48);
		canvas.getContext('2d')?.fillRect(0, 0, 64, 48);
		const blob = await canvas.convertToBlob({ type: 'image/png' });
		return [...new Uint8Array(await blob.arrayBuffer())];
	});
	const names = [image, quoted].map((name) => `${name}.png`);
	await page
		.getByTestId('files')
		.setInputFiles(
			names.map((name) => ({ name, mimeType: 'image/png', buffer: Buffer.from(picture) }))
		);
	await expect(page.getByText(/\d+ tokens/)).toHaveCount(2);
	await nothingRan('waiting');
	await button(page, `Remove ${names[1]}`).click();
	await expect(page.getByText('Picture removed.').first()).toBeVisible();
	await nothingRan('taken out');
	await button(page, names[0] ?? '').click();
	await expect(page.getByRole('application')).toHaveAccessibleName(/onerror/);
	await button(page, 'Zoom in').click();
	await nothingRan('viewer');
	await ask(page, 'code?');
	await expect(finished(page)).toHaveCount(1);
	await button(page, 'Show picture 1 large').hover();
	await nothingRan('with the question');
});

test('evidence labels, readings and corrections are words: chips, boxes, cards and notes', async ({
	page
}) => {
	const nothingRan = guard(page);
	await open(page);
	const about = await answerUnsurely(page);
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
	await page.locator('article ul button').nth(1).hover();
	await nothingRan('evidence');
	await page.route('**/api/answers/*/readings', (route) => {
		const at = route.request().postDataJSON() as { was: string; start: number | null };
		const box = [0, 0, 500, 500];
		// A sentence stands on a card; a short string beside what was read first, too.
		const text = at.was === 'E102' ? all : '<b>X</b>';
		return route.fulfill({
			json: { id: at.was, ...about, ...at, box, text, agrees: false, probability: 0.5 }
		});
	});
	await page.getByRole('button', { name: 'E102 please check' }).click();
	await page.getByRole('button', { name: 'Look closer' }).click();
	await expect(page.getByRole('figure')).toContainText('window.ran=1');
	await page.getByRole('button', { name: 'AX73 check' }).click();
	await page.getByRole('button', { name: 'Look closer' }).click();
	await expect(page.getByRole('button', { name: /^AX73/ })).toContainText('<b>X</b>');
	await page.getByRole('button', { name: /^AX73/ }).click();
	await expect(page.getByRole('dialog', { name: 'About AX73' })).toBeVisible();
	await nothingRan('readings');
	await page.route('**/api/answers/*/feedback', (route) =>
		route.fulfill({ json: { thumb: 'down', correction: all } })
	);
	await page.getByRole('button', { name: 'Bad answer' }).click();
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('Corrected:')).toBeVisible();
	await nothingRan('correction');
	await button(page, 'Correct').click();
	await expect(page.getByRole('textbox', { name: /right/ })).toHaveValue(all);
	await nothingRan('correcting');
	await onPaper(page, () => nothingRan('on paper'));
});

test('role presets and refusals of the desk are words', async ({ page }) => {
	const nothingRan = guard(page);
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
	await page.getByRole('combobox', { name: 'Role' }).selectOption({ index: 2 });
	await expect(page.getByLabel('The role as it is sent')).toContainText('window.ran=1');
	await nothingRan('role chosen');
	await page.getByRole('button', { name: 'Edit presets' }).click();
	await page.getByRole('dialog').getByRole('listitem').nth(3).getByRole('button').first().click();
	await nothingRan('presets');
	await page.keyboard.press('Escape');
	await add(page, 'label-en.jpg');
	await ask(page, 'code?');
	await expect(page.getByRole('alert')).toContainText('window.ran=1');
	await nothingRan('refusal');
});

test('an address cannot put words or scripts into the page', async ({ page }) => {
	const nothingRan = guard(page);
	const planted = encodeURIComponent('"><img src=x onerror=window.ran=1>');
	await open(
		page,
		`/#/?customer=${planted}&group=${planted}&verdict=${planted}&hour=<script>&query=${planted}`
	);
	await expect(page.getByRole('list', { name: 'Filters' })).toContainText('onerror');
	await expect(page.getByRole('searchbox')).toHaveValue(/onerror/);
	await nothingRan('filters and search');
	await page.goto(`/#/c/${planted}`);
	await expect(page.getByRole('main').getByRole('alert')).toBeVisible();
	await nothingRan('conversation');
	await page.goto(`/#/insights?from=${planted}&to=${planted}&days=${planted}`);
	await expect(page.getByRole('heading', { level: 1, name: 'Insights' })).toBeVisible();
	await nothingRan('insights');
});
