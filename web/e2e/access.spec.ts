/** axe on every page and on everything that opens over it, in both themes; and nothing runs off the side. */
import type { Page } from '@playwright/test';
import { overflow, strict, violations } from './axe.ts';
import { shows } from './items.ts';
import { live, pastPicture, unsureAnswer } from './past.ts';
import { unique } from './samples.ts';
import { holdAnswers } from './scripted.ts';
import { expect, test } from './served.ts';

/** So that both languages and both sizes are seen in both themes; axe takes its time. */
const themeOf: Record<string, 'light' | 'dark'> = {
	'en-desktop': 'light',
	'zh-desktop': 'dark',
	'en-phone': 'dark',
	'zh-phone': 'light'
};

async function isFine(page: Page, what: string) {
	await page.emulateMedia({
		colorScheme: themeOf[test.info().project.name] ?? 'light',
		reducedMotion: 'reduce'
	});
	expect(await violations(page), what).toEqual([]);
	expect(await overflow(page), what).toBeLessThanOrEqual(0);
}

test.beforeEach(({ page }) => strict(page));

test(
	'the desk before a question: samples, sheets, refusals, what waits and what streams',
	shows('screenReader', 'narrow'),
	async ({ page, person, t }) => {
		const script = await holdAnswers(page);
		await person.open();
		await expect(page.locator('[data-sample]').first()).toBeVisible();
		await isFine(page, 'empty');
		await person.openSettings();
		await expect(page.getByLabel(t.roles.preview)).toBeVisible();
		await isFine(page, 'settings');
		await person.press(t.roles.edit);
		await person.button(t.roles.add).click();
		await isFine(page, 'presets');
		await page.keyboard.press('Escape');
		await person.closePanel();
		await person.openMachine();
		await isFine(page, 'machine');
		await page.keyboard.press('Escape');
		if (person.isPhone) {
			await page.locator('summary:visible').click();
			await isFine(page, 'pages');
			await page.keyboard.press('Escape');
		} else {
			await person.press(t.shortcuts.open);
			await isFine(page, 'shortcuts');
			await page.keyboard.press('Escape');
		}
		await person.give('receipt.png', 'image/png', Buffer.from('this is no picture'));
		await expect(person.alert).toContainText('receipt.png');
		await person.add('label-en.jpg', 'router-label.png');
		await expect(person.waiting.getByRole('listitem')).toHaveCount(2);
		await isFine(page, 'pictures waiting, one refused');
		await person.ask(person.say('Describe it.', '请描述。'));
		await script.say({ type: 'reading', picture: 1, of: 2, tokens: 40, cached: false });
		await expect(page.getByText(t.progress.reading(1, 2)).first()).toBeVisible();
		await isFine(page, 'reading');
		await script.say({ type: 'delta', text: '**E102**\n\n|a|b|\n|-|-|\n|1|2|', tokens: [] });
		await expect(person.answers.locator('td').first()).toBeVisible();
		await isFine(page, 'streaming');
	}
);

