/**
 * What a person thinks of an answer: shown at once, taken back where the server refuses. Only what changes is
 * sent, one change after the other: somebody else may say something else of the same answer.
 */
import { sendFeedback } from '../api/conversations';
import type { Feedback } from '../api/types';
import type { Answer } from './answer.svelte';

/** The last change of each answer that is on its way. */
const turns = new WeakMap<Answer, Promise<unknown>>();

export async function judge(answer: Answer, change: Partial<Feedback>): Promise<void> {
	const { id } = answer;
	if (id === undefined) return;
	const settle = answer.judged(change);
	const before = turns.get(answer);
	const sending = (before ?? Promise.resolve())
		.catch(() => undefined)
		.then(() => sendFeedback(id, change));
	turns.set(answer, sending);
	try {
		settle(await sending);
	} catch (error) {
		settle();
		throw error;
	}
}
