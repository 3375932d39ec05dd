/**
 * An answer's Markdown as clean HTML, in blocks, with the strings to compare marked.
 *
 * What a model writes is outside text. HTML in it is words to be read ("press <POWER>"), all but a line
 * break; what Markdown makes of the rest is cleaned once more, so that scripts, styles, forms, frames and
 * pictures never pass. A link opens away from the desk without telling it where from. Blocks are top-level Markdown pieces:
 * while words stream only the last one changes, so what was read stays still.
 *
 * Whatever the text is, it is shown: what Markdown cannot take is plain words.
 */
import DOMPurify from 'dompurify';
import type { TextMark } from '../api/types';
import { escape, markdown } from './syntax';

/** What stands beside a marked string, in the reader's language. */
export type Wording = (mark: TextMark) => {
	word: string;
	isWordShown: boolean;
	/** Whoever copies the words by hand takes the note along. */
	isDoubtful: boolean;
};

// Private-use characters carry the marks through Markdown: they are no syntax, and no font shows them.
const open = 0xe000;
const close = '\uF8FE';
const maxMarks = 0xf8fd - open;
const reserved = /[\uE000-\uF8FF]/g;
/** The same characters as an address spells them: UTF-8 EE 80 80 to EF A3 BF. */
const reservedInAddress = /%(?:EE%[89AB][\dA-F]|EF%(?:[89][\dA-F]|A[0-3]))%[89AB][\dA-F]/gi;

const purify = DOMPurify();
purify.addHook('afterSanitizeAttributes', (node) => {
	if (node.nodeName !== 'A') return;
	node.setAttribute('rel', 'noopener noreferrer nofollow');
	node.setAttribute('target', '_blank');
});

