/**
 * A page of 320 by 256 pixels: a desktop of 1280 by 1024 at four times its size (WCAG 2.2, 1.4.10). Nothing
 * scrolls in two directions, nothing that matters is cut off or covered, and an answer can be read.
 */
import type { Locator, Page } from '@playwright/test';
import { overflow, strict } from './axe.ts';
import { shows } from './items.ts';
import { live, pastPicture, unsureAnswer } from './past.ts';
import { unique } from './samples.ts';
import { expect, test } from './served.ts';

const size = { width: 320, height: 256 };
/** Six lines of an answer, with a finger's buttons below them four. */
const leastForAnswers = { mouse: 150, finger: 120 };

/** What of the bar and of the question box an edge cuts off. */
const cutOff = () =>
	[
		...document.querySelectorAll<HTMLElement>(
			'header:has(.state) :is(button, summary), form.composer > textarea, form.composer .row button'
		)
	]
		.filter((one) => one.checkVisibility({ visibilityProperty: true }))
		.filter((one) => {
			const { left, right, top, bottom } = one.getBoundingClientRect();
			return left < 0 || right > innerWidth || top < 0 || bottom > innerHeight;
		})
		.map((one) => one.getAttribute('aria-label') ?? one.textContent.trim());

/** Every dialog can be left, and what it says can be scrolled to. */
async function leave(dialog: Locator, close: string): Promise<void> {
	await expect(dialog).toBeInViewport();
	const button = dialog.getByRole('button', { name: close, exact: true }).first();
	await expect(button).toBeInViewport({ ratio: 1 });
	await button.click();
	await expect(dialog).toHaveCount(0);
}

async function fits(page: Page, where: string): Promise<void> {
	expect(await overflow(page), where).toBeLessThanOrEqual(0);
	expect(await page.evaluate(cutOff), where).toEqual([]);
	const bar = await page.locator('header:visible').first().boundingBox();
	expect(bar?.height, where).toBeLessThanOrEqual(46);
	const words = page.locator('header:visible .state .words').first();
	const isWhole = await words.evaluate((one) => one.scrollWidth <= one.clientWidth + 1);
	expect(isWhole, where).toBe(true);
}

test.beforeEach(async ({ page }) => {
	strict(page);
	await page.setViewportSize(size);
});

test(
	'at four times its size the desk can be used: asked, read, looked at, left',
	shows('narrow'),
	async ({ page, person, t, request }) => {
		const shown = await pastPicture(request, 'label-en.jpg');
		const title = unique(person.say('Router lights', '路由器指示灯'));
		const [id] = await live(request, [
			{
				title,
				customer: person.say('Anna Weber', '王芳'),
				rounds: [
					{
						question: person.say('Model and code?', '型号和错误码？'),
						pictures: [shown],
						answers: [
							{
								...unsureAnswer,
								evidence: [{ picture: shown.id, label: 'E102', box: [120, 250, 480, 610] }]
							}
						]
					}
				]
			}
		]);
		await person.open();
		await fits(page, 'empty');
		await person.add('label-en.jpg', 'router-label.png');
		await expect(person.waiting.getByRole('listitem')).toHaveCount(2);
		await person.box.fill(person.say('What is it? ', '这是什么？').repeat(20));
		await fits(page, 'pictures and a long question');
		await expect(person.box).toBeInViewport({ ratio: 1 });
		await person.box.fill('');

		await person.open(`/#/c/${id}`);
		await expect(person.finished).toHaveCount(1);
		await fits(page, 'answered');
		const answers = page.getByRole('region', { name: t.conversation.label, exact: true });
		const room = (await answers.boundingBox())?.height ?? 0;
		expect(room).toBeGreaterThan(leastForAnswers[person.isPhone ? 'finger' : 'mouse']);
		await page.locator('.answer-text').scrollIntoViewIfNeeded();
		await expect(page.locator('.answer-text')).toBeInViewport({ ratio: 0.95 });
		// The head scrolls with the conversation.
		await person.title.scrollIntoViewIfNeeded();
		await expect(person.title).toBeInViewport({ ratio: 1 });
		await page.getByRole('button', { name: t.conversation.showPicture(1) }).click();
		const stage = person.stage;
		expect((await stage.boundingBox())?.height).toBeGreaterThan(140);
		await fits(page, 'looking at a picture');
		await person.press(t.viewer.fold);
		await expect(stage).toHaveCount(0);
		await expect(person.box).toBeInViewport({ ratio: 1 });

		await person.openMachine();
		await fits(page, 'the machine');
		await leave(person.dialog, t.pages.close);
		await person.press(t.list.open);
		await fits(page, 'conversations');
		await person.row(title).scrollIntoViewIfNeeded();
		await expect(person.row(title)).toBeInViewport();
		await leave(person.dialog, t.list.close);
		await person.press(t.chain.clear);
		await expect(person.button(t.chain.keep)).toBeInViewport({ ratio: 1 });
		await page.keyboard.press('Escape');
	}
);

test(
	'at four times their size insights and records scroll in one direction only',
	shows('narrow'),
	async ({ page, person, t, request }) => {
		await live(request, [
			{ title: 'Which code?', rounds: [{ question: 'Which code?', answers: [unsureAnswer] }] }
		]);
		for (const [where, card] of [
			['insights', t.insights.hours.title],
			['records', t.records.audit.title]
		] as const) {
			await person.open(`/#/${where}`);
			await person.card(card).scrollIntoViewIfNeeded();
			await fits(page, where);
			const main = page.locator('main:visible');
			const sideways = await main.evaluate((one) => one.scrollWidth - one.clientWidth);
			expect(sideways, where).toBeLessThanOrEqual(0);
			expect((await main.boundingBox())?.height, where).toBeGreaterThan(200);
		}
	}
);
