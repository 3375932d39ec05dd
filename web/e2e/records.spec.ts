/** The records page: what goes out, comes in, comes back and is deleted for good. */
import { readFileSync } from 'node:fs';
import type { APIRequestContext } from '@playwright/test';
import { strict } from './axe.ts';
import { shows } from './items.ts';
import { exported, live, pastPicture, unsureAnswer } from './past.ts';
import { unique } from './samples.ts';
import { dayOf, dayStart } from '../src/period/period.ts';
import { expect, test } from './served.ts';

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

test(
	'records are taken out as a file that says what was chosen',
	shows('export', 'audit'),
	async ({ page, person, t }) => {
		const words = t.records.export;
		await person.open('/#/records');
		const out = person.card(words.title);
		await out.getByText(t.insights.period.last(30), { exact: true }).click();
		await out.getByText(words.hash, { exact: true }).click();
		const link = out.getByRole('link', { name: words.download });
		await expect(link).toHaveAttribute('href', /format=json&from=\d+&pictures=hash&utc_offset/);
		const json = page.waitForEvent('download');
		await link.click();
		const file = await json;
		const [today, before] = [0, 29].map((days) => dayOf(dayStart(dayOf(Date.now()), -days)));
		expect(file.suggestedFilename()).toBe(`lookdesk_${before}_${today}.json`);
		expect(readFileSync(await file.path(), 'utf8')).toContain('"lookdesk-records"');
		await out.getByText('CSV', { exact: true }).click();
		await expect(out.getByText(words.hash)).toHaveCount(0);
		await expect(link).toHaveAttribute('href', /format=csv&from=\d+&utc_offset/);
		const csv = page.waitForEvent('download');
		await link.click();
		expect((await csv).suggestedFilename()).toBe(`lookdesk_${before}_${today}.csv`);
		await page.reload();
		const log = person.card(t.records.audit.title);
		await expect(log.getByRole('row').nth(1)).toContainText(
			t.records.audit.actions['export'] ?? ''
		);
		await expect(log.getByRole('row').nth(1)).toContainText(t.records.audit.detailWords('csv'));
	}
);

test(
	'one conversation is saved as a file, from its menu',
	shows('export'),
	async ({ page, person, t, request }) => {
		const [title, other] = [unique('路由器 / To be saved'), unique('Not this one')];
		const rounds = [{ question: 'Which code?', answers: [unsureAnswer] }];
		await live(request, [
			{ title, rounds },
			{ title: other, rounds }
		]);
		await person.open();
		const download = page.waitForEvent('download');
		await person.choose(title, t.list.save);
		const file = await download;
		const named = title.replace(' / ', ' ');
		expect(file.suggestedFilename()).toBe(`${named}_${dayOf(Date.now())}.json`);
		const text = readFileSync(await file.path(), 'utf8');
		expect(text).toContain(title);
		expect(text).not.toContain(other);
		await person.closePanel();
	}
);

test(
	'what was taken out is brought in, once, and is on the desk',
	shows('import'),
	async ({ page, person, t, request }) => {
		const title = unique(person.say('From elsewhere', '外来对话'));
		const file = exported([
			{
				title,
				rounds: [
					{
						question: 'Model and code?',
						pictures: [await pastPicture(request, 'label-en.jpg')],
						answers: [unsureAnswer]
					}
				]
			}
		]);
		const give = () =>
			page.getByTestId('import').setInputFiles({
				name: 'desk.json',
				mimeType: 'application/json',
				buffer: Buffer.from(JSON.stringify(file))
			});
		await person.open('/#/records');
		const told = person.card(t.records.import.title).getByRole('status');
		await give();
		await expect(told).toContainText(
			t.records.import.done(1, 1, 1, 0, 0).split(/[,、。.]/)[0] ?? ''
		);
		await give();
		await expect(told).toContainText(t.records.import.nothing);
		await page.goto('/');
		await person.openConversation(title);
		await expect(person.finished).toContainText('E102');
	}
);

