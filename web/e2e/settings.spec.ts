/** How answers are made, and how the page looks: role, sliders, language, colours. */
import { shows } from './items.ts';
import { failOnBreach } from './page.ts';
import { violations } from './axe.ts';
import { live } from './past.ts';
import { unique } from './samples.ts';
import { expect, test } from './served.ts';

failOnBreach();

test(
	'role and settings are explained, and sent as shown',
	shows('role', 'settings'),
	async ({ page, person, t }) => {
		await person.open();
		await person.openSettings();
		const role = page.getByLabel(t.roles.preview);
		await expect(role).toContainText(person.say('after-sales', '售后'));
		const text = await role.textContent();
		const slider = (name: string) => page.getByRole('slider', { name, exact: true });
		const marked = (value: string) => page.getByTitle(t.panel.standard(value), { exact: true });
		await expect(slider(t.panel.rigour)).toHaveAttribute('aria-valuetext', '0.25');
		await expect(marked('0.25')).toBeAttached();
		await expect(slider(t.panel.length)).toHaveAttribute(
			'aria-valuetext',
			t.panel.lengthValue(256)
		);
		await expect(marked('256')).toBeAttached();
		await expect(slider(t.panel.rounds)).toHaveAttribute('aria-valuetext', t.panel.roundsValue(5));
		for (const hint of [t.panel.rigourHint, t.panel.lengthHint, t.panel.detailHint]) {
			await expect(page.getByText(hint, { exact: true })).toBeVisible();
		}
		await slider(t.panel.rigour).fill('0');
		await slider(t.panel.length).fill('0');
		await slider(t.panel.detail).fill('0');
		await slider(t.panel.rounds).fill('2');
		await person.closePanel();
		await person.add('label-en.jpg');
		const sending = page.waitForRequest('**/api/conversations/*/rounds');
		await person.ask(person.sample('label-en.jpg').question);
		expect((await sending).postDataJSON()).toMatchObject({
			question: person.sample('label-en.jpg').question,
			role: text,
			remember: 2,
			settings: { temperature: 0, max_tokens: 64, image_tokens: 64 }
		});
		await expect(person.finished).toHaveCount(1);
	}
);

test(
	'the page speaks the browser’s language, and the other one when told; colours likewise',
	shows('language', 'theme'),
	async ({ page, person, t }) => {
		await person.open();
		const root = page.locator('html');
		await expect(root).toHaveAttribute('lang', person.say('en', 'zh-CN'));
		await expect(page.getByRole('heading', { name: t.welcome.title })).toBeVisible();
		const ground = () => root.evaluate((element) => getComputedStyle(element).backgroundColor);
		const light = await ground();
		await page.emulateMedia({ colorScheme: 'dark' });
		const dark = await ground();
		expect(dark).not.toBe(light);
		await person.openSettings();
		await page.getByTitle(t.panel.themeLight, { exact: true }).click();
		expect(await ground()).toBe(light);
		await page.getByText(person.say('中文', 'English'), { exact: true }).click();
		await expect(root).toHaveAttribute('lang', person.say('zh-CN', 'en'));
		await page.reload();
		await expect(root).toHaveAttribute('lang', person.say('zh-CN', 'en'));
		await expect(
			page.getByRole('heading', { name: person.say('图里是什么？', 'What does the picture show?') })
		).toBeVisible();
		expect(await ground()).toBe(light);
	}
);

test(
	'a preset is written, chosen, shown as it is sent, ordered and deleted',
	shows('roleEdit'),
	async ({ page, person, t }) => {
		const name = unique(person.say('Returns desk', '退货组'));
		const editor = page.getByRole('dialog', { name: t.roles.title });
		const names = editor.getByRole('list', { name: t.roles.list }).getByRole('listitem');
		const own = (what: string) => editor.getByRole('button', { name: what, exact: true });
		const edit = async () => {
			await person.openSettings();
			await person.press(t.roles.edit);
			await expect(editor).toBeVisible();
		};
		// A team may have many: what is below them must be within reach.
		const many = Array.from({ length: 16 }, () => ({ name: unique('Team'), text: 'Be brief.' }));
		await live(page.request, [], many);
		await person.open();
		await edit();
		await own(t.roles.add).click();
		await editor.getByLabel(t.roles.name, { exact: true }).fill(name);
		await editor
			.getByLabel(t.roles.text, { exact: true })
			.fill('【退货】<b>Only</b> read the label.');
		await own(t.roles.save).click();
		await expect(editor.getByText(t.roles.saved, { exact: true })).toBeVisible();
		expect(await violations(page)).toEqual([]);
		await page.keyboard.press('Escape');
		await page.getByRole('combobox', { name: t.roles.label }).selectOption(name);
		const shown = page.getByLabel(t.roles.preview);
		await expect(shown).toHaveText('【退货】<b>Only</b> read the label.');
		await page.reload();
		await edit();
		await expect(shown).toHaveText('【退货】<b>Only</b> read the label.');
		await own(t.roles.earlier(name)).click();
		await expect(names.last()).not.toContainText(name);
		await own(t.roles.delete).click();
		await own(t.roles.delete).click();
		await expect(editor.getByText(name)).toHaveCount(0);
		await page.keyboard.press('Escape');
		await expect(shown).toContainText(person.say('after-sales', '售后'));
	}
);

test('what is pressed at the foot of the settings does not move the page', async ({
	page,
	person,
	t
}) => {
	await page.setViewportSize({ width: 1280, height: 720 });
	await person.open();
	await person.openSettings();
	await page.getByTitle(t.panel.themeLight, { exact: true }).click();
	await page.getByRole('radio', { name: 'English' }).focus();
	// Nor could anything else move it.
	const moved = await page.evaluate(() =>
		[document.documentElement, document.body].flatMap((one) => {
			const before = one.scrollTop;
			one.scrollTop = 999;
			return [before, one.scrollTop];
		})
	);
	expect(moved).toEqual([0, 0, 0, 0]);
});

test('a standard preset can be reworded, not deleted; a draft outlives the editor', async ({
	page,
	person,
	t
}) => {
	await person.open();
	await person.openSettings();
	const editor = page.getByRole('dialog', { name: t.roles.title });
	await person.press(t.roles.edit);
	const text = editor.getByLabel(t.roles.text, { exact: true });
	const before = await text.inputValue();
	await expect(editor.getByRole('button', { name: t.roles.delete, exact: true })).toHaveCount(0);
	await text.fill(`${before} Be brief.`);
	await page.keyboard.press('Escape');
	await person.press(t.roles.edit);
	await expect(text).toHaveValue(`${before} Be brief.`);
	await expect(editor.getByText(t.roles.unsaved)).toHaveCount(1);
	await editor.getByRole('button', { name: t.roles.discard }).click();
	await expect(text).toHaveValue(before);
});
