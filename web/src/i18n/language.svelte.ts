/**
 * The language of the page: the browser's until the user chooses one. The choice is a cookie, for the page that asks
 * for a key is written by the server and speaks the same language.
 */
import { en, type Messages } from './en';
import { zh } from './zh';

export type Code = 'en' | 'zh';

export const names: Record<Code, string> = { zh: '中文', en: 'English' };

const catalogues: Record<Code, Messages> = { en, zh };
const isCode = (value: unknown): value is Code => value === 'en' || value === 'zh';

/** The first of the browser's languages that the page speaks. */
export function preferred(languages: readonly string[]): Code {
	for (const tag of languages) {
		const primary = tag.toLowerCase().split('-')[0];
		if (isCode(primary)) return primary;
	}
	return 'en';
}

const cookie = 'lookdesk_language';
const yearSeconds = 365 * 24 * 60 * 60;

function recall(): Code | undefined {
	try {
		const pairs = document.cookie.split('; ').map((pair) => pair.split('='));
		const kept = pairs.find(([name]) => name === cookie)?.[1];
		return isCode(kept) ? kept : undefined;
	} catch {
		// The browser forbids cookies.
		return undefined;
	}
}

function keep(code: Code): void {
	try {
		document.cookie = `${cookie}=${code}; Path=/; Max-Age=${yearSeconds}; SameSite=Lax`;
	} catch {
		// It is chosen anew next time.
	}
}

class Language {
	#chosen = $state(recall());

	get code(): Code {
		return this.#chosen ?? preferred(navigator.languages);
	}

	set code(code: Code) {
		this.#chosen = code;
		keep(code);
	}

	/** For `lang` attributes and `Intl`. */
	get tag(): string {
		return this.code === 'zh' ? 'zh-CN' : 'en';
	}

	get words(): Messages {
		return catalogues[this.code];
	}
}

export const language = new Language();
