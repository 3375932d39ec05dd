/** Words that try to act, planted in a file that is brought in: in every place that shows them, nothing runs. */
import { readFileSync } from 'node:fs';
import { corpus } from './corpus.ts';
import { guard } from './guard.ts';
import { strict } from './axe.ts';
import { shows } from './items.ts';
import { exported, pastPicture, type PastConversation } from './past.ts';
import { expect, test } from './served.ts';

const all = corpus.join('\n\n');
const short = (words: string) => words.slice(0, 190);

test.beforeEach(({ page }) => strict(page));

test(
	'imported names, titles, roles, answers, corrections, labels and groups are words everywhere',
	shows('planted'),
	async ({ page, person, t, request, context }) => {
		await context.grantPermissions(['clipboard-read', 'clipboard-write']);
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
		await nothingRan('brought in');
		const out = person.card(t.records.export.title);
		for (const format of ['JSON', 'CSV']) {
			await out.getByText(format, { exact: true }).click();
			const download = page.waitForEvent('download');
			await out.getByRole('link', { name: t.records.export.download }).click();
			const text = readFileSync(await (await download).path(), 'utf8');
			expect(text).toContain('window.ran=1');
		}
		await nothingRan('taken out again');

		await page.goto('/');
		await person.openPanel();
		await expect(person.rows.first()).toBeVisible();
		await nothingRan('list');
		await person.search.fill('window');
		await expect(person.rows.locator('mark').first()).toBeVisible();
		await nothingRan('search');
		await person.openSettings();
		await page
			.getByRole('combobox', { name: t.roles.label })
			.selectOption({ index: corpus.length + 1 });
		await expect(page.getByLabel(t.roles.preview)).toContainText('window.ran=1');
		await person.press(t.roles.edit);
		await expect(page.getByRole('dialog', { name: t.roles.title })).toContainText('onerror');
		await nothingRan('presets');
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
			await nothingRan(`conversation ${index}`);
			await person.press(t.viewer.zoomIn);
			await nothingRan(`picture ${index}`);
			await page.emulateMedia({ media: 'print' });
			await nothingRan(`conversation ${index} on paper`);
			await page.emulateMedia({ media: null });
		}
		await person.button(t.conversation.copy).last().click();
		await expect(person.button(t.conversation.copied)).toBeVisible();
		const copied = await page.evaluate(async () =>
			(await navigator.clipboard.read()).flatMap(({ types }) => types)
		);
		expect(copied).toEqual(['text/plain']);

		await page.goto('/#/insights');
		await expect(person.card(t.insights.groups.title)).toContainText('ran=1');
		await expect(person.card(t.insights.doubts.title)).toContainText('ran=1');
		await nothingRan('insights');
		await page.emulateMedia({ media: 'print' });
		await nothingRan('insights on paper');
		await page.emulateMedia({ media: null });
		const groups = person.card(t.insights.groups.title);
		await groups.getByRole('link').filter({ hasText: 'ran=1' }).first().click();
		await person.openPanel();
		const chips = page.getByRole('list', { name: t.filters.label });
		await expect(chips).toContainText('ran=1');
		await nothingRan('the conversations behind a group');
		await person.closePanel();
		await page.goBack();
		await person.card(t.insights.doubts.title).getByRole('link').first().click();
		await expect(person.isPhone ? page.locator('main:visible') : person.list).toBeVisible();
		await nothingRan('the conversations behind a figure');

		for (const { id } of file.conversations.slice(0, 3)) {
			await request.delete(`/api/conversations/${id}`);
		}
		await page.goto('/#/records');
		const bin = person.card(t.records.bin.title);
		await expect(bin).toContainText('window.ran=1');
		// The bin has what other tests have deleted, too.
		const planted = bin.getByRole('row').filter({ hasText: 'ran=1' }).first();
		await planted.getByRole('button').last().click();
		await expect(person.dialog).toContainText('ran=1');
		await nothingRan('bin');
		await page.keyboard.press('Escape');
		const customer = short(corpus[1] ?? '');
		await person
			.card(t.records.customer.title)
			.getByLabel(t.records.customer.name, { exact: true })
			.fill(customer);
		await person.press(t.records.customer.look);
		await expect(
			page.getByLabel(t.records.customer.confirm(customer), { exact: true })
		).toBeVisible();
		await nothingRan('what is known about a customer');
		await page.goto(`/#/?${new URLSearchParams({ customer, query: customer })}`);
		await person.openPanel();
		await expect(chips).toContainText('onerror');
		await nothingRan('conversations of one customer');
	}
);
