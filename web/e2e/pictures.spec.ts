/** Pictures on their way to the desk: every way in, every kind, and what is said of those that cannot come. */
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { overflow } from './axe.ts';
import { shows } from './items.ts';
import { failOnBreach } from './page.ts';
import { picture } from './samples.ts';
import { expect, test } from './served.ts';

/** As a browser hands over files that are dropped or pasted. */
async function hand(page: Page, how: 'drop' | 'paste', name: string) {
	await page.evaluate(
		([data, way, file]) => {
			const transfer = new DataTransfer();
			transfer.items.add(new File([new Uint8Array(data)], file, { type: 'image/png' }));
			const event =
				way === 'drop'
					? new DragEvent('drop', { dataTransfer: transfer, bubbles: true })
					: new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true });
			document.querySelector(way === 'drop' ? 'main' : '#question')?.dispatchEvent(event);
		},
		[[...readFileSync(picture('router-label.png'))], how, name] as const
	);
}

/** A bitmap of one colour: 24 bits a pixel, from the bottom up. Source: Microsoft's BITMAPINFOHEADER. */
function bitmap(width: number, height: number): Buffer {
	const stride = Math.ceil((width * 3) / 4) * 4;
	const file = Buffer.alloc(54 + stride * height, 0x80);
	file.fill(0, 0, 54);
	file.write('BM', 'latin1');
	file.writeUInt32LE(file.length, 2);
	file.writeUInt32LE(54, 10);
	file.writeUInt32LE(40, 14);
	file.writeInt32LE(width, 18);
	file.writeInt32LE(height, 22);
	file.writeUInt16LE(1, 26);
	file.writeUInt16LE(24, 28);
	return file;
}

failOnBreach();

test(
	'pictures are dropped, pasted and photographed',
	shows('drop', 'paste', 'photograph'),
	async ({ page, person, t }) => {
		await person.open();
		await hand(page, 'paste', 'pasted.png');
		await expect(person.waiting.getByRole('button', { name: 'pasted.png' }).first()).toBeVisible();
		await hand(page, 'drop', 'dropped.png');
		await expect(person.waiting.getByRole('listitem')).toHaveCount(2);
		if (!person.isPhone) return;
		const choosing = page.waitForEvent('filechooser');
		await person.press(t.composer.photograph);
		await (await choosing).setFiles(picture('label-en.jpg'));
		await expect(person.waiting.getByRole('listitem')).toHaveCount(3);
		await expect(page.locator('input[capture=environment]')).toHaveCount(1);
	}
);

test('a folder gives the pictures in it, one without any is a sentence', async ({
	page,
	person,
	t
}, testInfo) => {
	const folder = testInfo.outputPath('ticket 7731');
	const [inner, none] = [join(folder, 'more'), testInfo.outputPath('no pictures')];
	for (const one of [inner, none]) mkdirSync(one, { recursive: true });
	copyFileSync(picture('router-label.png'), join(folder, 'b 10.png'));
	copyFileSync(picture('label-en.jpg'), join(folder, 'b 9.jpg'));
	copyFileSync(picture('panel-error.png'), join(inner, 'panel.png'));
	for (const one of [join(folder, 'notes.txt'), join(none, 'notes.txt')])
		writeFileSync(one, 'call');
	await person.open();
	const client = await page.context().newCDPSession(page);
	const data = { items: [], files: [folder, none], dragOperationsMask: 1 };
	for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
		await client.send('Input.dispatchDragEvent', { type, x: 600, y: 300, data });
	}
	const shown = person.waiting.getByRole('listitem');
	await expect(shown).toHaveCount(3);
	for (const [at, name] of ['b 9.jpg', 'b 10.png', 'panel.png'].entries()) {
		await expect(shown.nth(at).getByRole('button').first()).toHaveAccessibleName(name);
	}
	await expect(person.alert).toContainText(`no pictures ${t.problem.folder}`);
});

test(
	'several kinds at once are shown at once, with their size and tokens',
	shows('choose', 'kinds', 'preview'),
	async ({ page, person, t }) => {
		await person.open();
		const webp = await page.evaluate(async () => {
			const canvas = new OffscreenCanvas(64, 48);
			canvas.getContext('2d')?.fillRect(0, 0, 64, 48);
			const blob = await canvas.convertToBlob({ type: 'image/webp' });
			return [...new Uint8Array(await blob.arrayBuffer())];
		});
		const choosing = page.waitForEvent('filechooser');
		await person.press(t.composer.add);
		await (
			await choosing
		).setFiles([
			{
				name: 'a.jpg',
				mimeType: 'image/jpeg',
				buffer: readFileSync(picture('label-en.jpg'))
			},
			{ name: 'b.png', mimeType: 'image/png', buffer: readFileSync(picture('router-label.png')) },
			{ name: 'c.bmp', mimeType: 'image/bmp', buffer: bitmap(64, 48) },
			{ name: 'd.webp', mimeType: 'image/webp', buffer: Buffer.from(webp) }
		]);
		const shown = person.waiting.getByRole('listitem');
		await expect(shown).toHaveCount(4);
		for (let at = 0; at < 4; at++) {
			await expect(shown.nth(at).locator('img')).toBeVisible();
			await expect(shown.nth(at)).toContainText(new RegExp(`\\d+ ${t.tray.tokens(1).slice(2)}`));
			await expect(shown.nth(at)).toContainText(/\d [KM]?B/);
		}
		await expect(person.alert).toHaveCount(0);
	}
);

