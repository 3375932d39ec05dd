/**
 * What waits in the question box, for each conversation of its own: words and pictures.
 *
 * Words stay in this browser until they are sent. Pictures are kept by their id, in this tab only: other
 * people may use this browser, and a server that was restarted has forgotten them anyway.
 */
import { keep, recall } from './keep';
import { DeskPicture, type Held } from './picture.svelte';
import { Tray } from './tray.svelte';

/** The draft of the conversation that is not there yet. */
export const unborn = 'new';
const most = 50;
const trayKey = 'lookdesk.tray';

type Words = Record<string, string>;

const isWords = (value: unknown): value is Words =>
	typeof value === 'object' &&
	value !== null &&
	Object.values(value).every((words) => typeof words === 'string');

export class Draft {
	/** The conversation it belongs to. */
	key = unborn;
	readonly tray = new Tray();
	#words = $state('');

	constructor(key = unborn) {
		this.key = key;
		this.#words = recall('drafts', isWords)?.[key] ?? '';
	}

	get words(): string {
		return this.#words;
	}

	set words(words: string) {
		this.#words = words;
		const { [this.key]: _old, ...others } = recall('drafts', isWords) ?? {};
		const entries = Object.entries(others).slice(words === '' ? -most : 1 - most);
		keep('drafts', Object.fromEntries(words === '' ? entries : [...entries, [this.key, words]]));
	}

	get isEmpty(): boolean {
		return this.#words.trim() === '' && this.tray.pictures.length === 0;
	}
}

/** Keeps the pictures that wait, while the page is reloaded. */
export function keepTrays(drafts: Draft[]): void {
	const kept = drafts.flatMap(({ key, tray }) => {
		const pictures = tray.pictures.flatMap((picture) => (picture.held ? [picture.held] : []));
		return pictures.length === 0 ? [] : [[key, pictures] as const];
	});
	try {
		sessionStorage.setItem(trayKey, JSON.stringify(Object.fromEntries(kept)));
	} catch {
		// Storage is full or forbidden: a reload will start with an empty tray.
	}
}

export function recallTray(draft: Draft): void {
	try {
		const kept = JSON.parse(sessionStorage.getItem(trayKey) ?? '{}') as Record<string, Held[]>;
		const pictures = kept[draft.key]?.map((held) => DeskPicture.fromHeld(held));
		if (pictures) draft.tray.pictures = pictures;
	} catch {
		// Not ours, or from another version.
		sessionStorage.removeItem(trayKey);
	}
}
