/** The desk as a person meets it, in a browser, against the real program with its embedded demo model. */
import { overflow } from './axe.ts';
import { shows } from './items.ts';
import { failOnBreach } from './page.ts';
import { live, pastPicture } from './past.ts';
import { sample, unique } from './samples.ts';
import { holdAnswers } from './scripted.ts';
import { expect, test } from './served.ts';

const rounds = '**/api/conversations/*/rounds';

failOnBreach();

test(
	'a picture is asked about; picture and question stay with the answer, and with the next',
	shows('asked', 'smallPrint', 'narrow'),
	async ({ page, person, t }) => {
		const { question, answer } = person.sample('label-en.jpg');
		await person.open();
		await person.add('label-en.jpg');
		await person.ask(question);
		await expect(person.finished).toContainText(answer);
		await expect(page.getByText(new RegExp(`^${t.done.firstWord('[\\d.,]+')}`))).toBeVisible();
		await expect(page.getByText(new RegExp(t.done.speed('[\\d.,]+')))).toBeVisible();
		const conversation = page.getByRole('region', { name: t.conversation.label });
		await expect(conversation.getByText(question, { exact: true })).toBeVisible();
		await expect(
			conversation.getByRole('button', { name: t.conversation.showPicture(1) })
		).toBeVisible();
		await page.reload();
		await expect(person.finished).toContainText(answer);
		await person.ask(person.say('Read the model number.', '型号是什么？'));
		await expect(person.finished).toHaveCount(2);
		await expect(person.finished.nth(1)).toContainText(answer);
		expect(await overflow(page)).toBeLessThanOrEqual(0);
	}
);

test('one click on a sample asks and is answered', shows('asked'), async ({ page, person, t }) => {
	const { question, answer } = person.sample('label-zh.jpg');
	await person.open();
	await person.press(t.welcome.ask(question));
	await expect(person.finished).toContainText(answer);
	const beside = page.getByRole('region', { name: t.viewer.label });
	await expect(beside.getByText(t.viewer.pictureOf(1, 1))).toBeVisible();
	if (!person.isPhone) return;
	await person.press(t.viewer.fold);
	await expect(person.stage).toHaveCount(0);
});

test(
	'words stream, Markdown is shown, the place in the queue and what is being read are told',
	shows('streaming', 'queue', 'sanitised'),
	async ({ page, person, t }) => {
		const elsewhere: string[] = [];
		page.on('request', (request) => {
			if (request.url().includes('evil.example')) elsewhere.push(request.url());
		});
		const script = await holdAnswers(page);
		await person.open();
		await person.add('label-en.jpg');
		await person.ask(person.say('Describe it.', '请描述。'));
		await script.say({ type: 'queued', position: 2, wait_ms: null });
		await expect(page.getByText(t.progress.queued(2))).toBeVisible();
		await script.say({ type: 'queued', position: 0, wait_ms: null });
		await expect(page.getByText(t.progress.next)).toBeVisible();
		await script.say({ type: 'reading', picture: 1, of: 2, tokens: 40, cached: false });
		await expect(page.getByText(t.progress.reading(1, 2)).first()).toBeVisible();
		await script.say({ type: 'prefill', done: 40, total: 80 });
		await expect(page.getByText(t.progress.prefill(50))).toBeVisible();
		await script.say({ type: 'delta', text: '- **E102**\n- `AX73', tokens: [] });
		await expect(person.answers.locator('strong')).toHaveText('E102');
		await expect(person.answers.locator('li')).toHaveCount(2);
		await expect(person.answers).toHaveAttribute('aria-busy', 'true');
		await script.say({
			type: 'delta',
			text: '`\n\n|a|b|\n|-|-|\n|1|2|\n\n![x](https://evil.example/p.png) <img src=x onerror="window.ran=1"><script>window.ran=1</script>[y](javascript:window.ran=1)',
			tokens: []
		});
		await script.end();
		await expect(person.finished.locator('td')).toHaveCount(2);
		await expect(person.finished.locator('code')).toHaveText('AX73');
		await expect(person.finished.locator('img, script, a[href^="javascript:"]')).toHaveCount(0);
		expect(await page.evaluate(() => (window as { ran?: unknown }).ran)).toBeUndefined();
		expect(elsewhere).toEqual([]);
		expect(await overflow(page)).toBeLessThanOrEqual(0);
	}
);

