/** Conversations beside the desk: kept, found again, named, judged, linked, deleted and brought back. */
import type { Page } from '@playwright/test';
import {
	add,
	answers,
	ask,
	box,
	converse,
	failOnBreach,
	finished,
	firstSample,
	open,
	row,
	rows,
	sample,
	unique,
	violations,
	waiting
} from './page.ts';
import { expect, test } from './served.ts';

const list = (page: Page) => page.getByRole('navigation', { name: 'Conversations' });
const search = (page: Page) => page.getByRole('searchbox', { name: 'Search conversations' });
const title = (page: Page) => page.getByRole('textbox', { name: 'Title' });

async function choose(page: Page, conversation: string, action: string) {
	await row(page, conversation).hover();
	await page.getByRole('button', { name: `What to do with “${conversation}”` }).click();
	await page.getByRole('menuitem', { name: action }).click();
}

failOnBreach();

test('a question makes a conversation that is there after a reload, with its picture', async ({
	page
}) => {
	const question = unique('What is the model number?');
	await converse(page, question);
	const said = await page.locator('.answer-text').innerText();
	await expect(page).toHaveURL(/#\/c\/[\w-]+$/);
	await expect(row(page, question)).toHaveAttribute('aria-current', 'page');
	await expect(page).toHaveTitle(`${question} · Lookdesk`);
	await page.reload();
	await expect(page.locator('.answer-text')).toHaveText(said, { useInnerText: true });
	await expect(page.getByRole('application').locator('img')).toBeVisible();
	await ask(page, sample('label-en.jpg').question_en);
	await expect(finished(page)).toHaveCount(2);
	await expect(finished(page).nth(1)).toContainText(sample('label-en.jpg').answer);
});

test('a conversation has an address of its own, and Back leads to the one before', async ({
	page
}) => {
	const [first, second] = [unique('First model?'), unique('Second model?')];
	await converse(page, first);
	const address = page.url();
	await page.getByRole('button', { name: 'New conversation' }).click();
	await expect(box(page)).toBeFocused();
	await add(page, 'label-en.jpg');
	await ask(page, second);
	await expect(finished(page)).toHaveCount(1);
	await row(page, first).click();
	await expect(title(page)).toHaveValue(first);
	await page.goBack();
	await expect(title(page)).toHaveValue(second);
	await page.goto(address);
	await expect(title(page)).toHaveValue(first);
	await page.goto('/#/c/01890000-0000-7000-8000-000000000000');
	await expect(page.getByRole('alert')).toContainText('not here any more');
});

test('an answer goes on while one looks at another conversation', async ({ page }) => {
	const question = unique('Describe the picture, long');
	await open(page);
	await firstSample(page).click();
	await expect(finished(page)).toHaveCount(1);
	await page.getByRole('button', { name: 'New conversation' }).click();
	await add(page, 'panel-error.png');
	await ask(page, question);
	await expect(row(page, question)).toBeVisible();
	await rows(page).nth(1).click();
	await expect(title(page)).not.toHaveValue(question);
	await row(page, question).click();
	await expect(finished(page)).toHaveCount(1);
	await expect(page.getByText('It was stopped here.')).toHaveCount(0);
});

test('each conversation keeps what was being written in it', async ({ page }) => {
	const question = unique('What is the model number?');
	await converse(page, question);
	await box(page).fill('half a question');
	await page.getByRole('button', { name: 'New conversation' }).click();
	await expect(box(page)).toHaveValue('');
	await add(page, 'router-label.png');
	await row(page, question).click();
	await expect(box(page)).toHaveValue('half a question');
	await expect(waiting(page)).toHaveCount(0);
	await page.reload();
	await expect(box(page)).toHaveValue('half a question');
	await page.getByRole('button', { name: 'New conversation' }).click();
	await expect(waiting(page).getByRole('listitem')).toHaveCount(1);
});

test('search finds words of questions and answers, by keyboard alone', async ({ page }) => {
	const code = unique('Z').replace(' ', '');
	await converse(page, `Is ${code} the serial number?`);
	await page.getByRole('button', { name: 'New conversation' }).click();
	await page.keyboard.press('Control+k');
	await expect(search(page)).toBeFocused();
	await page.keyboard.type(code.toLowerCase());
	await expect(rows(page)).toHaveCount(1);
	await expect(rows(page).locator('mark').first()).toHaveText(code);
	await page.keyboard.press('ArrowDown');
	await expect(rows(page)).toBeFocused();
	await page.keyboard.press('Enter');
	await expect(title(page)).toHaveValue(`Is ${code} the serial number?`);
	await search(page).fill('nothing has these words');
	await expect(list(page)).toContainText('Nothing found.');
	await search(page).press('Escape');
	await expect(search(page)).toHaveValue('');
	await expect(row(page, code)).toBeVisible();
});

test('two Chinese characters are found', async ({ page }) => {
	const question = unique('电饭煲的型号是什么？');
	await converse(page, question);
	await search(page).fill('型号');
	await expect(row(page, question)).toBeVisible();
	await expect(row(page, question).locator('mark').first()).toHaveText('型号');
});

test('a conversation is renamed in its place and pinned on top', async ({ page }) => {
	const question = unique('What is the model number?');
	const name = unique('Warranty');
	await converse(page, question);
	await choose(page, question, 'Rename');
	await page.getByRole('textbox', { name: 'New title' }).fill(name);
	await page.keyboard.press('Enter');
	await expect(row(page, name)).toBeFocused();
	await expect(title(page)).toHaveValue(name);
	await choose(page, name, 'Pin');
	await expect(page.getByRole('list', { name: 'Pinned' }).getByText(name)).toBeVisible();
	await page.reload();
	await expect(page.getByRole('list', { name: 'Pinned' }).getByText(name)).toBeVisible();
	await choose(page, name, 'Unpin');
	await expect(page.getByRole('list', { name: 'Today' }).getByText(name)).toBeVisible();
});

test('a deleted conversation can be brought back for ten seconds', async ({ page }) => {
	const question = unique('What is the model number?');
	await converse(page, question);
	await choose(page, question, 'Delete');
	await expect(row(page, question)).toHaveCount(0);
	await expect(answers(page)).toHaveCount(0);
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(row(page, question)).toBeVisible();
	await expect(finished(page)).toHaveCount(1);
	await page.reload();
	await expect(row(page, question)).toBeVisible();
	await row(page, question).focus();
	await page.keyboard.press('Delete');
	await expect(row(page, question)).toHaveCount(0);
	await page.reload();
	await expect(firstSample(page)).toBeVisible();
	await expect(row(page, question)).toHaveCount(0);
});

test('clear asks first, and even then can be undone', async ({ page }) => {
	const question = unique('What is the model number?');
	await converse(page, question);
	await page.getByRole('button', { name: 'Clear', exact: true }).click();
	await expect(page.getByRole('button', { name: 'Keep it' })).toBeFocused();
	await page.keyboard.press('Escape');
	await expect(finished(page)).toHaveCount(1);
	await page.getByRole('button', { name: 'Clear', exact: true }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
	await expect(answers(page)).toHaveCount(0);
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(finished(page)).toHaveCount(1);
});

test('customer and verdict are kept, shown on the list, and can be asked for', async ({ page }) => {
	const question = unique('What is the model number?');
	const customer = unique('Ann');
	await converse(page, question);
	await page.getByRole('combobox', { name: 'Customer' }).fill(customer);
	await page.keyboard.press('Enter');
	const kept = page.waitForResponse(
		(response) =>
			response.request().method() === 'PATCH' &&
			(response.request().postData() ?? '').includes('handed_over')
	);
	await page.getByRole('button', { name: 'Handed to a person' }).click();
	await kept;
	await expect(row(page, question)).toContainText(customer);
	await expect(row(page, question)).toContainText('Handed to a person');
	await page.reload();
	await expect(page.getByRole('combobox', { name: 'Customer' })).toHaveValue(customer);
	await expect(page.getByRole('button', { name: 'Handed to a person' })).toHaveAttribute(
		'aria-pressed',
		'true'
	);
	await page.goto(`/#/?customer=${encodeURIComponent(customer)}&verdict=handed_over`);
	await expect(rows(page)).toHaveCount(1);
	const chip = page.getByRole('button', { name: `Remove the filter “Customer: ${customer}”` });
	await expect(chip).toBeVisible();
	await rows(page).click();
	await expect(finished(page)).toHaveCount(1);
	await expect(chip).toBeVisible();
	await chip.click();
	await expect(page).toHaveURL(/#\/c\/[\w-]+\?verdict=handed_over$/);
	await page.getByRole('button', { name: /Remove the filter “Handed/ }).click();
	await expect(page.getByRole('list', { name: 'Filters' })).toHaveCount(0);
});

test('“another picture” begins a linked conversation, typed or pressed', async ({ page }) => {
	const question = unique('What is the model number?');
	await converse(page, question);
	await add(page, 'router-label.png');
	await ask(page, '换一张图，型号是什么？');
	await expect(title(page)).toHaveValue('型号是什么？');
	await expect(finished(page)).toHaveCount(1);
	await expect(page.getByText('continues')).toBeVisible();
	await page.getByRole('link', { name: question }).first().click();
	await expect(title(page)).toHaveValue(question);
	await expect(page.getByText('continued in')).toBeVisible();
	await page.getByRole('button', { name: 'Another picture' }).click();
	await expect(answers(page)).toHaveCount(0);
	await expect(page.getByText('Add the next picture, then ask.')).toBeVisible();
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(title(page)).toHaveValue(question);
	await expect(finished(page)).toHaveCount(1);
});

test('an earlier question is asked differently; what came after it leaves, asked for', async ({
	page
}) => {
	await converse(page, unique('What is the model number?'));
	await ask(page, 'And the date?');
	await expect(finished(page)).toHaveCount(2);
	await ask(page, 'And the code?');
	await expect(finished(page)).toHaveCount(3);
	await page.locator('.question').first().hover();
	await page.getByRole('button', { name: 'Edit and ask again' }).first().click();
	await page.getByRole('textbox', { name: 'The question' }).fill('Read the model number.');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('dialog')).toContainText('The 2 rounds after it leave');
	await page.getByRole('dialog').getByRole('button', { name: 'Ask again' }).click();
	await expect(finished(page)).toHaveCount(1);
	await expect(finished(page)).toContainText(sample('label-en.jpg').answer);
	await page.reload();
	await expect(page.locator('.question')).toHaveCount(1);
	await expect(page.locator('.question')).toContainText('Read the model number.');
});

test('a question the desk could not take goes back to the box', async ({ page }) => {
	await open(page);
	await page.route('**/api/conversations/*/rounds', (route) =>
		route.fulfill({
			status: 429,
			json: { error: { code: 'queue_full', message: '', details: {}, request_id: 'r' } }
		})
	);
	await add(page, 'label-en.jpg');
	await ask(page, 'What is the model number?');
	await expect(page.getByRole('alert')).toContainText('Many people are asking');
	await page.getByRole('button', { name: 'Back to the question box' }).click();
	await expect(box(page)).toHaveValue('What is the model number?');
	await expect(waiting(page).getByRole('listitem')).toHaveCount(1);
	await page.unrouteAll();
	await page.getByRole('button', { name: 'Send' }).click();
	await expect(finished(page)).toContainText(sample('label-en.jpg').answer);
});

test('an answer can be judged and corrected', async ({ page }) => {
	await converse(page, unique('What is the model number?'));
	await page.getByRole('button', { name: 'Bad answer' }).click();
	await page.getByRole('textbox', { name: 'What would have been right?' }).fill('AX5400 <b>v2</b>');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.reload();
	await expect(page.getByText('Corrected: AX5400 <b>v2</b>')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Bad answer' })).toHaveAttribute(
		'aria-pressed',
		'true'
	);
});

test('an answer the program died in is there, marked, and can be asked again', async ({
	page,
	desk
}) => {
	await converse(page, unique('What is the model number?'));
	// Large pictures nobody has read before: the program dies before it has.
	await page.evaluate(async () => {
		const post = (path: string, body: BodyInit) =>
			fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
		const noise = async () => {
			const canvas = new OffscreenCanvas(1200, 1200);
			const context = canvas.getContext('2d');
			if (!context) throw new Error('no canvas');
			const pixels = context.createImageData(1200, 1200);
			for (let at = 0; at < pixels.data.length; at++) pixels.data[at] = Math.random() * 256;
			context.putImageData(pixels, 0, 0);
			const blob = await canvas.convertToBlob({ type: 'image/jpeg' });
			const reply = await fetch('/api/pictures', { method: 'POST', body: blob });
			return ((await reply.json()) as { id: string }).id;
		};
		const pictures = await Promise.all([noise(), noise(), noise()]);
		const ask = async (at: number) => {
			const made = await post('/api/conversations', '{}');
			const { id } = (await made.json()) as { id: string };
			const asked = { question: `Describe number ${at}, long`, pictures, role: '' };
			return post(`/api/conversations/${id}/rounds`, JSON.stringify(asked));
		};
		await Promise.all([ask(1), ask(2), ask(3)]);
	});
	await desk.kill();
	await open(page, '/');
	const cut = rows(page).filter({ hasText: 'interrupted' }).first();
	await cut.click();
	await expect(page.getByText('The desk stopped here')).toBeVisible();
	await page.getByRole('button', { name: 'Ask again', exact: true }).click();
	await expect(page.getByText('The desk stopped here')).toHaveCount(0);
	await expect(finished(page)).toHaveCount(1);
});

test('the list grows while one scrolls', async ({ page }) => {
	const made = Array.from({ length: 120 }, (_, index) => ({
		id: `id-${index}`,
		title: `Old matter ${index}`,
		customer: null,
		verdict: null,
		pinned: false,
		follows: null,
		created_at: 1,
		updated_at: Date.now() - index * 60_000,
		round_count: 1,
		picture: null,
		snippet: null,
		interrupted: false,
		deleted_at: null
	}));
	let asked = 0;
	await page.route('**/api/conversations?*', (route) => {
		asked += 1;
		const from = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 0);
		const conversations = made.slice(from, from + 50);
		const next = from + 50 < made.length ? String(from + 50) : null;
		return route.fulfill({ json: { conversations, next_cursor: next } });
	});
	await open(page);
	await expect(rows(page)).toHaveCount(50);
	await rows(page).last().scrollIntoViewIfNeeded();
	await expect(rows(page)).toHaveCount(100);
	await rows(page).last().scrollIntoViewIfNeeded();
	await expect(rows(page)).toHaveCount(120);
	await expect(row(page, 'Old matter 119')).toBeAttached();
	expect(asked).toBeLessThan(6);
});

test('when the list cannot be read, the page says so and a click mends it', async ({ page }) => {
	await page.route('**/api/conversations?*', (route) => route.fulfill({ status: 500, body: '' }));
	await open(page);
	await expect(list(page).getByRole('alert')).toBeVisible();
	await page.unrouteAll();
	await list(page).getByRole('button', { name: 'Try again' }).click();
	await expect(list(page).getByRole('alert')).toHaveCount(0);
});

test('axe finds nothing in a full desk, its menu, its dialog', async ({ page }) => {
	const question = unique('What is the model number?');
	await converse(page, question);
	await page.goto(`${page.url()}?doubtful=false`);
	await expect(finished(page)).toHaveCount(1);
	expect(await violations(page)).toEqual([]);
	await row(page, question).hover();
	await page.getByRole('button', { name: `What to do with “${question}”` }).click();
	expect(await violations(page)).toEqual([]);
	await page.keyboard.press('Escape');
	await page.getByRole('button', { name: 'Clear', exact: true }).click();
	expect(await violations(page)).toEqual([]);
});

test.describe('on a phone', () => {
	test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

	test('conversations open from a sheet, by touch', async ({ page }) => {
		const question = unique('What is the model number?');
		await converse(page, question);
		await page.getByRole('button', { name: 'New conversation' }).tap();
		await page.getByRole('button', { name: 'Conversations and settings' }).tap();
		expect(await violations(page)).toEqual([]);
		await row(page, question).tap();
		await expect(page.getByRole('dialog')).toHaveCount(0);
		await expect(finished(page)).toHaveCount(1);
		expect(await violations(page)).toEqual([]);
		const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		expect(await overflow()).toBeLessThanOrEqual(0);
	});
});

test.describe('in a Chinese browser', () => {
	test.use({ locale: 'zh-CN' });

	test('the list, its menu and its notices speak Chinese', async ({ page }) => {
		const question = unique('型号是什么？');
		await converse(page, question);
		await row(page, question).hover();
		await page.getByRole('button', { name: `对“${question}”的操作` }).click();
		await page.getByRole('menuitem', { name: '删除' }).click();
		await expect(page.getByText('对话已移到回收站。')).toBeVisible();
		await page.getByRole('button', { name: '撤销' }).click();
		await expect(row(page, question)).toBeVisible();
	});
});