for (const viewport of [
	{ width: 1280, height: 720 },
	{ width: 390, height: 844 }
]) {
	test(`of several pictures of several sizes the first is shown whole, ${viewport.width} px wide`, async ({
		page,
		person
	}) => {
		await page.setViewportSize(viewport);
		await person.open();
		await person.add('label-en.jpg', 'router-label.png');
		await expect(person.waiting.getByText(/tokens/)).toHaveCount(2);
		const image = person.stage.locator('img');
		await expect(image).toBeVisible();
		const beyond = async () => {
			const [inner, outer] = [await image.boundingBox(), await person.stage.boundingBox()];
			if (!inner || !outer) return Infinity;
			return Math.max(inner.width - outer.width, inner.height - outer.height);
		};
		await expect.poll(beyond, { timeout: 5000 }).toBeLessThanOrEqual(1);
	});
}

test(
	'a picture is put in another order, taken out and brought back',
	shows('order'),
	async ({ person, t }) => {
		await person.open();
		await person.add('router-label.png', 'panel-error.png');
		const shown = person.waiting.getByRole('listitem');
		await expect(shown).toHaveCount(2);
		await person.press(t.tray.later('router-label.png'));
		await expect(shown.first().getByRole('button').first()).toHaveAccessibleName('panel-error.png');
		await person.press(t.tray.remove('router-label.png'));
		await expect(shown).toHaveCount(1);
		await person.press(t.panel.undo);
		await expect(shown).toHaveCount(2);
	}
);

test(
	'a picture that could not be uploaded says why, can be sent again, and is missed after a reload',
	shows('drafts', 'narrow'),
	async ({ page, person, t }) => {
		let isBroken = true;
		await page.route('**/api/pictures', (route) => (isBroken ? route.abort() : route.continue()));
		await person.open();
		await person.add('panel-error.png');
		const shown = person.waiting.getByRole('listitem');
		await expect(shown.getByRole('alert')).toHaveText(t.problem.unreachable);
		// Its sentence has room: no more than four lines of it.
		const why = await shown.getByRole('alert').boundingBox();
		expect(why?.width).toBeGreaterThan(150);
		expect(why?.height).toBeLessThan(85);
		expect(await overflow(page)).toBeLessThanOrEqual(0);
		await person.box.fill(person.say('Which code?', '哪个错误码？'));
		for (let times = 0; times < 2; times++) {
			await page.reload();
			await expect(person.alert).toContainText(`panel-error.png ${t.problem.pictureLost}`);
			await expect(person.waiting).toHaveCount(0);
		}
		await person.add('panel-error.png');
		await expect(shown.getByRole('alert')).toBeVisible();
		isBroken = false;
		await shown.getByRole('button', { name: t.conversation.retry, exact: true }).click();
		await expect(shown).toContainText(new RegExp(`\\d ${t.tray.tokens(1).slice(2)}`));
		await page.reload();
		await expect(shown).toHaveCount(1);
		await expect(person.alert).toHaveCount(0);
	}
);

test(
	'what cannot be read is a sentence that says how to go on, and is not kept',
	shows('tooLarge', 'unsupported'),
	async ({ page, person, t }, testInfo) => {
		await person.open();
		const p = t.problem;
		const refused: [string, Buffer, string][] = [
			['IMG_0001.HEIC', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1'), p.heic],
			['manual.pdf', Buffer.from('%PDF-1.7'), p.pdf],
			['scan.tiff', Buffer.from('II*\0', 'latin1'), p.otherKind('TIFF')],
			['empty.png', Buffer.alloc(0), p.empty],
			['receipt.png', Buffer.from('this is no picture'), p.notAPicture]
		];
		for (const [name, bytes, sentence] of refused) {
			await person.give(name, 'application/octet-stream', bytes);
			const told = page.getByRole('alert').filter({ hasText: name });
			await expect(told).toContainText(sentence);
			await expect(person.waiting.getByRole('button', { name })).toHaveCount(0);
			await told.getByRole('button').first().click();
		}
		// A hole of 27 MB, which costs neither disk nor time.
		const large = testInfo.outputPath('large.png');
		writeFileSync(large, '');
		truncateSync(large, 27 * 2 ** 20);
		await page.getByTestId('files').setInputFiles(large);
		await expect(person.alert).toContainText(p.pictureTooLarge('27', '20'));
		await expect(person.waiting).toHaveCount(0);
		// It is about the question under it, and goes with that.
		await page.route('**/api/conversations/*/rounds', () => undefined);
		await person.ask(person.say('Then without it?', '不用它行吗？'));
		await expect(person.answers).toHaveCount(1);
		await expect(person.alert).toHaveCount(0);
	}
);