test(
	'stop keeps what was said; asked again, both answers are there',
	shows('stop', 'regenerate', 'copy'),
	async ({ page, person, t, context }) => {
		await context.grantPermissions(['clipboard-read', 'clipboard-write']);
		await person.open();
		// Hold the answer back, so that it can be stopped however fast the machine is.
		let release = () => {};
		const stopped = new Promise<void>((done) => (release = done));
		await page.route(rounds, async (route) => {
			await stopped;
			await route.continue().catch(() => undefined);
		});
		await person.add('label-en.jpg');
		const { question, answer } = person.sample('label-en.jpg');
		await person.ask(question);
		await expect(person.answers).toHaveAttribute('aria-busy', 'true');
		if (person.isPhone) await person.press(t.composer.stop);
		else await page.keyboard.press('Escape');
		await expect(page.getByText(t.done.cancelled)).toBeVisible();
		release();
		await page.unroute(rounds);
		await person.press(t.conversation.again);
		await expect(person.finished).toContainText(answer);
		await person.press(t.conversation.again);
		await expect(person.finished.getByText(/^(\d)\/\1$/)).toBeVisible();
		await person.press(t.conversation.previousVersion);
		await person.press(t.conversation.copy);
		await expect(person.button(t.conversation.copied)).toBeVisible();
		expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(answer);
	}
);

test(
	'a thumbnail opens its picture, which is zoomed and moved',
	shows('viewer'),
	async ({ page, person, t }) => {
		await person.open();
		await person.add('label-en.jpg');
		await person.ask(person.sample('label-en.jpg').question);
		await expect(person.finished).toHaveCount(1);
		await person.add('router-label.png');
		await person.ask(person.sample('label-en.jpg').question);
		await expect(person.finished).toHaveCount(2);
		await person.press(t.conversation.showPicture(1));
		await expect(page.getByText(t.viewer.pictureOf(1, 2))).toBeVisible();
		const image = person.stage.locator('img').first();
		const transform = () => image.evaluate((element) => getComputedStyle(element).transform);
		await expect.poll(transform).not.toBe('matrix(1, 0, 0, 1, 0, 0)');
		const fitted = await transform();
		await person.press(t.viewer.zoomIn);
		await person.press(t.viewer.zoomIn);
		await person.press(t.viewer.zoomIn);
		const near = await transform();
		expect(near).not.toBe(fitted);
		const at = await person.stage.boundingBox();
		if (!at) throw new Error('no stage');
		const middle = { x: at.x + at.width / 2, y: at.y + at.height / 2 };
		await page.mouse.move(middle.x, middle.y);
		await page.mouse.down();
		await page.mouse.move(middle.x - 60, middle.y - 20, { steps: 4 });
		await page.mouse.up();
		expect(await transform()).not.toBe(near);
		await person.press(t.viewer.fit);
		expect(await transform()).toBe(fitted);
		if (!person.isPhone) {
			await page.mouse.move(middle.x, middle.y);
			await page.mouse.wheel(0, -300);
			await expect.poll(transform).not.toBe(fitted);
		}
		await person.press(t.viewer.next);
		await expect(page.getByText(t.viewer.pictureOf(2, 2))).toBeVisible();
	}
);

