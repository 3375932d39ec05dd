/** The language of the page: the browser's until the user chooses one. */
import { keep, recall } from '../state/keep';
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

class Language {
	#chosen = $state(recall('language', isCode));

	get code(): Code {
		return this.#chosen ?? preferred(navigator.languages);
	}

	set code(code: Code) {
		this.#chosen = code;
		keep('language', code);
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
