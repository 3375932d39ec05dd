/** The pages beside the desk, how one gets there and back, and what the insights show and open. */
import type { APIRequestContext, Page } from '@playwright/test';
import { overflow, strict } from './axe.ts';
import { shows } from './items.ts';
import { live, unsureAnswer } from './past.ts';
import { unique } from './samples.ts';
import { expect, test } from './served.ts';

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
/** The desk stays in the document, hidden; this is the bar one sees. */
const bar = (page: Page) => page.locator('header:visible').first();

const day = 24 * 60 * 60 * 1000;

/** Three days of a question asked three times: solved at once, solved later, doubted. */
async function past(request: APIRequestContext): Promise<string> {
	const question = unique('Which error code is shown').replace(' shown ', ' shown, ');
	const at = (days: number) => Date.now() - days * day - 60_000;
	const good = { text: 'It is E102.', feedback: { thumb: 'up', correction: null } };
	const bad = { ...unsureAnswer, feedback: { thumb: 'down', correction: 'AX75' } };
	const ask = (when: number, answer: typeof good | typeof bad, firstWordMs: number) => ({
		question,
		at: when,
		answers: [{ ...answer, firstWordMs }]
	});
	await live(request, [
		{ title: 'One', verdict: 'solved', at: at(2), rounds: [ask(at(2), good, 300)] },
		{
			title: 'Two',
			verdict: 'solved',
			at: at(1),
			rounds: [ask(at(1), good, 500), ask(at(1) + 1000, bad, 900)]
		},
		{ title: 'Three', at: at(0), rounds: [ask(at(0), bad, 1200)] },
		{
			title: 'Four',
			at: at(0),
			rounds: [{ question: 'And?', at: at(0), answers: [{ text: 'It', state: 'left' }] }]
		}
	]);
	return question;
}

test.beforeEach(({ page }) => strict(page));