test('the picture is zoomed and moved by keyboard', shows('keyboard'), async ({ page, person }) => {
	await person.open();
	await person.add('label-en.jpg');
	const image = person.stage.locator('img');
	const transform = () => image.evaluate((element) => getComputedStyle(element).transform);
	await expect.poll(transform).not.toBe('matrix(1, 0, 0, 1, 0, 0)');
	const fitted = await transform();
	await person.stage.focus();
	await page.keyboard.press('+');
	await page.keyboard.press('+');
	const near = await transform();
	expect(near).not.toBe(fitted);
	await page.keyboard.press('ArrowRight');
	expect(await transform()).not.toBe(near);
	await page.keyboard.press('0');
	expect(await transform()).toBe(fitted);
});

test(
	'a question is asked, judged and followed by another with keys alone',
	shows('keyboard'),
	async ({ page, person, t }) => {
		await person.open();
		await page.keyboard.press('?');
		await expect(person.dialog).toContainText(t.shortcuts.fresh);
		await page.keyboard.press('Escape');
		await expect(person.dialog).toHaveCount(0);
		await page.keyboard.press('/');
		await expect(person.box).toBeFocused();
		await person.add('label-en.jpg');
		await page.keyboard.type(person.sample('label-en.jpg').question);
		await page.keyboard.press('Shift+Enter');
		await page.keyboard.type('!');
		await expect(person.box).toHaveValue(/\n!$/);
		await page.keyboard.press('Backspace');
		await page.keyboard.press('Backspace');
		await page.keyboard.press('Enter');
		await expect(person.finished).toHaveCount(1);
		await person.button(t.feedback.up).focus();
		await page.keyboard.press('Space');
		await expect(person.button(t.feedback.up)).toHaveAttribute('aria-pressed', 'true');
		await page.keyboard.press('Alt+n');
		await expect(person.answers).toHaveCount(0);
		await expect(person.box).toBeFocused();
		await page.keyboard.press('Control+k');
		await expect(person.search).toBeFocused();
		await page.keyboard.press('ArrowDown');
		await page.keyboard.press('Enter');
		await expect(person.finished).toHaveCount(1);
	}
);

test('what was written outlives a reload', shows('drafts'), async ({ page, person }) => {
	const draft = unique(person.say('What about the', '那么'));
	await person.open();
	await person.box.fill(draft);
	await person.add('router-label.png');
	await expect(person.waiting.getByText(/\d /).first()).toBeVisible();
	await page.reload();
	await expect(person.box).toHaveValue(draft);
	await expect(person.waiting.getByRole('listitem')).toHaveCount(1);
});

