/**
 * The desk as a person meets it, in a browser, against the real program with its embedded demo model.
 */
import { readFileSync } from 'node:fs';
import {
	add,
	answers,
	ask,
	box,
	failOnBreach,
	finished,
	firstSample,
	open,
	picture,
	sample,
	unfoldSettings,
	violations,
	waiting
} from './page.ts';
import { expect, test } from './served.ts';

const rounds = '**/api/conversations/*/rounds';

failOnBreach();

test('a picture is uploaded, asked about and answered', async ({ page }) => {
	const { file, question_en, answer } = sample('label-en.jpg');
	await open(page);
	await add(page, file);
	await expect(page.getByText(/\d+ tokens/).first()).toBeVisible();
	await ask(page, question_en);
	await expect(finished(page)).toContainText(answer);
	await expect(page.getByText(/first word .* s/)).toBeVisible();
	const conversation = page.getByRole('region', { name: 'Conversation' });
	await expect(conversation.getByText(question_en, { exact: true })).toBeVisible();
});

test('one click on a sample asks and is answered', async ({ page }) => {
	const { question_en, answer } = sample('label-zh.jpg');
	await open(page);
	await page.getByRole('button', { name: `Ask about this sample: ${question_en}` }).click();
	await expect(finished(page)).toContainText(answer);
	await expect(
		page.getByRole('region', { name: 'Picture' }).getByText('Picture 1 of 1')
	).toBeVisible();
});

test('a second round knows the picture of the first', async ({ page }) => {
	const { file, question_en, answer } = sample('label-en.jpg');
	await open(page);
	await add(page, file);
	await ask(page, question_en);
	await expect(finished(page)).toContainText(answer);
	await ask(page, 'Read the model number.');
	await expect(finished(page)).toHaveCount(2);
	await expect(finished(page).nth(1)).toContainText(answer);
});

test('two pictures at once can be put in another order and taken out again', async ({ page }) => {
	await open(page);
	await add(page, 'router-label.png', 'panel-error.png');
	await expect(waiting(page).getByRole('listitem')).toHaveCount(2);
	await page.getByRole('button', { name: 'Move router-label.png to the right' }).click();
	const first = waiting(page).getByRole('listitem').first();
	await expect(first.getByRole('button', { name: 'panel-error.png', exact: true })).toBeVisible();
	await page.getByRole('button', { name: 'Remove router-label.png' }).click();
	await expect(waiting(page).getByRole('listitem')).toHaveCount(1);
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(waiting(page).getByRole('listitem')).toHaveCount(2);
});

test('stop keeps what was said, and the question can be asked again', async ({ page }) => {
	await open(page);
	// Hold the answer back, so that it can be stopped however fast the machine is.
	await page.route(rounds, async (route) => {
		await new Promise((done) => setTimeout(done, 1500));
		await route.continue().catch(() => undefined);
	});
	await add(page, 'label-en.jpg');
	await ask(page, 'What is the model number?');
	await page.getByRole('button', { name: 'Stop' }).click();
	await expect(page.getByText('It was stopped here.')).toBeVisible();
	await page.unroute(rounds);
	await page.getByRole('button', { name: 'Ask again' }).click();
	await expect(finished(page)).toContainText(sample('label-en.jpg').answer);
});

test('Esc stops', async ({ page }) => {
	await open(page);
	await page.route(rounds, () => undefined);
	await add(page, 'label-en.jpg');
	await ask(page, 'What is the model number?');
	await expect(answers(page)).toHaveAttribute('aria-busy', 'true');
	await page.keyboard.press('Escape');
	await expect(page.getByText('It was stopped here.')).toBeVisible();
});