test(
	'the desk after an answer: marks, closer look, evidence, menus, questions, notices',
	shows('screenReader', 'narrow'),
	async ({ page, person, t, request }) => {
		const shown = await pastPicture(request, 'label-en.jpg');
		const title = unique(person.say('Router lights', '路由器指示灯'));
		const reading = { picture: shown.id, was: 'AX73', text: 'AX75', probability: 0.93 };
		const [id] = await live(request, [
			{
				title,
				customer: person.say('Anna Weber', '王芳'),
				verdict: 'handed_over',
				rounds: [
					{ question: person.say('And the lights?', '指示灯呢？'), answers: [{ text: 'OK' }] },
					{
						question: person.say('Model and code?', '型号和错误码？'),
						pictures: [shown],
						answers: [
							{
								...unsureAnswer,
								evidence: [{ picture: shown.id, label: 'E102', box: [120, 250, 480, 610] }],
								readings: [{ ...reading, box: [100, 100, 600, 400], agrees: false }],
								feedback: { thumb: 'down', correction: 'AX75' }
							}
						]
					}
				]
			}
		]);
		await person.open(`/#/c/${id}?verdict=handed_over`);
		await person.button(t.evidence.one(1, 'E102')).click();
		await expect(page.locator('[data-box]').first()).toBeVisible();
		await isFine(page, 'answered, with evidence and a closer look');
		await page.getByRole('button', { name: `E102 ${t.marks.pleaseCheck}` }).click();
		await isFine(page, 'how sure the model was');
		await person.press(t.closer.byHand);
		await isFine(page, 'drawing a place');
		await page.keyboard.press('Escape');
		await person.button(t.feedback.correct).first().click();
		await page.getByRole('button', { name: t.edit.edit, exact: true }).first().click();
		await isFine(page, 'correcting the answer, editing the question');
		await page.keyboard.press('Escape');
		await person.press(t.chain.clear);
		await isFine(page, 'clearing');
		await page.keyboard.press('Escape');
		await person.openPanel();
		await expect(person.row(title)).toBeVisible();
		await person.row(title).hover();
		await person.press(t.list.actions(title));
		await isFine(page, 'a conversation’s menu');
		await page.getByRole('menuitem', { name: t.list.remove, exact: true }).click();
		await expect(page.getByText(t.list.deleted).first()).toBeVisible();
		await isFine(page, 'deleted, can be undone');
	}
);

test(
	'insights and records: charts, tables, nothing to show, what fails, the dialogs',
	shows('screenReader', 'narrow'),
	async ({ page, person, t, request }) => {
		const [title, customer] = [unique('Gone'), unique(person.say('Anna Weber', '王芳'))];
		const ids = await live(request, [
			{ title, customer, rounds: [{ question: 'Which code?', answers: [unsureAnswer] }] },
			{
				title: 'Two',
				customer,
				verdict: 'solved',
				rounds: [
					{
						question: 'Which code?',
						answers: [{ ...unsureAnswer, feedback: { thumb: 'up', correction: null } }]
					}
				]
			}
		]);
		await request.delete(`/api/conversations/${ids[0]}`);
		await person.open('/#/insights');
		await expect(person.card(t.insights.hours.title)).toBeVisible();
		await isFine(page, 'insights');
		await person
			.card(t.insights.firstWord.title)
			.getByRole('button', { name: t.insights.asTable, exact: true })
			.click();
		// While figures come, those before are pale.
		const figures = page.waitForResponse((response) => response.url().includes('/api/insights'));
		await page.getByText(t.insights.period.between, { exact: true }).click();
		await expect(page.getByLabel(t.insights.period.from, { exact: true })).toBeVisible();
		await figures;
		await expect(page.locator('.cards[aria-busy=false]')).toBeVisible();
		await isFine(page, 'insights as a table, with a period to choose');
		await page.goto('/#/insights?from=2001-01-01&to=2001-01-31');
		await expect(page.getByRole('heading', { name: t.insights.empty })).toBeVisible();
		await isFine(page, 'insights of no questions');
		await page.route('**/api/insights**', (route) => route.abort());
		await page.goto('/#/insights?days=7');
		await expect(person.alert).toContainText(t.insights.failed);
		await isFine(page, 'insights that cannot be fetched');
		await page.unroute('**/api/insights**');

		await page.goto('/#/records');
		await page.getByTestId('import').setInputFiles({
			name: 'table.csv',
			mimeType: 'text/csv',
			buffer: Buffer.from('a,b\n')
		});
		const place = person.card(t.records.customer.title);
		await place.getByLabel(t.records.customer.name, { exact: true }).fill(customer);
		await place.getByRole('button', { name: t.records.customer.look, exact: true }).click();
		await expect(place).toContainText(t.records.customer.willGo);
		await expect(person.card(t.records.bin.title)).toContainText(title);
		await isFine(page, 'records');
		await person
			.card(t.records.bin.title)
			.getByRole('button', { name: t.records.bin.forGoodOne(title), exact: true })
			.click();
		await isFine(page, 'deleting for good');
	}
);
