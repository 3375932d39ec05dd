/** The records page: what goes out, comes in, comes back and is deleted for good. */
import type { APIRequestContext, Page } from '@playwright/test';
import { overflow, strict, violations } from './axe.ts';
import { expect, test } from './served.ts';

const card = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

async function make(
	request: APIRequestContext,
	conversation: { title: string; customer?: string }
): Promise<string> {
	const made = await request.post('/api/conversations', { data: conversation });
	return ((await made.json()) as { id: string }).id;
}

async function makeDeleted(request: APIRequestContext, title: string): Promise<void> {
	const id = await make(request, { title });
	await request.delete(`/api/conversations/${id}`);
}

test.beforeEach(({ page }) => strict(page));

test('records are taken out as a file that says what was chosen', async ({ page }) => {
	await page.goto('/#/records');
	const out = card(page, 'Take records out');
	await out.getByText('30 days', { exact: true }).click();
	await out.getByText('By fingerprint only', { exact: true }).click();
	const link = out.getByRole('link', { name: 'Download' });
	await expect(link).toHaveAttribute('href', /format=json&from=\d+&pictures=hash$/);
	const downloading = page.waitForEvent('download');
	await link.click();
	expect((await downloading).suggestedFilename()).toMatch(/\.json$/);
	await out.getByText('CSV', { exact: true }).click();
	await expect(out.getByText('By fingerprint only')).toHaveCount(0);
	await expect(link).toHaveAttribute('href', /format=csv&from=\d+$/);
});

test('what was taken out can be brought in again', async ({ page, request }) => {
	const file = await (await request.get('/api/export?format=json')).body();
	await page.goto('/#/records');
	await page
		.getByTestId('import')
		.setInputFiles({ name: 'desk.json', mimeType: 'application/json', buffer: file });
	await expect(card(page, 'Bring records in').getByRole('status')).toContainText(
		/Brought in|was here already/
	);
});

test('a wrong file is a sentence', async ({ page }) => {
	await page.goto('/#/records');
	const give = (name: string, text: string) =>
		page
			.getByTestId('import')
			.setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
	const alert = card(page, 'Bring records in').getByRole('alert');
	await give('table.csv', 'a,b\n');
	await expect(alert).toContainText('This is a table (CSV)');
	await give('photo.json', 'PK');
	await expect(alert).toContainText('This is not a file of Lookdesk');
	await give('other.json', '{"somebody": "else’s"}');
	await expect(alert).toContainText('This file cannot be brought in');
	expect(await violations(page)).toEqual([]);
});

test('a conversation comes back from the bin, another is deleted for good', async ({
	page,
	request
}) => {
	await makeDeleted(request, 'Come back');
	await makeDeleted(request, 'Be gone');
	await page.goto('/#/records');
	const bin = card(page, 'Bin');
	await bin.getByRole('button', { name: 'Restore Come back' }).click();
	await expect(bin.getByText('Come back')).toHaveCount(0);
	await expect(page.getByText('“Come back” is back on the desk.')).toBeVisible();
	await bin.getByRole('button', { name: 'Delete Be gone for good' }).click();
	const dialog = page.getByRole('dialog', { name: 'Delete “Be gone” for good?' });
	expect(await violations(page)).toEqual([]);
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	await expect(bin.getByText('Be gone')).toBeVisible();
	await bin.getByRole('button', { name: 'Delete Be gone for good' }).click();
	await dialog.getByRole('button', { name: 'Delete for good' }).click();
	await expect(bin.getByText('Be gone')).toHaveCount(0);
	await expect(card(page, 'Log').getByRole('row').nth(1)).toContainText('Conversation deleted');
});

test('everything about a customer is deleted once the name is typed again', async ({
	page,
	request
}) => {
	const customer = 'Ms O’Brien & Söhne';
	await make(request, { title: 'One', customer });
	const binned = await make(request, { title: 'Two', customer });
	await request.delete(`/api/conversations/${binned}`);
	await page.goto('/#/records');
	const place = card(page, 'Delete everything about one customer');
	await place.getByLabel('Customer').fill('Nobody');
	await place.getByRole('button', { name: 'Look up' }).click();
	await expect(place).toContainText('No conversation belongs to “Nobody”.');
	await place.getByLabel('Customer').fill(customer);
	await place.getByRole('button', { name: 'Look up' }).click();
	await expect(place).toContainText('2 conversations, of them 1 in the bin');
	const deleting = place.getByRole('button', { name: 'Delete for good' });
	await expect(deleting).toBeDisabled();
	await place.getByLabel(/to confirm/).fill(customer.slice(0, -1));
	await expect(deleting).toBeDisabled();
	await place.getByLabel(/to confirm/).fill(customer);
	expect(await violations(page)).toEqual([]);
	await deleting.click();
	await expect(page.getByText(`Everything about “${customer}” is deleted.`)).toBeVisible();
	await expect(card(page, 'Log').getByRole('row').nth(1)).toContainText('Customer deleted');
	const left = await request.get(
		`/api/conversations?${new URLSearchParams({ customer }).toString()}`
	);
	expect(((await left.json()) as { conversations: unknown[] }).conversations).toEqual([]);
});

for (const colorScheme of ['light', 'dark'] as const) {
	test.describe(`on a phone, ${colorScheme}, in Chinese`, () => {
		test.use({
			colorScheme,
			locale: 'zh-CN',
			viewport: { width: 390, height: 844 },
			hasTouch: true,
			isMobile: true
		});

		test('axe finds nothing, and nothing runs off the side', async ({ page, request }) => {
			await makeDeleted(request, '路由器指示灯不亮');
			await page.goto('/#/records');
			await expect(card(page, '回收站').getByText('路由器指示灯不亮').first()).toBeVisible();
			expect(await violations(page)).toEqual([]);
			expect(await overflow(page)).toBeLessThanOrEqual(0);
		});
	});
}
