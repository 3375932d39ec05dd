/** Words that try to act, planted in a file that is brought in: on every page that shows them, nothing runs. */
import type { Page } from '@playwright/test';
import { corpus } from './corpus.ts';
import { strict } from './axe.ts';
import { shows } from './items.ts';
import { exported, pastPicture, type PastConversation } from './past.ts';
import { expect, test } from './served.ts';

const all = corpus.join('\n\n');
const short = (words: string) => words.slice(0, 190);

/** What ran, was asked of elsewhere, or stands in the page as something other than words. */
function guard(page: Page): () => Promise<void> {
	const acts: string[] = [];
	page.on('request', (request) => {
		if (/evil\.example/.test(request.url())) acts.push(request.url());
	});
	page.on('dialog', (dialog) => {
		acts.push(dialog.message());
		void dialog.dismiss();
	});
	return async () => {
		await page.waitForTimeout(50);
		expect(await page.evaluate(() => (window as { ran?: unknown }).ran)).toBeUndefined();
		expect(acts).toEqual([]);
		expect(page.url()).toContain('127.0.0.1');
		const planted = page.locator(
			'#desk :is(script, iframe, object, embed, style, math, base, meta, [onerror], [onload], [onfocus], [ontoggle], [srcdoc], [href^="javascript:"], [href^="data:"], [action], [src^="http"])'
		);
		expect(await planted.count()).toBe(0);
	};
}

test.beforeEach(({ page }) => strict(page));

test(
	'imported names, titles, roles, answers, corrections, labels and groups are words everywhere',
	shows('planted'),
	async ({ page, person, t, request }) => {
		const nothingRan = guard(page);
		const shown = await pastPicture(request, 'label-en.jpg');
		const box: [number, number, number, number] = [100, 100, 600, 400];
		const at = Date.now() - 60_000;
		const past: PastConversation[] = corpus.map((words, index) => ({
			title: short(words),
			customer: short(words),
			at: at - index * 1000,
			verdict: 'solved',
			rounds: [
				{ question: words, role: words, asker: null, answers: [{ text: words }] },
				{
					question: words,
					pictures: [shown],
					role: all,
					answers: [
						{
							text: `${words}\n\n${all}`,
							marks: [{ start: 0, end: words.length, certainty: 'doubtful', probability: 0.2 }],
							evidence: [{ picture: shown.id, label: words, box }],
							readings: [
								{ picture: shown.id, was: words, text: words, box, agrees: false, probability: 0.4 }
							],
							feedback: { thumb: 'down', correction: all }
						}
					]
				}
			]
		}));
		const roles = corpus.map((words, index) => ({
			name: `${index} ${words}`.slice(0, 80),
			text: all
		}));
		const file = exported(past, roles);
		await person.open('/#/records');
		await page.getByTestId('import').setInputFiles({
			name: `${corpus[1]?.replaceAll('/', '')}.json`,
			mimeType: 'application/json',
			buffer: Buffer.from(JSON.stringify(file))
		});
		const told = person.card(t.records.import.title);
		await expect(told.getByRole('status').or(told.getByRole('alert'))).toContainText(/\d/);
		await expect(told.getByRole('alert')).toHaveCount(0);
		await nothingRan();

		await page.goto('/');
		await person.openPanel();
		await expect(person.rows.first()).toBeVisible();
		await person.search.fill('window');
		await expect(person.rows.locator('mark').first()).toBeVisible();
		await nothingRan();
		await person.openSettings();
		await page
			.getByRole('combobox', { name: t.roles.label })
			.selectOption({ index: corpus.length + 1 });
		await expect(page.getByLabel(t.roles.preview)).toContainText('window.ran=1');
		await person.press(t.roles.edit);
		await expect(page.getByRole('dialog', { name: t.roles.title })).toContainText('onerror');
		await nothingRan();
		await page.keyboard.press('Escape');
		await person.closePanel();

		for (const index of [0, 1, 7, corpus.length - 1]) {
			await page.goto(`/#/c/${file.conversations[index]?.id}`);
			await expect(person.title).toHaveValue(file.conversations[index]?.title ?? '');
			await expect(person.finished).toHaveCount(2);
			await page.getByRole('button', { name: t.evidence.one(1, corpus[index] ?? '') }).click();
			await expect(page.locator('[data-box]').first()).toBeVisible();
			await expect(page.getByRole('figure')).toContainText(corpus[index] ?? '');
			await expect(page.getByText(t.feedback.was)).toBeVisible();
			await nothingRan();
		}

		await page.goto('/#/insights');
		await expect(person.card(t.insights.groups.title)).toContainText('ran=1');
		await expect(person.card(t.insights.doubts.title)).toContainText('ran=1');
		await nothingRan();
		await page.emulateMedia({ media: 'print' });
		await nothingRan();
		await page.emulateMedia({ media: null });

		for (const { id } of file.conversations.slice(0, 3)) {
			await request.delete(`/api/conversations/${id}`);
		}
		await page.goto('/#/records');
		await expect(person.card(t.records.bin.title)).toContainText('window.ran=1');
		await person
			.card(t.records.customer.title)
			.getByLabel(t.records.customer.name, { exact: true })
			.fill(short(corpus[1] ?? ''));
		await person.press(t.records.customer.look);
		await expect(
			page.getByLabel(t.records.customer.confirm(short(corpus[1] ?? '')), { exact: true })
		).toBeVisible();
		await nothingRan();
	}
);
