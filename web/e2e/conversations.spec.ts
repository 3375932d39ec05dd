/** Conversations beside the desk: kept, found again, named, judged, linked, deleted and brought back. */
import type { Locator, Page } from '@playwright/test';
import { shows } from './items.ts';
import {
	add,
	answers,
	ask,
	box,
	converse,
	failOnBreach,
	finished,
	firstSample,
	open,
	row,
	rows,
	sample,
	unique,
	waiting
} from './page.ts';
import { expect, test } from './served.ts';
import { live } from './past.ts';

const list = (page: Page) => page.getByRole('navigation', { name: 'Conversations' });
const title = (page: Page) => page.getByRole('textbox', { name: 'Title' });

failOnBreach();

test(
	'a question makes a conversation that is there after a reload, with its own draft',
	shows('asked', 'drafts'),
	async ({ page, person, t }) => {
		const question = unique(person.say('What is the model number?', '型号是什么？'));
		await person.converse(question);
		const said = await page.locator('.answer-text').innerText();
		await expect(page).toHaveURL(/#\/c\/[\w-]+$/);
		await expect(page).toHaveTitle(`${question} · Lookdesk`);
		await page.reload();
		await expect(page.locator('.answer-text')).toHaveText(said, { useInnerText: true });
		await expect(person.stage.locator('img')).toBeVisible();
		await person.box.fill('half a question');
		await person.fresh();
		await expect(person.box).toHaveValue('');
		await person.add('router-label.png');
		await person.openConversation(question);
		await expect(person.dialog).toHaveCount(0);
		await expect(person.box).toHaveValue('half a question');
		await expect(person.waiting).toHaveCount(0);
		await person.fresh();
		await expect(person.waiting.getByRole('listitem')).toHaveCount(1);
	}
);

test(
	'search finds words of questions and answers, two Chinese characters too',
	shows('search'),
	async ({ page, person, t }) => {
		const code = unique('Z').replace(' ', '');
		const asked = `${code} 电饭煲的型号是什么？`;
		await person.converse(asked);
		await person.fresh();
		if (person.isPhone) await person.openPanel();
		else await page.keyboard.press('Control+k');
		await person.search.fill(code.toLowerCase());
		await expect(person.rows).toHaveCount(1);
		await expect(person.rows.locator('mark').first()).toHaveText(code);
		await person.search.fill('型号');
		await expect(person.row(asked)).toBeVisible();
		await expect(person.row(asked).locator('mark').first()).toHaveText('型号');
		await person.search.fill('nothing has these words');
		await expect(person.list).toContainText(t.list.noHits);
		await person.search.fill(code);
		await expect(person.rows).toHaveCount(1);
		if (person.isPhone) await person.rows.click();
		else {
			await person.search.press('ArrowDown');
			await expect(person.rows).toBeFocused();
			await page.keyboard.press('Enter');
		}
		await expect(person.title).toHaveValue(asked);
	}
);

test(
	'a conversation is renamed in its place and pinned on top',
	shows('rename'),
	async ({ page, person, t }) => {
		const question = unique(person.say('What is the model number?', '型号是什么？'));
		const name = unique(person.say('Warranty', '保修'));
		await person.recall(question);
		await person.choose(question, t.list.rename);
		await page.getByRole('textbox', { name: t.list.renameLabel }).fill(name);
		await page.keyboard.press('Enter');
		await expect(person.row(name)).toBeFocused();
		await expect(person.title).toHaveValue(name);
		const kept = page.waitForResponse(
			(response) => response.request().postData()?.includes('pinned') ?? false
		);
		await person.choose(name, t.list.pin);
		const group = (called: string) => page.getByRole('list', { name: called, exact: true });
		await expect(group(t.list.pinned).getByText(name)).toBeVisible();
		// It shows before the desk has said yes.
		await kept;
		await page.reload();
		await person.openPanel();
		await expect(group(t.list.pinned).getByText(name)).toBeVisible();
		await person.choose(name, t.list.unpin);
		await expect(group(t.list.today).getByText(name)).toBeVisible();
	}
);

test(
	'a deleted conversation can be brought back for ten seconds; clear asks first',
	shows('remove', 'clear'),
	async ({ page, person, t }) => {
		const question = unique(person.say('What is the model number?', '型号是什么？'));
		await person.recall(question);
		await person.choose(question, t.list.remove);
		await expect(person.row(question)).toHaveCount(0);
		await expect(page.getByText(t.list.deleted).first()).toBeVisible();
		await page.getByRole('button', { name: t.panel.undo, exact: true }).last().click();
		await expect(person.row(question)).toBeVisible();
		await person.closePanel();
		await expect(person.finished).toHaveCount(1);

		await person.press(t.chain.clear);
		await expect(person.button(t.chain.keep)).toBeFocused();
		await page.keyboard.press('Escape');
		await expect(person.finished).toHaveCount(1);
		await person.press(t.chain.clear);
		await person.dialog.getByRole('button', { name: t.chain.clear, exact: true }).click();
		await expect(person.answers).toHaveCount(0);
		await person.press(t.panel.undo);
		await expect(person.finished).toHaveCount(1);
	}
);

test('a row is deleted with a key', shows('keyboard'), async ({ page, person }) => {
	const question = unique('What is the model number?');
	await person.recall(question);
	await person.row(question).focus();
	const deleted = page.waitForResponse((response) => response.request().method() === 'DELETE');
	await page.keyboard.press('Delete');
	await expect(person.row(question)).toHaveCount(0);
	// It leaves the list before the desk has said yes.
	await deleted;
	await page.reload();
	await expect(page.locator('[data-sample]').first()).toBeVisible();
	await expect(person.row(question)).toHaveCount(0);
});

test(
	'customer and verdict are kept, shown on the list, and can be asked for',
	shows('verdict'),
	async ({ page, person, t }) => {
		const question = unique(person.say('What is the model number?', '型号是什么？'));
		const customer = unique(person.say('Ann', '王芳'));
		await person.recall(question);
		await page.getByRole('combobox', { name: t.chain.customer }).fill(customer);
		await page.keyboard.press('Enter');
		for (const [words, verdict] of [
			[t.chain.solved, 'solved'],
			[t.chain.wrong, 'wrong'],
			[t.chain.handedOver, 'handed_over']
		] as const) {
			const kept = page.waitForResponse(
				(response) =>
					response.request().method() === 'PATCH' &&
					(response.request().postData() ?? '').includes(verdict)
			);
			await person.press(words);
			await kept;
			await expect(person.button(words)).toHaveAttribute('aria-pressed', 'true');
		}
		await person.openPanel();
		await expect(person.row(question)).toContainText(customer);
		await expect(person.row(question)).toContainText(t.chain.handedOver);
		await page.reload();
		await expect(page.getByRole('combobox', { name: t.chain.customer })).toHaveValue(customer);
		await expect(person.button(t.chain.handedOver)).toHaveAttribute('aria-pressed', 'true');
		await page.goto(`/#/?customer=${encodeURIComponent(customer)}&verdict=handed_over`);
		await person.openPanel();
		await expect(person.rows).toHaveCount(1);
		const chip = person.button(t.filters.remove(t.filters.customer(customer)));
		await expect(chip).toBeVisible();
		await person.rows.click();
		await expect(person.finished).toHaveCount(1);
		await person.openPanel();
		await chip.click();
		await expect(page).toHaveURL(/#\/c\/[\w-]+\?verdict=handed_over$/);
		await person.press(t.filters.remove(t.chain.handedOver));
		await expect(page.getByRole('list', { name: t.filters.label })).toHaveCount(0);
	}
);

test(
	'“another picture” begins a linked conversation, typed or pressed',
	shows('another'),
	async ({ page, person, t }) => {
		const question = unique(person.say('What is the model number?', '这是什么型号？'));
		await person.converse(question);
		await person.add('router-label.png');
		await person.ask(person.say('another picture: Which model?', '换一张图，型号是什么？'));
		await expect(person.title).toHaveValue(person.say('Which model?', '型号是什么？'));
		await expect(person.finished).toHaveCount(1);
		await expect(page.getByText(t.chain.continues)).toBeVisible();
		await page.getByRole('link', { name: question }).first().click();
		await expect(person.title).toHaveValue(question);
		await expect(page.getByText(t.chain.continuedIn)).toBeVisible();
		await person.press(t.chain.another);
		await expect(person.answers).toHaveCount(0);
		await expect(page.getByText(t.welcome.nextPicture)).toBeVisible();
		await person.press(t.panel.undo);
		await expect(person.title).toHaveValue(question);
		await expect(person.finished).toHaveCount(1);
	}
);

test(
	'an earlier question is asked differently; what came after it leaves, asked for',
	shows('edit'),
	async ({ page, person, t }) => {
		const { answer } = person.sample('label-en.jpg');
		await person.converse(unique(person.say('What is the model number?', '型号是什么？')));
		await person.ask(person.say('And the date?', '日期呢？'));
		await expect(person.finished).toHaveCount(2);
		await person.ask(person.say('And the code?', '错误码呢？'));
		await expect(person.finished).toHaveCount(3);
		await page.locator('.question').first().hover();
		await page.getByRole('button', { name: t.edit.edit, exact: true }).first().click();
		const other = person.say('Read the model number.', '型号是什么？');
		await page.getByRole('textbox', { name: t.edit.label, exact: true }).fill(other);
		await page.keyboard.press('Enter');
		await expect(person.dialog).toContainText(t.edit.confirm(2));
		await person.dialog.getByRole('button', { name: t.edit.ask, exact: true }).click();
		await expect(person.finished).toHaveCount(1);
		await expect(person.finished).toContainText(answer);
		await page.reload();
		await expect(page.locator('.question')).toHaveCount(1);
		await expect(page.locator('.question')).toContainText(other);
	}
);

test('an answer can be judged and corrected', shows('feedback'), async ({ page, person, t }) => {
	await person.recall(unique(person.say('What is the model number?', '型号是什么？')));
	await person.press(t.feedback.up);
	await expect(person.button(t.feedback.up)).toHaveAttribute('aria-pressed', 'true');
	await person.press(t.feedback.down);
	await expect(person.button(t.feedback.save)).toBeInViewport({ ratio: 1 });
	await page.getByRole('textbox', { name: t.feedback.label }).fill('AX5400 <b>v2</b>');
	const stored = page.waitForResponse((response) => response.request().method() === 'PATCH');
	await person.press(t.feedback.save);
	await stored;
	await page.reload();
	await expect(page.getByText(`${t.feedback.was} AX5400 <b>v2</b>`)).toBeVisible();
	await expect(person.button(t.feedback.down)).toHaveAttribute('aria-pressed', 'true');
	await expect(person.button(t.feedback.up)).toHaveAttribute('aria-pressed', 'false');
});

test('what is changed in the moment the page is left is not lost', async ({
	page,
	person,
	request,
	t
}) => {
	const title = unique('Left at once');
	const [id] = await live(request, [
		{ title, rounds: [{ question: 'Model?', answers: [{ text: 'AX73' }] }] }
	]);
	const kept = async () =>
		(await request.get(`/api/conversations/${id}`)).json() as Promise<object>;
	/** Presses it, and leaves in the same breath. */
	const andLeave = async (button: Locator) => {
		const loaded = page.waitForEvent('load');
		await button.evaluate((element: HTMLElement) => {
			element.click();
			setTimeout(() => location.reload());
		});
		await loaded;
		await person.isReady();
	};
	const menu = async (action: string) => {
		await person.row(title).hover();
		await person.press(t.list.actions(title));
		return page.getByRole('menuitem', { name: action, exact: true });
	};
	await person.open(`/#/c/${id}`);
	await expect(person.finished).toHaveCount(1);
	await andLeave(person.button(t.chain.solved));
	await expect.poll(kept).toMatchObject({ verdict: 'solved' });
	await andLeave(await menu(t.list.pin));
	await expect.poll(kept).toMatchObject({ pinned: true });
	// Left pinned it would stand on top of every other test's.
	await andLeave(await menu(t.list.unpin));
	await expect.poll(kept).toMatchObject({ pinned: false });
	const feedback = (kept: object) => ({ rounds: [{ answers: [{ feedback: kept }] }] });
	await andLeave(person.button(t.feedback.up));
	await expect.poll(kept).toMatchObject(feedback({ thumb: 'up' }));
	await person.press(t.feedback.correct);
	await page.getByRole('textbox', { name: t.feedback.label }).fill('AX75');
	await andLeave(person.button(t.feedback.save));
	await expect.poll(kept).toMatchObject(feedback({ thumb: 'up', correction: 'AX75' }));
	await (await menu(t.list.remove)).click();
	await andLeave(person.button(t.panel.undo));
	await expect.poll(kept).toMatchObject({ deleted_at: null });
	await person.open(`/#/c/${id}`);
	await person.title.fill(unique('Renamed by hand'));
	const renamed = await person.title.inputValue();
	await page.reload();
	await expect.poll(kept).toMatchObject({ title: renamed });
});

test('what is typed about one conversation is not filed under the next', async ({
	page,
	person,
	request,
	t
}) => {
	const other = await person.recall(unique('Other'));
	const own = await person.recall(unique('Own'));
	const customers = () =>
		Promise.all(
			[own, other].map(async (id) => {
				const kept = (await (await request.get(`/api/conversations/${id}`)).json()) as object;
				return (kept as { customer: string | null }).customer;
			})
		);
	const field = page.getByRole('combobox', { name: t.chain.customer });
	const customer = unique('ACME');
	await field.click();
	await page.keyboard.type(customer);
	await page.goBack();
	await expect(page).toHaveURL(new RegExp(other));
	await expect(field).toHaveValue('');
	await expect.poll(customers).toEqual([customer, null]);
	await field.click();
	await page.keyboard.type('ALTN-9');
	await page.keyboard.press('Alt+n');
	await expect(person.box).toBeFocused();
	await expect.poll(customers).toEqual([customer, 'ALTN-9']);
});

test(
	'an answer the program died in is there, marked, and can be asked again',
	shows('interrupted'),
	async ({ page, person, t, desk }) => {
		await person.open();
		// Large pictures nobody has read before: the program dies before it has.
		await page.evaluate(async () => {
			const post = (path: string, body: BodyInit) =>
				fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
			const noise = async () => {
				const canvas = new OffscreenCanvas(1200, 1200);
				const context = canvas.getContext('2d');
				if (!context) throw new Error('no canvas');
				const pixels = context.createImageData(1200, 1200);
				for (let at = 0; at < pixels.data.length; at++) pixels.data[at] = Math.random() * 256;
				context.putImageData(pixels, 0, 0);
				const blob = await canvas.convertToBlob({ type: 'image/jpeg' });
				const reply = await fetch('/api/pictures', { method: 'POST', body: blob });
				return ((await reply.json()) as { id: string }).id;
			};
			const pictures = await Promise.all([noise(), noise(), noise()]);
			const ask = async (at: number) => {
				const made = await post('/api/conversations', '{}');
				const { id } = (await made.json()) as { id: string };
				const asked = { question: `Describe number ${at}, long`, pictures, role: '' };
				return post(`/api/conversations/${id}/rounds`, JSON.stringify(asked));
			};
			await Promise.all([ask(1), ask(2), ask(3)]);
		});
		await desk.kill();
		await person.open('/');
		await person.openPanel();
		await person.rows.filter({ hasText: t.list.interrupted }).first().click();
		await expect(page.getByText(t.conversation.interrupted)).toBeVisible();
		await person.press(t.conversation.again);
		await expect(page.getByText(t.conversation.interrupted)).toHaveCount(0);
		await expect(person.finished).toHaveCount(1);
	}
);

test('a conversation has an address of its own, and Back leads to the one before', async ({
	page
}) => {
	const [first, second] = [unique('First model?'), unique('Second model?')];
	await converse(page, first);
	const address = page.url();
	await page.getByRole('button', { name: 'New conversation' }).click();
	await expect(box(page)).toBeFocused();
	await add(page, 'label-en.jpg');
	await ask(page, second);
	await expect(finished(page)).toHaveCount(1);
	await row(page, first).click();
	await expect(title(page)).toHaveValue(first);
	await page.goBack();
	await expect(title(page)).toHaveValue(second);
	await page.goto(address);
	await expect(title(page)).toHaveValue(first);
	await page.goto('/#/c/01890000-0000-7000-8000-000000000000');
	await expect(page.getByRole('alert')).toContainText('not here any more');
	await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
	// Cut in the middle of a sign.
	await page.goto('/#/c/%E0%A4%A');
	await expect(page.getByRole('alert')).toBeVisible();
	await page.goto(address);
	await expect(title(page)).toHaveValue(first);
});

test('a name that is half written is stored where it was begun, whatever is opened meanwhile', async ({
	page
}) => {
	const customer = page.getByRole('combobox', { name: 'Customer' });
	const [first, second, third] = [unique('First?'), unique('Second?'), unique('Third?')];
	await converse(page, first);
	await page.getByRole('button', { name: 'New conversation' }).click();
	await add(page, 'label-en.jpg');
	await ask(page, second);
	await expect(finished(page)).toHaveCount(1);
	await row(page, first).click();
	await expect(title(page)).toHaveValue(first);
	await customer.fill('ACME');
	await page.goBack();
	await expect(title(page)).toHaveValue(second);
	await expect(customer).toHaveValue('');
	await customer.fill('ALTN');
	await page.keyboard.press('Alt+KeyN');
	await expect(box(page)).toBeFocused();
	await add(page, 'label-en.jpg');
	await ask(page, third);
	await expect(title(page)).toHaveValue(third);
	await expect(customer).toHaveValue('');
	await row(page, first).click();
	await expect(customer).toHaveValue('ACME');
	await row(page, second).click();
	await expect(customer).toHaveValue('ALTN');
	const renamed = unique('Renamed');
	await title(page).fill(renamed);
	// Leaving the page sends it; the new page may ask before it has come.
	await expect(async () => {
		await page.reload();
		await expect(title(page)).toHaveValue(renamed, { timeout: 5000 });
	}).toPass();
});

test('an answer goes on while one looks at another conversation', async ({ page }) => {
	const question = unique('Describe the picture, long');
	await open(page);
	await firstSample(page).click();
	await expect(finished(page)).toHaveCount(1);
	await page.getByRole('button', { name: 'New conversation' }).click();
	await add(page, 'panel-error.png');
	await ask(page, question);
	await expect(row(page, question)).toBeVisible();
	await rows(page).filter({ hasNotText: question }).first().click();
	await expect(title(page)).not.toHaveValue(question);
	await row(page, question).click();
	await expect(finished(page)).toHaveCount(1);
	await expect(page.getByText('It was stopped here.')).toHaveCount(0);
});

test('a question the desk could not take goes back to the box', async ({ page }) => {
	await open(page);
	await page.route('**/api/conversations/*/rounds', (route) =>
		route.fulfill({
			status: 429,
			json: { error: { code: 'queue_full', message: '', details: {}, request_id: 'r' } }
		})
	);
	await add(page, 'label-en.jpg');
	await ask(page, 'What is the model number?');
	await expect(page.getByRole('alert')).toContainText('Many people are asking');
	await page.getByRole('button', { name: 'Back to the question box' }).click();
	await expect(box(page)).toHaveValue('What is the model number?');
	await expect(waiting(page).getByRole('listitem')).toHaveCount(1);
	await page.unrouteAll();
	await page.getByRole('button', { name: 'Send' }).click();
	await expect(finished(page)).toContainText(sample('label-en.jpg').answer);
});

test('the list grows while one scrolls', async ({ page }) => {
	const made = Array.from({ length: 120 }, (_, index) => ({
		id: `id-${index}`,
		title: `Old matter ${index}`,
		customer: null,
		verdict: null,
		pinned: false,
		follows: null,
		created_at: 1,
		updated_at: Date.now() - index * 60_000,
		round_count: 1,
		picture: null,
		snippet: null,
		interrupted: false,
		deleted_at: null
	}));
	let asked = 0;
	await page.route('**/api/conversations?*', (route) => {
		asked += 1;
		const from = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 0);
		const conversations = made.slice(from, from + 50);
		const next = from + 50 < made.length ? String(from + 50) : null;
		return route.fulfill({ json: { conversations, next_cursor: next } });
	});
	await open(page);
	await expect(rows(page)).toHaveCount(50);
	await rows(page).last().scrollIntoViewIfNeeded();
	await expect(rows(page)).toHaveCount(100);
	await rows(page).last().scrollIntoViewIfNeeded();
	await expect(rows(page)).toHaveCount(120);
	await expect(row(page, 'Old matter 119')).toBeAttached();
	expect(asked).toBeLessThan(6);
});

test('when the list cannot be read, the page says so and a click mends it', async ({ page }) => {
	await page.route('**/api/conversations?*', (route) => route.fulfill({ status: 500, body: '' }));
	await open(page);
	await expect(list(page).getByRole('alert')).toBeVisible();
	await page.unrouteAll();
	await list(page).getByRole('button', { name: 'Try again' }).click();
	await expect(list(page).getByRole('alert')).toHaveCount(0);
});
