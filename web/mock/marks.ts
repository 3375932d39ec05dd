/** Marks as the real desk makes them: strings with a digit, as sure as their tokens together. */
import type { Certainty, TextMark, Token } from '../src/api/types.ts';

const exact = /[A-Za-z0-9]+(?:[.\-/:,+][A-Za-z0-9]+)*/g;

const certaintyOf = (probability: number): Certainty =>
	probability < 0.5 ? 'doubtful' : probability < 0.85 ? 'check' : 'certain';

/** `tokens`: those that made `text`, in order. */
export function marksOf(text: string, tokens: Token[]): TextMark[] {
	return [...text.matchAll(exact)]
		.filter(([word]) => /\d/.test(word))
		.map((match) => {
			const start = match.index;
			const end = start + match[0].length;
			let at = 0;
			let logprob = 0;
			for (const token of tokens) {
				if (at < end && at + token.text.length > start) logprob += token.logprob;
				at += token.text.length;
			}
			const probability = Math.exp(logprob);
			return { start, end, probability, certainty: certaintyOf(probability) };
		});
}
