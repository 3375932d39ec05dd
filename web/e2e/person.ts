/**
 * What a person does on the page, in the language and at the size of the test: on a phone the
 * conversations and the settings are in a sheet, on a desktop beside the conversation.
 */
import { expect, type Locator, type Page } from '@playwright/test';
import type { Messages } from '../src/i18n/en.ts';
import { live } from './past.ts';
import { picture, sample } from './samples.ts';

export class Person {
	readonly box: Locator;
	readonly answers: Locator;
	readonly finished: Locator;
	readonly waiting: Locator;
	readonly rows: Locator;
	readonly list: Locator;
	readonly search: Locator;
	readonly title: Locator;
	readonly stage: Locator;
	readonly alert: Locator;
	readonly dialog: Locator;

	constructor(
		readonly page: Page,
		readonly t: Messages,
		readonly isPhone: boolean
	) {
		this.box = page.locator('#question');
		this.answers = page.locator('article');
		this.finished = page.locator('article[aria-busy=false]');
		this.waiting = page.getByRole('list', { name: t.tray.label });
		this.rows = page.locator('[data-row]');
		this.list = page.getByRole('navigation', { name: t.list.title });
		this.search = page.getByRole('searchbox', { name: t.list.searchLabel });
		this.title = page.getByRole('textbox', { name: t.chain.title });
		this.stage = page.getByRole('application').first();
		this.alert = page.getByRole('alert');
		this.dialog = page.getByRole('dialog');
	}

	get isChinese(): boolean {
		return this.t.status.ready === '就绪';
	}

	/** Says it in the language of the page. */
	say(english: string, chinese: string): string {
		return this.isChinese ? chinese : english;
	}

	async open(path = '/'): Promise<void> {
		await this.page.goto(path);
		await this.isReady();
	}

	/** The desk stays in the document, hidden, while another page is shown. */
	async isReady(): Promise<void> {
		const { ready, busy } = this.t.status;
		await expect(this.page.locator('header:visible [role=status]').first()).toHaveText(
			new RegExp(`^(${ready}|${busy})$`)
		);
	}

	button(name: string): Locator {
		return this.page.getByRole('button', { name, exact: true });
	}

	async press(name: string): Promise<void> {
		await this.button(name).click();
	}

	async add(...files: string[]): Promise<void> {
		await this.page.getByTestId('files').setInputFiles(files.map(picture));
	}

	async give(name: string, mimeType: string, buffer: Buffer): Promise<void> {
		await this.page.getByTestId('files').setInputFiles({ name, mimeType, buffer });
	}

	async ask(question: string): Promise<void> {
		await this.box.fill(question);
		await this.box.press('Enter');
	}

	/** What the demo model is asked about a sample, and what it says, in the language of the page. */
	sample(file: string): { question: string; answer: string } {
		const { question_en, question_zh, answer, answer_zh } = sample(file);
		return {
			question: this.say(question_en, question_zh),
			answer: this.say(answer, answer_zh)
		};
	}

	/** Asks, waits for the whole answer; the conversation is then called as the question. */
	async converse(question: string, file = 'label-en.jpg'): Promise<void> {
		await this.open();
		await this.add(file);
		await this.ask(question);
		await expect(this.finished).toHaveCount(1);
	}

	/** Opens a conversation that is there already, called as its question: nothing has to be read for it. */
	async recall(question: string): Promise<string> {
		const rounds = [{ question, answers: [{ text: 'The model is AX5400.' }] }];
		const [id = ''] = await live(this.page.request, [{ title: question, rounds }]);
		await this.open(`/#/c/${id}`);
		await expect(this.finished).toHaveCount(1);
		return id;
	}

	row(title: string): Locator {
		return this.rows.filter({ hasText: title });
	}

	/** Brings the conversations and the settings into sight. */
	async openPanel(): Promise<void> {
		if (!this.isPhone) return;
		// An address with filters opens it by itself.
		await expect(async () => {
			if (!(await this.panel.isVisible()))
				await this.button(this.t.list.open).click({ timeout: 2000 });
			await expect(this.panel).toBeVisible({ timeout: 2000 });
		}).toPass();
	}

	get panel(): Locator {
		return this.page.getByRole('dialog', { name: this.t.list.open });
	}

	async closePanel(): Promise<void> {
		if (!this.isPhone || !(await this.panel.isVisible())) return;
		await this.panel.getByRole('button', { name: this.t.list.close, exact: true }).click();
		await expect(this.panel).toHaveCount(0);
	}

	/** In a low window the settings are folded away. */
	async openSettings(): Promise<void> {
		await this.openPanel();
		if (this.isPhone) return;
		const fold = this.page.getByRole('button', { name: new RegExp(`^${this.t.settings.title}`) });
		if ((await fold.getAttribute('aria-expanded')) === 'false') await fold.click();
	}

	/** On a phone the state itself opens it, and says both. */
	async openMachine(): Promise<void> {
		await this.page.getByRole('button', { name: this.t.live.details }).click();
		await expect(this.dialog).toBeVisible();
	}

	async fresh(): Promise<void> {
		await this.press(this.t.list.fresh);
	}

	async openConversation(title: string): Promise<void> {
		await this.openPanel();
		await this.row(title).click();
		await expect(this.title).toHaveValue(title);
	}

	/** From the menu of a conversation on the list. */
	async choose(title: string, action: string): Promise<void> {
		await this.openPanel();
		await this.row(title).hover();
		await this.press(this.t.list.actions(title));
		await this.page.getByRole('menuitem', { name: action, exact: true }).click();
	}

	/** The part of a page with this heading. */
	card(name: string): Locator {
		return this.page.getByRole('region', { name, exact: true });
	}
}