test.describe('in a Chinese browser', () => {
	test.use({ locale: 'zh-CN' });

	test('the page speaks Chinese, and English when told', async ({ page }) => {
		const { file, question_zh, answer } = sample('label-zh.jpg');
		await open(page);
		await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
		await add(page, file);
		await ask(page, question_zh);
		await expect(finished(page)).toContainText(answer);
		await expect(page.getByRole('button', { name: '复制', exact: true })).toBeVisible();
		await unfoldSettings(page);
		await page.getByText('English', { exact: true }).click();
		await expect(page.locator('html')).toHaveAttribute('lang', 'en');
		await expect(page.getByRole('button', { name: 'Copy', exact: true })).toBeVisible();
		await page.reload();
		await expect(page.locator('html')).toHaveAttribute('lang', 'en');
	});

	test('a text file that calls itself a picture is refused in a sentence', async ({ page }) => {
		await open(page);
		await page.getByTestId('files').setInputFiles({
			name: 'receipt.png',
			mimeType: 'image/png',
			buffer: Buffer.from('this is no picture')
		});
		const refusal = page.getByRole('alert');
		await expect(refusal).toContainText('receipt.png');
		await expect(refusal).toContainText('不是可以读取的图片');
	});
});

test('a text file that calls itself a picture is refused in a sentence', async ({ page }) => {
	await open(page);
	await page.getByTestId('files').setInputFiles({
		name: 'receipt.png',
		mimeType: 'image/png',
		buffer: Buffer.from('this is no picture')
	});
	await expect(page.getByRole('alert')).toContainText('not a picture that can be read here');
	await expect(page.getByRole('list', { name: 'Pictures for the next question' })).toHaveCount(0);
});

test('a HEIC picture is refused before it is sent, with a way out', async ({ page }) => {
	await open(page);
	await page.getByTestId('files').setInputFiles({
		name: 'IMG_0001.HEIC',
		mimeType: 'image/heic',
		buffer: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1')
	});
	await expect(page.getByRole('alert')).toContainText('Most Compatible');
});

test('the draft survives a reload', async ({ page }) => {
	await open(page);
	await box(page).fill('What about the');
	await page.reload();
	await expect(box(page)).toHaveValue('What about the');
});

test('a reload loses neither the conversation nor its picture', async ({ page }) => {
	const { file, question_en, answer } = sample('label-en.jpg');
	await open(page);
	await add(page, file);
	await ask(page, question_en);
	await expect(finished(page)).toContainText(answer);
	await page.reload();
	await expect(finished(page)).toContainText(answer);
	await expect(page.getByRole('application').locator('img')).toBeVisible();
	await ask(page, 'Which model is this?');
	await expect(finished(page)).toHaveCount(2);
	await expect(finished(page).nth(1)).toContainText(answer);
});

test('the picture can be pasted and dropped', async ({ page }) => {
	await open(page);
	const bytes = [...readFileSync(picture('router-label.png'))];
	await page.evaluate((data) => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([new Uint8Array(data)], 'pasted.png', { type: 'image/png' }));
		window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }));
	}, bytes);
	await expect(
		waiting(page).getByRole('button', { name: 'pasted.png', exact: true })
	).toBeVisible();
	await page.evaluate((data) => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([new Uint8Array(data)], 'dropped.png', { type: 'image/png' }));
		window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
	}, bytes);
	await expect(
		waiting(page).getByRole('button', { name: 'dropped.png', exact: true })
	).toBeVisible();
});

test('when the server was restarted, the picture is given to it again without a word', async ({
	page,
	desk
}) => {
	const { file, question_en, answer } = sample('label-en.jpg');
	await open(page);
	await add(page, file);
	await ask(page, question_en);
	await expect(finished(page)).toContainText(answer);
	await desk.restart();
	await expect(page.locator('header [role=status]')).toHaveText(/ready/);
	await ask(page, 'Which model is this?');
	await expect(finished(page)).toHaveCount(2);
	await expect(finished(page).nth(1)).toContainText(answer);
});

test('when the server is away, the page says so and a retry mends it', async ({ page }) => {
	await open(page);
	await page.route(rounds, (route) => route.abort());
	await firstSample(page).click();
	await expect(page.getByRole('alert')).toContainText('The desk does not answer');
	await page.unroute(rounds);
	await page.getByRole('button', { name: 'Try again' }).click();
	await expect(finished(page)).toHaveCount(1);
	await expect(page.getByRole('alert')).toHaveCount(0);
});