test(
	'every figure opens its conversations on the desk',
	shows('figures', 'groups', 'doubts', 'narrow'),
	async ({ page, person, t, request }) => {
		const question = await past(request);
		const words = t.insights;
		await person.open('/#/insights?days=7');
		const figures = page.getByRole('list', { name: words.figures.label });
		await expect(figures.getByRole('link')).toHaveCount(4);
		await figures.getByRole('link', { name: words.figures.solved }).click();
		await expect(page).toHaveURL(/#\/\?from=\d+&solved_in=1$/);
		// Where they are in a sheet, it opens by itself.
		if (person.isPhone) await expect(person.panel).toBeVisible();
		await expect(page.locator('.top .count')).toHaveText(/\d/);
		await expect(person.row('One').first()).toBeVisible();
		await person.closePanel();
		await page.goBack();
		await figures.getByRole('link', { name: words.figures.doubtful }).click();
		await expect(page).toHaveURL(/doubtful=true$/);
		await page.goBack();

		const groups = person.card(words.groups.title);
		const group = groups.getByRole('row').filter({ hasText: question });
		await expect(group).toContainText('4');
		await group.getByRole('link').first().click();
		await expect(page).toHaveURL(/group=/);
		await person.openPanel();
		await expect(person.rows).toHaveCount(3);
		// It says which questions, also after a reload, and lets them go.
		const chip = person.button(t.filters.remove(t.filters.group(question)));
		await expect(chip).toBeVisible();
		await page.reload();
		await person.openPanel();
		await expect(chip).toContainText(question);
		expect(await overflow(page)).toBeLessThanOrEqual(0);
		await person.closePanel();
		await page.goBack();
		await expect(person.card(words.doubts.title)).toContainText('E102');
		for (const title of [words.rounds.title, words.thumbs.title, words.doubts.title]) {
			await expect(person.card(title).getByRole('link').first()).toBeVisible();
		}
		await person.card(words.thumbs.title).getByRole('link', { name: words.thumbs.down }).click();
		await person.openPanel();
		await expect(person.row('Three').first()).toBeVisible();
		await person.closePanel();
		await page.goBack();
		const { title, left } = words.unanswered;
		await person.card(title).getByRole('link', { name: left }).click();
		await expect(page).toHaveURL(/unanswered=left$/);
		await person.openPanel();
		await expect(person.row('Four').first()).toBeVisible();
		expect(await overflow(page)).toBeLessThanOrEqual(0);
	}
);

test(
	'the busiest hours and the first words open their conversations, by keys and as tables',
	shows('hours'),
	async ({ page, person, t, request }) => {
		await past(request);
		const words = t.insights;
		await person.open('/#/insights');
		if (person.isPhone) {
			const hours = person.card(words.hours.title);
			const busy = hours.locator('[data-cell][data-level="5"]').last();
			await busy.tap();
			await expect(busy).toHaveClass(/chosen/);
			await hours.getByRole('link').tap();
		} else {
			const grid = page.getByRole('grid', { name: words.hours.title });
			const busiest = grid.locator('a[tabindex="0"]');
			const hour = (await busiest.getAttribute('data-cell'))?.split('-')[1];
			await busiest.focus();
			// There and back; before midnight there is nothing.
			const [away, back] = hour === '0' ? ['ArrowRight', 'ArrowLeft'] : ['ArrowLeft', 'ArrowRight'];
			await page.keyboard.press(away);
			await page.keyboard.press(back);
			await expect(grid.locator('a:focus')).toHaveAttribute('href', /hour=\d+/);
			await page.keyboard.press('Enter');
		}
		await expect(page).toHaveURL(/weekday=\d&hour=\d+$/);
		await page.goBack();
		const first = person.card(words.firstWord.title);
		await first.getByRole('button', { name: words.asTable, exact: true }).click();
		await expect(first.getByRole('row')).not.toHaveCount(0);
		await first.getByRole('link').first().click();
		await expect(page).toHaveURL(/#\/\?from=\d+&to=\d+$/);
	}
);

test(
	'the period is chosen, stands in the address and survives a reload',
	shows('period'),
	async ({ page, person, t }) => {
		const words = t.insights.period;
		await person.open('/#/insights');
		await page.getByText(words.between, { exact: true }).click();
		await page.getByLabel(words.from, { exact: true }).fill('2001-01-01');
		await page.getByLabel(words.to, { exact: true }).fill('2001-01-31');
		await expect(page).toHaveURL(/from=2001-01-01&to=2001-01-31/);
		await expect(page.getByRole('heading', { name: t.insights.empty })).toBeVisible();
		await page.reload();
		await expect(page.getByLabel(words.from, { exact: true })).toHaveValue('2001-01-01');
		await expect(page.getByRole('heading', { name: t.insights.empty })).toBeVisible();
		await page.getByRole('link', { name: t.insights.emptyAll }).click();
		await expect(page).toHaveURL(/days=all/);
	}
);

test(
	'on paper there are no controls, and every group',
	shows('paper'),
	async ({ page, person, t, request }) => {
		await past(request);
		await person.open('/#/insights');
		await expect(person.card(t.insights.groups.title)).toBeVisible();
		await page.emulateMedia({ media: 'print' });
		await expect(page.locator('header:visible')).toHaveCount(0);
		const printed = t.insights.printed(t.insights.period.lastLong(30), '');
		await expect(page.getByText(printed.slice(0, -1)).first()).toBeVisible();
		await expect(page.getByRole('button')).toHaveCount(0);
	}
);

test('the question box is whole after the desk was opened from another page', async ({
	page,
	person,
	t
}) => {
	await person.open();
	const draft = 'First line\nsecond line\nthird line';
	await person.box.fill(draft);
	const height = async () => (await person.box.boundingBox())?.height ?? 0;
	const whole = await height();
	expect(whole).toBeGreaterThan(70);
	await page.goto('/#/insights');
	await page.reload();
	await expect(heading(page, t.insights.title)).toBeVisible();
	await bar(page).getByRole('link').first().click();
	await expect(person.box).toHaveValue(draft);
	await expect.poll(height).toBe(whole);
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

test('a file let go over a page without pictures does not open in its place', async ({ page }) => {
	await page.goto('/');
	for (const name of ['Insights', 'Records']) {
		await bar(page).getByRole('link', { name }).click();
		await expect(heading(page, name)).toBeVisible();
		const isTaken = await page.evaluate(() =>
			['dragover', 'drop'].map((type) => {
				const dataTransfer = new DataTransfer();
				dataTransfer.items.add(new File(['x'], 'a.png', { type: 'image/png' }));
				const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
				return !document.querySelector('main')?.dispatchEvent(event);
			})
		);
		expect(isTaken, name).toEqual([true, true]);
	}
});

test('a page that cannot be fetched says so', async ({ page }) => {
	await page.goto('/');
	await page.route('**/assets/Insights*', (route) => route.abort());
	await bar(page).getByRole('link', { name: 'Insights' }).click();
	await expect(heading(page, 'This page could not be opened')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Load again' })).toBeVisible();
});

test('figures that cannot be fetched are a sentence, and can be tried again', async ({ page }) => {
	await page.route('**/api/insights**', (route) => route.abort());
	await page.goto('/#/insights');
	await expect(page.getByRole('alert')).toContainText('The figures could not be fetched');
	await page.unroute('**/api/insights**');
	await page.getByRole('button', { name: 'Try again' }).click();
	await expect(page.getByRole('alert')).toHaveCount(0);
});

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