const clean = {
	ALLOWED_TAGS: [
		...['p', 'br', 'hr', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'a'],
		...['ul', 'ol', 'li', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'],
		...['table', 'thead', 'tbody', 'tr', 'th', 'td']
	],
	ALLOWED_ATTR: ['href', 'start', 'align'],
	// Numbers and words, no addresses: the pattern below is not for them.
	ADD_URI_SAFE_ATTR: ['start', 'align'],
	ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
	ALLOW_DATA_ATTR: false,
	ALLOW_ARIA_ATTR: false
};

/** `text` with a mark around each marked string. Characters the marks use are taken out of the text first. */
function withMarks(text: string, marks: TextMark[]): string {
	const safe = text.replace(reserved, '\uFFFD');
	let out = '';
	let at = 0;
	marks.slice(0, maxMarks).forEach((mark, index) => {
		out += safe.slice(at, mark.start) + String.fromCharCode(open + index);
		out += safe.slice(mark.start, mark.end) + close;
		at = mark.end;
	});
	return out + safe.slice(at);
}

/** A marked string as something to press; inside a link, where nothing else may be pressed, as words only. */
function markedElement(text: Text, words: string, mark: TextMark, wording: Wording): Element {
	const owner = text.ownerDocument;
	const { word, isWordShown, isDoubtful } = wording(mark);
	const element = owner.createElement('span');
	element.className = `mark ${mark.certainty}`;
	element.dataset['mark'] = String(mark.start);
	if (!text.parentElement?.closest('a')) {
		element.setAttribute('role', 'button');
		element.setAttribute('aria-haspopup', 'dialog');
		element.tabIndex = 0;
	}
	element.append(words);
	const note = owner.createElement(isWordShown ? 'small' : 'sup');
	note.className = isDoubtful ? 'mark-note taken' : 'mark-note';
	// The space is not seen, but heard.
	note.textContent = isWordShown ? ` ${word}` : '?';
	element.append(note);
	if (!isWordShown) {
		note.setAttribute('aria-hidden', 'true');
		const spoken = owner.createElement('span');
		spoken.className = 'visually-hidden';
		spoken.textContent = ` ${word}`;
		element.append(spoken);
	}
	return element;
}

/** Turns the marks inside one text node into elements. A mark without its end is dropped. */
function resolve(node: Text, marks: TextMark[], wording: Wording): void {
	const owner = node.ownerDocument;
	const parts = node.data.split(/([\uE000-\uF8FD][^\uE000-\uF8FE]*\uF8FE)/);
	const nodes = parts.map((part) => {
		const which = marks[part.charCodeAt(0) - open];
		const isMark = part.endsWith(close) && which !== undefined;
		const text = part.replace(reserved, '');
		return isMark ? markedElement(node, text, which, wording) : owner.createTextNode(text);
	});
	node.replaceWith(...nodes);
}

/** Words as they are, line by line. */
const plain = (text: string) => `<p>${escape(text.trim()).replaceAll('\n', '<br>')}</p>`;

function toHtml(text: string): string {
	try {
		return markdown.parse(text, { async: false });
	} catch {
		return plain(text);
	}
}

function render(text: string, marks: TextMark[], wording: Wording): string {
	const html = toHtml(text);
	const fragment = purify.sanitize(html, { ...clean, RETURN_DOM_FRAGMENT: true });
	const owner = fragment.ownerDocument;
	const walker = owner.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
	const texts: Text[] = [];
	while (walker.nextNode()) texts.push(walker.currentNode as Text);
	for (const text of texts) if (text.data.search(reserved) >= 0) resolve(text, marks, wording);
	for (const link of fragment.querySelectorAll('a')) {
		const href = link.getAttribute('href');
		// Without its address it would open the desk itself.
		if (href === null) link.replaceWith(...link.childNodes);
		else link.setAttribute('href', href.replace(reservedInAddress, ''));
	}
	// What scrolls sideways must be reachable by keyboard.
	for (const wide of fragment.querySelectorAll('pre')) wide.setAttribute('tabindex', '0');
	const holder = owner.createElement('div');
	holder.append(fragment);
	return holder.innerHTML;
}

/** A block as it stands in the text; blank lines between blocks are pieces too. */
interface Piece {
	raw: string;
	isBlank: boolean;
}

/** What the last call for the same answer made of it. While words stream only the end is looked at again. */
export class Rendered {
	pieces: readonly Piece[] = [];
	html: ReadonlyMap<string, string> = new Map();
}

function split(source: string): Piece[] {
	try {
		return markdown.lexer(source).map(({ type, raw }) => ({ raw, isBlank: type === 'space' }));
	} catch {
		return [{ raw: source, isBlank: source.trim() === '' }];
	}
}

/** The pieces of a text that goes on where an earlier one ended. */
function goOn(source: string, earlier: readonly Piece[]): readonly Piece[] {
	// A line that goes on may turn out to belong to the block before it; what stands before that one stays.
	const last = earlier.findLastIndex(({ isBlank }) => !isBlank);
	const before = earlier.findLastIndex(({ isBlank }, at) => !isBlank && at < last);
	const still = earlier.slice(0, Math.max(0, before));
	const known = still.map(({ raw }) => raw).join('');
	if (known === '' || !source.startsWith(known)) return split(source);
	return [...still, ...split(source.slice(known.length))];
}

/** Those that are shown as marked, in order. What overlaps, or lies outside the text, is left out. */
export function shownMarks(text: string, marks: TextMark[]): TextMark[] {
	let at = 0;
	return marks
		.filter(({ certainty }) => certainty !== 'certain')
		.toSorted((a, b) => a.start - b.start)
		.filter(({ start, end }) => {
			const isFit = start >= at && end > start && end <= text.length;
			if (isFit) at = end;
			return isFit;
		});
}

/** The blocks of an answer as HTML, safe to set. */
export function blocks(
	text: string,
	all: TextMark[],
	wording: Wording,
	rendered = new Rendered()
): string[] {
	const marks = shownMarks(text, all);
	const worded = marks.map((mark) => ({ ...wording(mark), ...mark }));
	const source = withMarks(text, marks).replace(/\r\n?/g, '\n');
	const html = new Map<string, string>();
	rendered.pieces = goOn(source, rendered.pieces);
	const shown = rendered.pieces
		.filter(({ isBlank }) => !isBlank)
		.map(({ raw }) => {
			const within = Array.from(raw.matchAll(reserved), ([sign]) => sign.charCodeAt(0) - open);
			const key = raw + JSON.stringify(within.map((index) => worded[index] ?? null));
			const block = html.get(key) ?? rendered.html.get(key) ?? render(raw, marks, wording);
			html.set(key, block);
			return block;
		});
	rendered.html = html;
	return shown;
}
