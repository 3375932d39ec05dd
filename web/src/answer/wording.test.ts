import { describe, expect, it } from 'vitest';
import type { Reading, TextMark } from '../api/types';
import { en } from '../i18n/en';
import { zh } from '../i18n/zh';
import { copied, readingOf, spoken, wordingOf, type Said } from './wording';

/** Strings between ~ are to check, those between ! in doubt. */
function said(written: string, readings: Partial<Reading>[] = []): Said {
	const marks: TextMark[] = [];
	let text = '';
	for (const [index, part] of written.split(/([~!])/).entries()) {
		if (index % 2 === 0) text += part;
		else {
			const certainty = part === '!' ? 'doubtful' : 'check';
			const open = marks.at(-1);
			if (open?.end === -1) open.end = text.length;
			else marks.push({ start: text.length, end: -1, certainty, probability: 0.4 });
		}
	}
	const placed = readings.map((reading) => ({ start: null, ...reading }));
	return { text, marks, readings: placed as Reading[] };
}

describe('a copied answer', () => {
	it('says which string is in doubt, in the language of the page', () => {
		const answer = said('Model ~AX73~, code !E1O2!.');
		expect(copied(answer, en)).toBe('Model AX73, code E1O2 (please check).');
		expect(copied(answer, zh)).toBe('Model AX73, code E1O2（请核对）.');
	});

	it('keeps its Markdown, and a string in doubt twice is said twice', () => {
		expect(copied(said('- **!E1O2!**\n- `!E1O2!`'), en)).toBe(
			'- **E1O2 (please check)**\n- `E1O2 (please check)`'
		);
	});

	it('tells what a closer look read instead, and nothing more where both agree', () => {
		const differs = { id: 'x', was: 'E1O2', text: 'E102', agrees: false };
		expect(copied(said('!E1O2!', [differs]), en)).toBe('E1O2 (please check: or E102?)');
		expect(copied(said('~E1O2~', [differs]), zh)).toBe('E1O2（请核对，或为 E102）');
		expect(copied(said('!E1O2!', [{ ...differs, agrees: true }]), en)).toBe('E1O2');
		expect(copied(said('!E1O2!', [{ ...differs, text: '' }]), en)).toBe('E1O2 (please check)');
	});

	it('that is certain is copied to the letter', () => {
		expect(copied(said('120*60*30 mm'), zh)).toBe('120*60*30 mm');
	});
});

describe('an answer read out', () => {
	it('says what a reader sees beside the strings, and no Markdown', () => {
		const answer = said('The **code** is !E1O2!, the model ~AX73~.\n\n- one\n- two');
		expect(spoken(answer, en)).toBe(
			'The code is E1O2 please check, the model AX73 check.\none\ntwo'
		);
		expect(spoken(answer, zh)).toContain('E1O2 请核对');
	});
});

describe('a closer look at a string that stands in the answer more than once', () => {
	const reading = { id: 'x', was: '12', text: '72', agrees: false };
	const answer = said('!12! V, !12! A', [{ ...reading, start: 6 }]);

	it('belongs to the place it was taken at', () => {
		expect(answer.marks.map((mark) => readingOf(answer, mark)?.text)).toEqual([undefined, '72']);
		expect(answer.marks.map((mark) => wordingOf(answer, en)(mark).word)).toEqual([
			'please check',
			'or 72?'
		]);
		expect(copied(answer, en)).toBe('12 (please check) V, 12 (please check: or 72?) A');
	});

	it('is at neither where its place is not known, and at the only one where there is one', () => {
		const unknown = said('!12! V, !12! A', [reading]);
		expect(unknown.marks.map((mark) => readingOf(unknown, mark))).toEqual([undefined, undefined]);
		const once = said('!12! V', [reading]);
		expect(once.marks.map((mark) => readingOf(once, mark)?.text)).toEqual(['72']);
	});
});
