/**
 * What is said beside a marked string: on the page, aloud, and in a copy that leaves it. Whoever gets the
 * words elsewhere must learn as well which string was in doubt.
 */
import type { Reading, TextMark } from '../api/types';
import type { Messages } from '../i18n/en';
import { blocks, shownMarks, type Wording } from './markdown';

/** An answer's words, and what is known about the strings in them. */
export interface Said {
	text: string;
	marks: TextMark[];
	readings: Reading[];
}

/**
 * The newest closer look at a marked string. The same string may stand in an answer more than once: a look
 * whose place is not known belongs to a string only where no other says the same.
 */
export function readingOf({ text, marks, readings }: Said, mark: TextMark) {
	const wordsOf = ({ start, end }: TextMark) => text.slice(start, end);
	const was = wordsOf(mark);
	const isOnly = marks.filter((other) => wordsOf(other) === was).length === 1;
	return readings.findLast(
		(reading) =>
			reading.was === was && (reading.start === null ? isOnly : reading.start === mark.start)
	);
}

/** The other reading, where it is a string and no sentence about one. */
function second({ agrees, text, was }: Reading): string | undefined {
	const isString = text !== '' && text.length <= was.length + 6 && !/[。！？!?]/.test(text);
	return !agrees && isString ? text : undefined;
}

export function wordingOf(said: Said, { marks: t, closer }: Messages): Wording {
	return (mark) => {
		const reading = readingOf(said, mark);
		const isDoubtful = reading ? !reading.agrees : mark.certainty === 'doubtful';
		if (!reading) {
			return { word: isDoubtful ? t.pleaseCheck : t.check, isWordShown: isDoubtful, isDoubtful };
		}
		const other = second(reading);
		// The other reading stands beside the string where it is one; a sentence stands below.
		const differs = other === undefined ? closer.differsPlain : closer.differsShort(other);
		const word = reading.agrees ? closer.agreesShort : differs;
		return { word, isWordShown: true, isDoubtful };
	};
}

/** The answer as it is copied: its Markdown, with a word after each string in doubt. */
export function copied(said: Said, { marks: t }: Messages): string {
	const { text } = said;
	let out = '';
	let at = 0;
	for (const mark of shownMarks(text, said.marks)) {
		const reading = readingOf(said, mark);
		if (reading ? reading.agrees : mark.certainty !== 'doubtful') continue;
		const other = reading && second(reading);
		out += text.slice(at, mark.end);
		out += other === undefined ? t.copied : t.copiedOr(other);
		at = mark.end;
	}
	return out + text.slice(at);
}

/** The answer as it is read out: no Markdown, and what a reader sees beside the strings. */
export function spoken(said: Said, words: Messages): string {
	const template = document.createElement('template');
	return blocks(said.text, said.marks, wordingOf(said, words))
		.map((html) => {
			template.innerHTML = html;
			template.content.querySelectorAll('[aria-hidden]').forEach((sign) => sign.remove());
			template.content.querySelectorAll('br').forEach((line) => line.replaceWith('\n'));
			return (template.content.textContent ?? '').trim();
		})
		.join('\n');
}
