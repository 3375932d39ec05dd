/**
 * Which strings of an answer should be compared with the picture.
 *
 * Only strings that must be right to the character are judged: those with a digit (model numbers,
 * capacities, dates, error codes). A string is as sure as the product of its tokens' probabilities.
 */
import type { Token } from '../api/types';

export type Trust = 'sure' | 'check' | 'doubt';

/** Below the first a string is marked "check", below the second "please check". */
export const limits = { check: 0.85, doubt: 0.5 };

/** The piece of an answer from `start` to `end` (UTF-16) that one token, or several, stand behind. */
export interface Piece {
	start: number;
	end: number;
	logprob: number;
}

export interface Judged {
	start: number;
	end: number;
	probability: number;
	trust: Trust;
}

/** Letters and digits, held together by the signs that model numbers, dates and versions use. */
const string = /[A-Za-z0-9]+(?:[.\-/:,+][A-Za-z0-9]+)*/g;
/** Where digits are not a reading: addresses, link targets, entities, the numbers of a list. */
const elsewhere = /[a-z][a-z+.-]*:\/\/\S*|\]\([^)]*\)|&#?\w+;|^[ \t]*\d+[.)](?=\s)/gim;

/**
 * Where each token stands in `text`, the text of the same delta. A token that is part of a character
 * shows as U+FFFD and finds its place with the next one that is whole.
 */
export function pieces(text: string, tokens: Token[], offset: number): Piece[] {
	const found: Piece[] = [];
	let at = 0;
	let pending = 0;
	for (const token of tokens) {
		const logprob = token.logprob + pending;
		const place = token.text === '' ? -1 : text.indexOf(token.text, at);
		if (place < 0) {
			pending = logprob;
			continue;
		}
		const end = place + token.text.length;
		// What lies between belongs to the tokens that could not be placed.
		found.push({ start: offset + (pending < 0 ? at : place), end: offset + end, logprob });
		at = end;
		pending = 0;
	}
	if (pending < 0 && at < text.length) {
		found.push({ start: offset + at, end: offset + text.length, logprob: pending });
	}
	return found;
}

export function trustOf(probability: number): Trust {
	if (probability < limits.doubt) return 'doubt';
	return probability < limits.check ? 'check' : 'sure';
}

/** The strings of `text` that are not sure. `all`: the pieces of the whole answer, in order. */
export function judge(text: string, all: Piece[]): Judged[] {
	const skipped = [...text.matchAll(elsewhere)].map(
		(m) => [m.index, m.index + m[0].length] as const
	);
	const judged: Judged[] = [];
	let first = 0;
	for (const match of text.matchAll(string)) {
		const start = match.index;
		const end = start + match[0].length;
		if (!/\d/.test(match[0]) || skipped.some(([from, to]) => start < to && end > from)) continue;
		while (first < all.length && (all[first] as Piece).end <= start) first++;
		let logprob = 0;
		for (let i = first; i < all.length && (all[i] as Piece).start < end; i++) {
			logprob += (all[i] as Piece).logprob;
		}
		const probability = Math.exp(Math.min(0, logprob));
		const trust = trustOf(probability);
		if (trust !== 'sure') judged.push({ start, end, probability, trust });
	}
	return judged;
}
