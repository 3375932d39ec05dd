/**
 * The Markdown of an answer: GitHub's, bent where a reading would be changed or hidden, and of bounded depth.
 *
 * Readings come before syntax: "120*60*30 mm", "220~240V 50~60Hz" and "[E102]: overheated" are what a label says, not
 * emphasis, deletion or the definition of a link. Where Markdown would change or hide such a string, it does not apply.
 *
 * Knows nothing of marks, and cleans nothing: what it makes of a text is outside HTML still.
 */
import { Marked, Tokenizer, type Tokens } from 'marked';

/** Quotes, lists and emphasis within one another; beyond it their signs are words. Each level takes room on the stack. */
const deepest = 24;
/** How far the second sign of an emphasis is looked for: to the end, each of many first signs would cost the whole text. */
const reach = 2000;

const escaped: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escape = (text: string) => text.replace(/[&<>"]/g, (sign) => escaped[sign] ?? sign);

const wordCharacter = /[\p{L}\p{N}]/u;

/** The part in reach; `masked` is the whole line of which `src` is the rest. */
const within = (src: string, masked: string) => masked.slice(-src.length).slice(0, reach);

class AnswerTokenizer extends Tokenizer<string, string> {
	#depth = 0;

	/** One level further down, where there is one left. */
	#deeper<Token>(read: () => Token | undefined): Token | undefined {
		if (this.#depth >= deepest) return undefined;
		this.#depth++;
		try {
			return read();
		} finally {
			this.#depth--;
		}
	}

	override blockquote(src: string): Tokens.Blockquote | undefined {
		return this.#deeper(() => super.blockquote(src));
	}

	override list(src: string): Tokens.List | undefined {
		return this.#deeper(() => super.list(src));
	}

	/** "[E102]: overheated" would vanish as the definition of a link. */
	override def(): undefined {
		return undefined;
	}

	override link(src: string): Tokens.Link | Tokens.Image | undefined {
		return this.#deeper(() => super.link(src));
	}

	/** One tilde is a range; two delete. */
	override del(src: string, masked: string, before = ''): Tokens.Del | undefined {
		if (!/^~~(?!~)/.test(src)) return undefined;
		return this.#deeper(() => super.del(src.slice(0, reach), within(src, masked), before));
	}

	/** A star between two characters of words multiplies. */
	override emStrong(
		src: string,
		masked: string,
		before = ''
	): Tokens.Em | Tokens.Strong | undefined {
		const stars = /^\*+/.exec(src)?.[0] ?? '';
		const after = src.charAt(stars.length);
		if (stars === '*' && wordCharacter.test(before) && wordCharacter.test(after)) return undefined;
		return this.#deeper(() => super.emStrong(src.slice(0, reach), within(src, masked), before));
	}
}

export const markdown = new Marked({
	gfm: true,
	breaks: true,
	renderer: {
		checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
		// Pictures never pass; what they are called does.
		image: ({ text }) => escape(text),
		html({ text, block }) {
			if (/^<br\s*\/?>\s*$/i.test(text)) return '<br>';
			return block ? `<p>${escape(text.trim())}</p>` : escape(text);
		}
	}
}).setOptions({ tokenizer: new AnswerTokenizer() });