test('a wrong file is a sentence', shows('import'), async ({ page, person, t }) => {
	await person.open('/#/records');
	const words = t.records.import;
	const alert = person.card(words.title).getByRole('alert');
	const give = (name: string, text: string) =>
		page
			.getByTestId('import')
			.setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
	await give('table.csv', 'a,b\n');
	await expect(alert).toContainText(words.isCsv);
	await give('photo.json', 'PK');
	await expect(alert).toContainText(words.notJson);
	await give('other.json', '{"somebody": "else’s"}');
	await expect(alert).toContainText(t.records.problem.unfit('x').split(/[:（]/)[0] ?? '');
});

test(
	'a conversation comes back from the bin, another is deleted for good',
	shows('bin', 'audit'),
	async ({ page, person, t, request }) => {
		const [back, gone] = [unique('Come back'), unique('Be gone')];
		await makeDeleted(request, back);
		await makeDeleted(request, gone);
		await person.open('/#/records');
		const words = t.records.bin;
		const bin = person.card(words.title);
		await bin.getByRole('button', { name: words.restoreOne(back), exact: true }).click();
		await expect(bin.getByText(back)).toHaveCount(0);
		await expect(page.getByText(words.restored(back))).toBeVisible();
		const deleting = bin.getByRole('button', { name: words.forGoodOne(gone), exact: true });
		await deleting.click();
		const dialog = page.getByRole('dialog', { name: words.ask(gone) });
		await dialog.getByRole('button', { name: t.pages.cancel, exact: true }).click();
		await expect(bin.getByText(gone)).toBeVisible();
		await deleting.click();
		await dialog.getByRole('button', { name: words.forGood, exact: true }).click();
		await expect(bin.getByText(gone)).toHaveCount(0);
		await expect(person.card(t.records.audit.title).getByRole('row').nth(1)).toContainText(
			t.records.audit.actions['delete_conversation'] ?? ''
		);
	}
);

test(
	'everything about a customer is deleted once the name is typed again',
	shows('customer', 'audit'),
	async ({ page, person, t, request }) => {
		const customer = unique('Ms O’Brien & 欧阳琪');
		await make(request, { title: 'One', customer });
		const binned = await make(request, { title: 'Two', customer });
		await request.delete(`/api/conversations/${binned}`);
		await person.open('/#/records');
		const words = t.records.customer;
		const place = person.card(words.title);
		const name = place.getByLabel(words.name, { exact: true });
		await name.fill('Nobody');
		await place.getByRole('button', { name: words.look, exact: true }).click();
		await expect(place).toContainText(words.none('Nobody'));
		// Another spelling is offered, and stays.
		const alike = customer.toUpperCase();
		await make(request, { title: 'Three', customer: alike });
		await name.fill(customer);
		await place.getByRole('button', { name: words.look, exact: true }).click();
		await expect(place).toContainText(words.conversations(2) + words.inBin(1));
		await expect(
			place.getByRole('button', { name: words.alikeName(alike, 1), exact: true })
		).toBeVisible();
		const deleting = place.getByRole('button', { name: words.delete, exact: true });
		await expect(deleting).toBeDisabled();
		const confirm = place.getByLabel(words.confirm(customer), { exact: true });
		await confirm.fill(customer.slice(0, -1));
		await expect(deleting).toBeDisabled();
		await confirm.fill(customer);
		await deleting.click();
		await expect(page.getByText(words.done(customer, 2))).toBeVisible();
		await expect(place).toContainText(words.keptAlike(alike));
		await expect(person.card(t.records.audit.title).getByRole('row').nth(1)).toContainText(
			t.records.audit.actions['delete_customer'] ?? ''
		);
		const left = await request.get(
			`/api/conversations?${new URLSearchParams({ customer }).toString()}`
		);
		expect(((await left.json()) as { conversations: unknown[] }).conversations).toEqual([]);
		const stays = await request.get(`/api/customers/${encodeURIComponent(alike)}`);
		expect(((await stays.json()) as { conversations: number }).conversations).toBe(1);
	}
);