test('a question that arrived before its page was left stands in one place', async ({
	page,
	person
}) => {
	const question = unique('Which model?');
	await person.open();
	// The desk has it, and its page is gone before it hears so.
	const stored = new Promise<void>((done) => {
		void page.route(rounds, async (route) => {
			await route.fetch();
			done();
		});
	});
	await person.add('label-en.jpg');
	await person.ask(question);
	await stored;
	await page.reload();
	await expect(person.finished).toHaveCount(1);
	await expect(page.locator('.question')).toContainText(question);
	await expect(page).toHaveURL(/#\/c\/[\w-]+$/);
	await expect(person.box).toHaveValue('');
	await expect(person.waiting).toHaveCount(0);
	await expect(person.row(question)).toHaveCount(1);
});

test('an answer that is not whole shows what was measured of it', async ({ person, request }) => {
	const rounds = [
		{ question: 'Model?', answers: [{ text: 'The mod', state: 'left', firstWordMs: 700 }] }
	];
	const [id] = await live(request, [{ title: unique('Left'), rounds }]);
	await person.open(`/#/c/${id}`);
	await expect(person.finished).toContainText('The answer ended here');
	await expect(person.finished).toContainText('first word 0.7 s');
	await expect(person.finished).toContainText('43 tokens/s');
});

test(
	'when the server is away or full, the page says so in a sentence and a retry mends it',
	shows('errors'),
	async ({ page, person, t }) => {
		const { question, answer } = person.sample('label-en.jpg');
		await person.open();
		await page.route(rounds, (route) => route.abort());
		await person.add('label-en.jpg');
		await person.ask(question);
		await expect(person.alert).toContainText(t.problem.unreachable);
		await page.unroute(rounds);
		await page.route(rounds, (route) =>
			route.fulfill({
				status: 429,
				headers: { 'retry-after': '4' },
				json: { error: { code: 'queue_full', message: '', details: {}, request_id: 'r' } }
			})
		);
		await person.press(t.conversation.retry);
		await expect(person.alert).toContainText(t.problem.queueFull(undefined, 4));
		await page.unroute(rounds);
		await person.press(t.conversation.retry);
		await expect(person.finished).toContainText(answer);
		await expect(person.alert).toHaveCount(0);
	}
);

test('on paper a conversation is its questions, pictures and answers, whole, and no controls', async ({
	page,
	person,
	request
}) => {
	const shown = await pastPicture(request, 'label-en.jpg');
	const title = unique('For the file');
	const rounds = Array.from({ length: 12 }, (_, index) => ({
		question: `Question ${index}`,
		pictures: index === 0 ? [shown] : [],
		answers: [{ text: `Answer ${index}, of some length. `.repeat(12) }]
	}));
	const [id] = await live(request, [{ title, customer: 'Anna Weber', rounds }]);
	await person.open(`/#/c/${id}`);
	await expect(person.finished).toHaveCount(12);
	await page.emulateMedia({ media: 'print' });
	await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();
	await expect(page.locator('.question img').first()).toBeVisible();
	// Nothing is left in a part that scrolls: on paper it would be cut off.
	const hidden = await page.evaluate(() => {
		const last = [...document.querySelectorAll('article')].at(-1)?.getBoundingClientRect();
		return (last?.bottom ?? Infinity) - document.documentElement.scrollHeight;
	});
	expect(hidden).toBeLessThanOrEqual(0);
	for (const away of [person.box, person.list, person.search, page.locator('.button')]) {
		await expect(away.filter({ visible: true })).toHaveCount(0);
	}
});

test('when the server was restarted, the picture is given to it again without a word', async ({
	person,
	page,
	desk
}) => {
	const { file, question_en, answer } = sample('label-en.jpg');
	await person.open();
	await person.add(file);
	await person.ask(question_en);
	await expect(person.finished).toContainText(answer);
	await desk.restart();
	await expect(page.locator('header [role=status]')).toHaveText(/ready/);
	await person.ask('Which model is this?');
	await expect(person.finished).toHaveCount(2);
	await expect(person.finished.nth(1)).toContainText(answer);
});

test('when the desk cannot be reached at all, the page says so until it can', async ({
	page,
	person,
	desk
}) => {
	await person.open();
	await page.route('**/api/status**', (route) => route.abort());
	// Ends the stream that is open.
	await desk.restart();
	await expect(person.alert).toContainText('Check that lookdesk is running');
	await page.unrouteAll();
	await expect(person.alert).toHaveCount(0);
	await expect(page.locator('header [role=status]')).toHaveText('ready');
});

test('the demo model says what it is, how to fetch a real one and start it', async ({
	page,
	person,
	context
}) => {
	await person.open();
	const note = page.getByRole('complementary', { name: 'About the demo model' });
	await expect(note).toContainText('The demo model is answering.');
	await expect(note).toContainText('hf download Qwen/Qwen3-VL-4B-Instruct --local-dir qwen3-vl-4b');
	await expect(note).toContainText('lookdesk serve --model qwen3-vl-4b');
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);
	await note.getByRole('button', { name: /^Copy the command: lookdesk/ }).click();
	expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
		'lookdesk serve --model qwen3-vl-4b'
	);
	await note.getByRole('button', { name: 'Hide this note' }).click();
	await expect(note).toHaveCount(0);
	await page.reload();
	await expect(page.getByRole('button', { name: 'About the demo model' })).toBeVisible();
	await expect(note).toHaveCount(0);
});
