/** Role presets: chosen, shown as sent, written, ordered and deleted. */
import type { Page } from '@playwright/test';
import { strict, violations } from './axe.ts';
import { unfoldSettings } from './page.ts';
import { expect, test } from './served.ts';

// Tall enough for the settings to stand open.
test.use({ viewport: { width: 1440, height: 1000 } });

const editor = (page: Page) => page.getByRole('dialog', { name: 'Role presets' });
const names = (page: Page) =>
	editor(page).getByRole('list', { name: 'Presets' }).getByRole('listitem');

async function openEditor(page: Page) {
	await page.goto('/');
	await unfoldSettings(page);
	await page.getByRole('button', { name: 'Edit presets' }).click();
	await expect(editor(page)).toBeVisible();
}

test.beforeEach(({ page }) => strict(page));

test('a preset is written, chosen, shown as it is sent and kept over a reload', async ({
	page
}) => {
	await openEditor(page);
	await editor(page).getByRole('button', { name: 'New preset' }).click();
	await editor(page).getByLabel('Name').fill('Returns desk');
	await editor(page).getByLabel('Text').fill('【退货】<b>Only</b> read the label.');
	await editor(page).getByRole('button', { name: 'Save' }).click();
	await expect(editor(page).getByText('Saved', { exact: true })).toBeVisible();
	expect(await violations(page)).toEqual([]);
	await page.keyboard.press('Escape');
	await page.getByRole('combobox', { name: 'Role' }).selectOption('Returns desk');
	const shown = page.getByLabel('The role as it is sent');
	await expect(shown).toHaveText('【退货】<b>Only</b> read the label.');
	await page.reload();
	await expect(shown).toHaveText('【退货】<b>Only</b> read the label.');

	await page.getByRole('button', { name: 'Edit presets' }).click();
	await editor(page).getByRole('button', { name: 'Move Returns desk up' }).click();
	await expect(names(page).last()).not.toContainText('Returns desk');
	await editor(page).getByRole('button', { name: 'Delete', exact: true }).click();
	await editor(page).getByRole('button', { name: 'Delete', exact: true }).click();
	await expect(editor(page).getByText('Returns desk')).toHaveCount(0);
	await page.keyboard.press('Escape');
	await expect(shown).toContainText('after-sales');
});

test('a standard preset can be reworded, not deleted; a draft outlives the editor', async ({
	page
}) => {
	await openEditor(page);
	const text = editor(page).getByLabel('Text');
	const before = await text.inputValue();
	await expect(editor(page).getByRole('button', { name: 'Delete', exact: true })).toHaveCount(0);
	await text.fill(`${before} Be brief.`);
	await page.keyboard.press('Escape');
	await page.getByRole('button', { name: 'Edit presets' }).click();
	await expect(text).toHaveValue(`${before} Be brief.`);
	await expect(names(page).filter({ hasText: 'not saved' })).toHaveCount(1);
	await editor(page).getByRole('button', { name: 'Discard changes' }).click();
	await expect(text).toHaveValue(before);
});