test('when the desk cannot be reached at all, the page says so until it can', async ({
	page,
	desk
}) => {
	await open(page);
	await page.route('**/api/status**', (route) => route.abort());
	// Ends the stream that is open.
	await desk.restart();
	await expect(page.getByRole('alert')).toContainText('Check that lookdesk is running');
	await page.unrouteAll();
	await expect(page.getByRole('alert')).toHaveCount(0);
	await expect(page.locator('header [role=status]')).toHaveText('ready');
});

test('the picture is zoomed and moved by keyboard', async ({ page }) => {
	await open(page);
	await add(page, 'label-en.jpg');
	const stage = page.getByRole('application');
	const image = stage.locator('img');
	const transform = () => image.evaluate((element) => getComputedStyle(element).transform);
	await expect.poll(transform).not.toBe('matrix(1, 0, 0, 1, 0, 0)');
	const fitted = await transform();
	await stage.focus();
	await page.keyboard.press('+');
	await page.keyboard.press('+');
	const near = await transform();
	expect(near).not.toBe(fitted);
	await page.keyboard.press('ArrowRight');
	expect(await transform()).not.toBe(near);
	await page.keyboard.press('0');
	expect(await transform()).toBe(fitted);
});

test('the demo model says what it is and how to start a real one', async ({ page }) => {
	await open(page);
	const note = page.getByRole('complementary', { name: 'About the demo model' });
	await expect(note).toContainText('The demo model is answering.');
	await expect(note).toContainText('lookdesk serve --model DIR');
	await note.getByRole('button', { name: 'Hide this note' }).click();
	await expect(note).toHaveCount(0);
	await page.reload();
	await expect(page.getByRole('button', { name: 'About the demo model' })).toBeVisible();
	await expect(note).toHaveCount(0);
});

test('settings and role are sent as shown', async ({ page }) => {
	await open(page);
	await unfoldSettings(page);
	await page.getByRole('slider', { name: 'Rigour' }).fill('0');
	await page.getByRole('slider', { name: 'Memory' }).fill('2');
	const role = await page.getByLabel('The role as it is sent').textContent();
	await add(page, 'label-en.jpg');
	const sending = page.waitForRequest(rounds);
	await ask(page, 'What is the model number?');
	expect((await sending).postDataJSON()).toMatchObject({
		question: 'What is the model number?',
		role,
		remember: 2,
		settings: { temperature: 0, max_tokens: 256 }
	});
	await expect(finished(page)).toHaveCount(1);
});

test.describe('on a phone', () => {
	test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

	test('a sample is answered, the picture folds, nothing runs off the side', async ({ page }) => {
		const { question_en, answer } = sample('label-zh.jpg');
		await open(page);
		await expect(page.getByRole('button', { name: 'Take a photo' })).toBeVisible();
		await page.getByRole('button', { name: `Ask about this sample: ${question_en}` }).tap();
		await expect(finished(page)).toContainText(answer);
		await page.getByRole('button', { name: 'Fold the picture away' }).tap();
		await expect(page.getByRole('application')).toHaveCount(0);
		const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		expect(await overflow()).toBeLessThanOrEqual(0);
	});

	test('the panel opens as a sheet and closes with Esc', async ({ page }) => {
		await open(page);
		await page.getByRole('button', { name: 'Conversations and settings' }).tap();
		await expect(page.getByRole('dialog', { name: 'Conversations and settings' })).toBeVisible();
		await page.keyboard.press('Escape');
		await expect(page.getByRole('dialog')).toHaveCount(0);
	});
});

for (const colorScheme of ['light', 'dark'] as const) {
	test.describe(`in ${colorScheme} colours`, () => {
		test.use({ colorScheme });

		test('axe finds nothing, empty and answered', async ({ page }) => {
			await open(page);
			await expect(firstSample(page)).toBeVisible();
			expect(await violations(page)).toEqual([]);
			await page.keyboard.press('?');
			await expect(page.getByRole('dialog')).toBeVisible();
			expect(await violations(page)).toEqual([]);
			await page.keyboard.press('Escape');
			await add(page, 'label-en.jpg');
			await expect(page.getByText(/\d+ tokens/).first()).toBeVisible();
			await ask(page, 'What is the model number?');
			await expect(finished(page)).toHaveCount(1);
			expect(await violations(page)).toEqual([]);
		});
	});
}
