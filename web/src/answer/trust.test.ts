import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, pieces, type Piece } from './trust';

const whole = (text: string, probability: number): Piece[] => [
	{ start: 0, end: text.length, logprob: Math.log(probability) }
];
const marked = (text: string, all: Piece[]) =>
	judge(text, all).map((j) => [text.slice(j.start, j.end), j.trust]);

describe('judge', () => {
	it('marks a string by the product of its tokens', () => {
		const tokens = [
			{ text: 'The code is ', logprob: -3 },
			{ text: 'E1', logprob: Math.log(0.9) },
			{ text: '02', logprob: Math.log(0.8) },
			{ text: '.', logprob: -3 }
		];
		const text = tokens.map((t) => t.text).join('');
		expect(marked(text, pieces(text, tokens, 0))).toEqual([['E102', 'check']]);
	});

	it('leaves words without digits and sure strings plain', () => {
		const text = 'The WAN light is off, model AX73.';
		expect(marked(text, whole('', 1))).toEqual([]);
		expect(marked('WAN', whole('WAN', 0.1))).toEqual([]);
		expect(marked('AX73', whole('AX73', 0.99))).toEqual([]);
	});

	it('sees a code inside Chinese without spaces', () => {
		const text = '错误码是E102。';
		expect(marked(text, whole(text, 0.3))).toEqual([['E102', 'doubt']]);
	});

	it('takes a date or a capacity as one string', () => {
		const text = '2024.03-15 and 10.4L';
		expect(marked(text, whole(text, 0.1)).map(([s]) => s)).toEqual(['2024.03-15', '10.4L']);
	});

	it.each(['1. first\n2. second', 'https://example.org/a1', '[link](/x/12)', '&#39;'])(
		'does not judge %s',
		(text) => expect(marked(text, whole(text, 0.1))).toEqual([])
	);
});

describe('pieces', () => {
	it('gives the text of a split character to the tokens that make it', () => {
		const tokens = [
			{ text: '\uFFFD', logprob: -1 },
			{ text: '\uFFFD', logprob: -2 },
			{ text: '亮', logprob: -0.5 }
		];
		expect(pieces('灯亮', tokens, 10)).toEqual([{ start: 10, end: 12, logprob: -3.5 }]);
	});

	it('covers the text exactly once when tokens spell it', () => {
		fc.assert(
			fc.property(fc.array(fc.string({ minLength: 1 })), (words) => {
				const tokens = words.map((text) => ({ text, logprob: -0.1 }));
				const found = pieces(words.join(''), tokens, 0);
				let at = 0;
				for (const piece of found) {
					expect(piece.start).toBe(at);
					at = piece.end;
				}
				expect(at).toBe(words.join('').length);
			})
		);
	});
});
