import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { UploadedPicture } from '../api/types';
import { DeskPicture } from './picture.svelte';

const facts = vi.hoisted(() => vi.fn());
vi.mock('../api/client', () => ({ fetchPictureFacts: facts, pictureUrl: (id: string) => id }));

const stored: UploadedPicture = {
	id: 'p1',
	width: 9,
	height: 9,
	bytes: 9,
	tokens: 1000,
	media_type: 'image/png'
};

beforeEach(() => {
	facts.mockReset();
});

describe('what a picture costs', () => {
	it('follows the detail asked for, and is asked only where it can differ', async () => {
		facts.mockResolvedValue({ ...stored, tokens: 250 });
		const picture = DeskPicture.fromStored(stored);
		await picture.weigh(256);
		expect(facts).toHaveBeenCalledExactlyOnceWith('p1', 256);
		expect(picture.tokens).toBe(250);
		await picture.weigh(1024);
		await picture.weigh(undefined);
		expect(facts).toHaveBeenCalledOnce();
		expect(picture.tokens).toBe(1000);
	});

	it('is that of the newest wish, whichever reply comes last', async () => {
		let late: (facts: UploadedPicture) => void = () => undefined;
		facts.mockReturnValueOnce(new Promise((resolve) => (late = resolve)));
		facts.mockResolvedValueOnce({ ...stored, tokens: 120 });
		const picture = DeskPicture.fromStored(stored);
		const first = picture.weigh(512);
		await picture.weigh(128);
		late({ ...stored, tokens: 500 });
		await first;
		expect(picture.tokens).toBe(120);
	});

	it('is not said where the server does not say it; a reload still knows the whole', async () => {
		facts.mockRejectedValue(new TypeError('offline'));
		const picture = DeskPicture.fromStored(stored);
		await picture.weigh(256);
		expect(picture.tokens).toBeUndefined();
		expect(picture.held?.tokens).toBe(1000);
	});
});
