/** What the tests do on the page, as a person does it. */
import type { Page } from '@playwright/test';
import { strict } from './axe.ts';
import { picture } from './samples.ts';
import { expect, test } from './served.ts';
import { asked, conversationOf, delta, done, sse } from './told.ts';

export { picture, sample, unique } from './samples.ts';

export const box = (page: Page) => page.locator('#question');
export const answers = (page: Page) => page.locator('article');
export const finished = (page: Page) => page.locator('article[aria-busy=false]');
export const waiting = (page: Page) =>
	page.getByRole('list', { name: 'Pictures for the next question' });
export const rows = (page: Page) => page.locator('[data-row]');
export const row = (page: Page, title: string) => rows(page).filter({ hasText: title });
export const firstSample = (page: Page) =>
	page.getByRole('button', { name: /^Ask about this sample/ }).first();

export async function open(page: Page, path = '/') {
	await page.goto(path);
	await expect(page.locator('header [role=status]').first()).toHaveText(/ready|busy|就绪|回答中/);
}

export async function add(page: Page, ...files: string[]) {
	await page.getByTestId('files').setInputFiles(files.map(picture));
}

export async function ask(page: Page, question: string) {
	await box(page).fill(question);
	await box(page).press('Enter');
}

/** Asks, waits for the whole answer; the conversation is then called as the question. */
export async function converse(page: Page, question: string, file = 'label-en.jpg') {
	await open(page);
	await add(page, file);
	await ask(page, question);
	await expect(finished(page)).toHaveCount(1);
}

/** In a low window the settings are folded away. */
export async function unfoldSettings(page: Page) {
	const fold = page.getByRole('button', { name: /^(Settings|设置)/ });
	if ((await fold.getAttribute('aria-expanded')) === 'false') await fold.click();
}

export { violations } from './axe.ts';

/** A breach of the content security policy, or an exception, fails the test it happens in. */
export function failOnBreach() {
	test.beforeEach(({ page }) => strict(page));
}

/** A stored answer of which the model was not sure, as the desk tells it while it is made. */
export const unsure = {
	text: 'Model AX73, code E102',
	marks: [
		{ start: 6, end: 10, certainty: 'check', probability: 0.7 },
		{ start: 17, end: 21, certainty: 'doubtful', probability: 0.3 }
	]
};

/** From now on the desk is not sure of what it reads. Tells, once asked, the picture it was asked about. */
export async function answerUnsurely(page: Page): Promise<{ picture: string }> {
	const about = { picture: '' };
	await page.route('**/api/conversations/*/rounds', async (route) => {
		const { pictures } = route.request().postDataJSON() as { pictures: string[] };
		about.picture = pictures[0] ?? '';
		const mark = { type: 'mark', marks: unsure.marks };
		const stored = asked(conversationOf(route.request().url()), 'Unsure');
		await route.fulfill({
			contentType: 'text/event-stream',
			body: sse([stored, delta(unsure.text), mark, done('length')])
		});
	});
	return about;
}
