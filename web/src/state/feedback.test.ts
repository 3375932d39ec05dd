import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { Feedback, StoredAnswer } from '../api/types';
import { Answer } from './answer.svelte';
import { judge } from './feedback';

const send = vi.hoisted(() => vi.fn());
vi.mock('../api/conversations', () => ({ sendFeedback: send }));

const nothing: Feedback = { thumb: null, correction: null };
const kept = (feedback: Feedback) =>
	({ id: 'a', state: 'done', text: '', marks: [], evidence: [], readings: [], feedback }) as never;
const answer = (feedback = nothing) => Answer.fromStored(kept(feedback) as StoredAnswer);

/** The desk, with what others have said there; replies come when they are let go. */
function desk(there: Feedback) {
	const replies: (() => void)[] = [];
	send.mockImplementation((_id: string, change: Partial<Feedback>) => {
		Object.assign(there, change);
		const now = { ...there };
		return new Promise((done) => replies.push(() => done(now)));
	});
	return { replies };
}

beforeEach(() => void send.mockReset());

describe('what a person thinks of an answer', () => {
	it('sends only what it changes, and takes over what others have said meanwhile', async () => {
		const { replies } = desk({ thumb: null, correction: 'E107' });
		const mine = answer();
		const judging = judge(mine, { thumb: 'up' });
		expect(mine.feedback).toEqual({ thumb: 'up', correction: null });
		await vi.waitFor(() => expect(replies).toHaveLength(1));
		replies[0]?.();
		await judging;
		expect(send).toHaveBeenCalledExactlyOnceWith('a', { thumb: 'up' });
		expect(mine.feedback).toEqual({ thumb: 'up', correction: 'E107' });
	});

	it('said twice quickly ends as it was said last, one after the other', async () => {
		const { replies } = desk({ ...nothing });
		const mine = answer();
		const both = Promise.all([judge(mine, { thumb: 'up' }), judge(mine, { thumb: 'down' })]);
		expect(mine.feedback.thumb).toBe('down');
		await vi.waitFor(() => expect(replies).toHaveLength(1));
		replies[0]?.();
		await vi.waitFor(() => expect(replies).toHaveLength(2));
		expect(mine.feedback.thumb).toBe('down');
		replies[1]?.();
		await both;
		expect(mine.feedback.thumb).toBe('down');
	});

	it('that is refused takes back itself and nothing else', async () => {
		const { replies } = desk({ ...nothing });
		const mine = answer();
		send.mockRejectedValueOnce(new Problem('field_out_of_range'));
		const long = judge(mine, { correction: 'x'.repeat(5000) });
		const thumb = judge(mine, { thumb: 'up' });
		await expect(long).rejects.toThrow(Problem);
		await vi.waitFor(() => expect(replies).toHaveLength(1));
		expect(mine.feedback).toEqual({ thumb: 'up', correction: null });
		replies[0]?.();
		await thumb;
		expect(mine.feedback).toEqual({ thumb: 'up', correction: null });
	});

	it('stays as it was said while the conversation is read again', async () => {
		const { replies } = desk({ ...nothing });
		const mine = answer();
		const judging = judge(mine, { thumb: 'up' });
		mine.adopt(kept({ thumb: null, correction: 'by somebody else' }));
		expect(mine.feedback).toEqual({ thumb: 'up', correction: 'by somebody else' });
		await vi.waitFor(() => expect(replies).toHaveLength(1));
		replies[0]?.();
		await judging;
	});
});
