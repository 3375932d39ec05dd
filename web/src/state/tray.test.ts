import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { Tray } from './tray.svelte';

const upload = vi.hoisted(() => vi.fn());
vi.mock('../api/client', () => ({ uploadPicture: upload }));

const limits = { pictureBytes: 100, pictures: 3 };
const file = (name: string, bytes: BlobPart = 'x') => new File([bytes], name);
const names = (tray: Tray) => tray.pictures.map((picture) => picture.name);
const codes = (tray: Tray) => tray.refusals.map(({ name, problem }) => [name, problem.code]);

beforeEach(() => {
	upload.mockReset();
	upload.mockResolvedValue({
		id: 'p',
		width: 1,
		height: 1,
		bytes: 1,
		tokens: 1,
		media_type: 'image/png'
	});
});

describe('the tray', () => {
	it('takes several files in order and uploads each', async () => {
		const tray = new Tray();
		await tray.add([file('a.png'), file('b.png')], limits);
		expect(names(tray)).toEqual(['a.png', 'b.png']);
		await vi.waitFor(() => expect(tray.pictures.every((p) => p.upload.kind === 'held')).toBe(true));
	});

	it('refuses before sending: too large, empty, HEIC, too many', async () => {
		const tray = new Tray();
		const heic = file('photo.jpg', '\0\0\0\x18ftypheic\0\0\0\0');
		await tray.add([file('big.png', 'x'.repeat(101)), file('empty.png', ''), heic], limits);
		expect(codes(tray)).toEqual([
			['big.png', 'picture_too_large'],
			['empty.png', 'picture_empty'],
			['photo.jpg', 'picture_heic']
		]);
		await tray.add(
			['1', '2', '3', '4'].map((name) => file(name)),
			limits
		);
		expect(codes(tray)).toEqual([['4', 'too_many_pictures']]);
		expect(upload).toHaveBeenCalledTimes(3);
	});

	it('takes a JPEG that is only named HEIC', async () => {
		const tray = new Tray();
		await tray.add([file('photo.heic', new Uint8Array([0xff, 0xd8, 0xff, 0xe0]))], limits);
		expect(names(tray)).toEqual(['photo.heic']);
	});

	it('gives back a picture the server will not take, with its reason', async () => {
		upload.mockRejectedValue(new Problem('picture_type'));
		const tray = new Tray();
		await tray.add([file('text.png')], limits);
		await vi.waitFor(() => expect(codes(tray)).toEqual([['text.png', 'picture_type']]));
		expect(names(tray)).toEqual([]);
	});

	it('keeps a picture when only the connection failed, and sends it again when told', async () => {
		upload.mockRejectedValueOnce(new Problem('unreachable'));
		const tray = new Tray();
		const [picture] = await tray.add([file('a.png')], limits);
		await vi.waitFor(() => expect(picture?.upload.kind).toBe('refused'));
		if (picture) tray.send(picture);
		await vi.waitFor(() => expect(picture?.upload.kind).toBe('held'));
		expect(names(tray)).toEqual(['a.png']);
	});

	it('takes no more than its limit when files are dropped twice in a row', async () => {
		const tray = new Tray();
		const twice = [file('a'), file('b')];
		await Promise.all([tray.add(twice, limits), tray.add(twice, limits)]);
		expect(tray.pictures).toHaveLength(3);
	});

	describe('after a question is sent', () => {
		const left = async () => {
			const tray = new Tray();
			await tray.add([file('a'), file('empty', '')], limits);
			return tray;
		};

		it('says no longer what was left out where somebody has written under it', async () => {
			const tray = await left();
			tray.written();
			expect(codes(tray)).toEqual([['empty', 'picture_empty']]);
			expect(tray.take().map((picture) => picture.name)).toEqual(['a']);
			expect(codes(tray)).toEqual([]);
		});

		it.each([
			['written', (tray: Tray) => tray.written()],
			['sent', (tray: Tray) => void tray.take()]
		])('still says what came too late to be seen, until the next one is %s', async (_, begin) => {
			const tray = await left();
			tray.take();
			expect(codes(tray)).toEqual([['empty', 'picture_empty']]);
			begin(tray);
			expect(codes(tray)).toEqual([]);
		});

		it('keeps what was left out of the next one', async () => {
			const tray = await left();
			tray.take();
			await tray.add([file('blank', '')], limits);
			tray.written();
			expect(codes(tray)).toEqual([['blank', 'picture_empty']]);
			tray.clear();
			expect(tray.refusals).toEqual([]);
		});
	});

	it('moves pictures, and puts a removed one back where it was', async () => {
		const tray = new Tray();
		const [a, b] = await tray.add([file('a'), file('b'), file('c')], limits);
		if (!a || !b) throw new Error('not taken');
		tray.move(a, 2);
		expect(names(tray)).toEqual(['b', 'c', 'a']);
		tray.move(a, 99);
		tray.move(b, -5);
		expect(names(tray)).toEqual(['b', 'c', 'a']);
		const undo = tray.remove(b);
		expect(names(tray)).toEqual(['c', 'a']);
		undo();
		expect(names(tray)).toEqual(['b', 'c', 'a']);
	});
});
