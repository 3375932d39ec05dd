/**
 * An answer's Markdown as clean HTML, in blocks, with the strings to compare marked.
 *
 * What a model writes is outside text. HTML in it is words to be read ("press <POWER>"), all but a line
 * break; what Markdown makes of the rest is cleaned once more, so that scripts, styles, forms, frames and
 * pictures never pass. A link opens away from the desk without telling it where from. Blocks are top-level Markdown pieces:
 * while words stream only the last one changes, so what was read stays still.
 *
 * Readings come before syntax: "120*60*30 mm", "220~240V 50~60Hz" and "[E102]: overheated" are what a label says, not
 * emphasis, deletion or the definition of a link. Where Markdown would change or hide such a string, it does not apply.
 */
import DOMPurify from 'dompurify';
import { Marked } from 'marked';
import type { TextMark } from '../api/types';

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

const escaped: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string) => text.replace(/[&<>"]/g, (sign) => escaped[sign] ?? sign);

const wordCharacter = /[\p{L}\p{N}]/u;

const marked = new Marked({
	gfm: true,
	breaks: true,
	tokenizer: {
		// "[E102]: overheated" would vanish as the definition of a link.
		def: () => undefined,
		// One tilde is a range; two delete.
		del(src) {
			return /^~~(?!~)/.test(src) ? false : undefined;
		},
		// A star between two characters of words multiplies.
		emStrong(src, _masked, before) {
			const stars = /^\*+/.exec(src)?.[0] ?? '';
			const after = src.charAt(stars.length);
			const isInside =
				stars === '*' && wordCharacter.test(before ?? '') && wordCharacter.test(after);
			return isInside ? undefined : false;
		}
	},
	renderer: {
		checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
		// Pictures never pass; what they are called does.
		image: ({ text }) => escape(text),
		html({ text, block }) {
			if (/^<br\s*\/?>\s*$/i.test(text)) return '<br>';
			return block ? `<p>${escape(text.trim())}</p>` : escape(text);
		}
	}
});

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

function render(markdown: string, marks: TextMark[], wording: Wording): string {
	const html = marked.parse(markdown, { async: false });
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

/** What earlier calls for the same answer rendered; most blocks do not change while words stream. */
export type Rendered = Map<string, string>;

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
	rendered: Rendered = new Map()
): string[] {
	const marks = shownMarks(text, all);
	const worded = marks.map((mark) => ({ ...wording(mark), ...mark }));
	return marked
		.lexer(withMarks(text, marks))
		.filter((token) => token.type !== 'space')
		.map((token) => {
			const within = Array.from(
				token.raw.matchAll(reserved),
				([sign]) => sign.charCodeAt(0) - open
			);
			const key = token.raw + JSON.stringify(within.map((index) => worded[index] ?? null));
			const html = rendered.get(key) ?? render(token.raw, marks, wording);
			rendered.set(key, html);
			return html;
		});
}
