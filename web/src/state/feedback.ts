/** What a person thinks of an answer: shown at once, put back where the server refuses. */
import { sendFeedback } from '../api/conversations';
import type { Feedback } from '../api/types';
import type { Answer } from './answer.svelte';

/** Sends what changes and nothing else: the rest may have been changed on another page. */
export async function judge(answer: Answer, change: Partial<Feedback>): Promise<void> {
	if (answer.id === undefined) return;
	const before = answer.feedback;
	answer.feedback = { ...before, ...change };
	try {
		answer.feedback = await sendFeedback(answer.id, change);
	} catch (error) {
		answer.feedback = before;
		throw error;
	}
}
