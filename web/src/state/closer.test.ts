import { describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { Reading } from '../api/types';
import { Answer } from './answer.svelte';
import { Closer, type Look } from './closer.svelte';
import { DeskPicture } from './picture.svelte';

const reading = { id: 'x', was: 'E102', text: 'E107', agrees: false } as Reading;
const facts = { id: 'p1', width: 9, height: 9, bytes: 9, tokens: 4, media_type: 'image/png' };

function looked() {
	const lookCloser = vi.fn();
	const closer = new Closer({ lookCloser });
	const answer = new Answer();
	answer.id = 'a';
	const look: Look = { answer, start: 0, was: 'E102', picture: DeskPicture.fromStored(facts) };
	return { lookCloser, closer, answer, look };
}

describe('a closer look', () => {
	it('asks the model for the place first, and keeps what was read', async () => {
		const { lookCloser, closer, answer, look } = looked();
		lookCloser.mockResolvedValue(reading);
		expect(await closer.byModel(look)).toEqual(reading);
		expect(lookCloser.mock.calls[0]?.slice(0, 2)).toEqual([
			'a',
			{ picture: 'p1', box: null, was: 'E102', start: 0 }
		]);
		expect(answer.readings).toEqual([reading]);
		expect(closer.step).toBeUndefined();
	});

	it('lets a person draw where the model cannot tell', async () => {
		const { lookCloser, closer, answer, look } = looked();
		lookCloser.mockRejectedValueOnce(new Problem('no_place')).mockResolvedValueOnce(reading);
		await closer.byModel(look);
		expect(closer.isDrawnOn(look.picture)).toBe(true);
		await closer.drawn([1, 2, 3, 4]);
		expect(lookCloser.mock.calls[1]?.[1]).toEqual({
			picture: 'p1',
			box: [1, 2, 3, 4],
			was: 'E102',
			start: 0
		});
		expect(answer.readings).toEqual([reading]);
	});

	it('follows the person to another picture', () => {
		const { closer, look } = looked();
		const other = DeskPicture.fromStored({ ...facts, id: 'p2' });
		closer.byHand(look);
		closer.turnTo(other);
		expect(closer.isDrawnOn(look.picture)).toBe(false);
		expect(closer.isDrawnOn(other)).toBe(true);
	});

	it('says that it failed, and can be left', async () => {
		const { lookCloser, closer, look } = looked();
		lookCloser.mockRejectedValue(new TypeError('gone'));
		await closer.byModel(look);
		expect(closer.step).toMatchObject({ kind: 'failed', problem: { code: 'unreachable' } });
		closer.cancel();
		expect(closer.look).toBeUndefined();
	});
});
