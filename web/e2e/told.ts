/** What the desk tells while it answers, for tests that answer in its place. */

/** One event, as it stands in the stream. */
export interface Told {
	type: string;
	[field: string]: unknown;
}

export const sse = (events: Told[]) =>
	events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

/** A question has been stored. */
export const asked = (conversation: string, title: string): Told => ({
	type: 'asked',
	conversation,
	round: `round-${conversation}`,
	answer: `answer-${conversation}`,
	title,
	remembered_rounds: 0,
	dropped_rounds: 0,
	dropped_pictures: []
});

export const delta = (text: string): Told => ({ type: 'delta', text, tokens: [] });

/** An answer is over. */
export const done = (finish_reason: 'stop' | 'length'): Told => ({
	type: 'done',
	finish_reason,
	usage: { prompt_tokens: 9, image_tokens: 4, cached_tokens: 0, completion_tokens: 4 },
	timings: {
		image_ms: 1,
		vision_ms: 1,
		prefill_ms: 1,
		ttft_ms: 3,
		decode_ms: 9,
		decode_tokens_per_s: 9
	}
});

/** The conversation that the address of a question names. */
export const conversationOf = (url: string) => /conversations\/([^/?]+)/.exec(url)?.[1] ?? '';
