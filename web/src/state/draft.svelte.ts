/**
 * What waits in the question box, for each conversation of its own: words and pictures.
 *
 * Words stay in this browser until the server has stored them: a question on its way counts as waiting, so
 * that a reload brings it back. Pictures are kept by their id, in this tab only: other people may use this
 * browser, and a server that was restarted has forgotten them anyway. Of a picture that has not arrived
 * there only its name is left, so that nobody asks without it unawares.
 */
import { keep, recall } from './keep';
import { DeskPicture, type Held } from './picture.svelte';
import { dropSent, keepSent, sentIn, wordsAfter, type SentQuestion } from './sent';
import { tabs } from './tabs';
import { Tray } from './tray.svelte';
import { claimUnborn, isWords, release, wantedTabs } from './unborn';

const most = 50;
const trayKey = 'lookdesk.tray';

/** A picture as it is kept: known to the server, or by its name only. */
type Kept = Held | Pick<Held, 'name'>;
const isHeld = (kept: Kept): kept is Held => 'id' in kept;

/** A question on its way. */
export type Sent = Readonly<{ question: string }>;

export class Draft {
	readonly tray = new Tray();
	#key: string;
	#words = $state('');
	#sent: ReadonlyMap<Sent, DeskPicture[]> = new Map();
	/** Those of them that the desk may have by now. */
	#perhaps: ReadonlyMap<Sent, SentQuestion> = new Map();

	/** The draft of a stored conversation, or of one that has a key of its own. */
	constructor(key: string) {
		this.#key = key;
		this.#words = recall('drafts', isWords)?.[key] ?? '';
	}

	/** The draft of a conversation that is not there yet; `follows` is the one it will continue. */
	static unborn(follows?: string): Draft {
		return new Draft(claimUnborn(follows, Object.keys(keptTrays())));
	}

	/** The conversation it belongs to. */
	get key(): string {
		return this.#key;
	}

	/** It belongs to another one from now on: the conversation is there. */
	set key(key: string) {
		if (key === this.#key) return;
		this.#store('');
		release(this.#key);
		keepPictures([[this.#key, []]]);
		this.#key = key;
		this.#keep();
	}

	get words(): string {
		return this.#words;
	}

	set words(words: string) {
		this.#words = words;
		this.#keep();
	}

	get isEmpty(): boolean {
		const isSaid = this.#words.trim() !== '' || this.#sent.size > 0;
		return !isSaid && this.tray.pictures.length === 0;
	}

	/** What a reload has to bring back: what is on its way, then what waits, then what is lost already. */
	get kept(): Kept[] {
		const pictures = [...[...this.#sent.values()].flat(), ...this.tray.pictures];
		const names = this.tray.lost.map((name) => ({ name }));
		return [...pictures.map(({ held, name }) => held ?? { name }), ...names];
	}

	/** A question is on its way, with the pictures that stood in the box. */
	send(question: Sent, pictures: DeskPicture[]): void {
		this.#sent = new Map([...this.#sent, [question, pictures]]);
		this.#keep();
	}

	/** A question leaves for the desk, which may have it though this page never hears of it. */
	leaves(question: Sent, sent: SentQuestion): void {
		this.#perhaps = new Map([...this.#perhaps, [question, sent]]);
		keepSent(sent);
	}

	/** The desk has refused it: it does not have it. */
	isBack(question: Sent): void {
		const sent = this.#perhaps.get(question);
		if (!sent) return;
		this.#perhaps = new Map([...this.#perhaps].filter(([one]) => one !== question));
		dropSent(sent);
	}

	/** The question in the box that a page before this one sent, without hearing whether it arrived. */
	get unheard(): SentQuestion | undefined {
		return this.#sent.size === 0 ? sentIn(this.#words) : undefined;
	}

	/** It had arrived: it leaves the box with its pictures. */
	heard(sent: SentQuestion): void {
		const rest = wordsAfter(sent.question, this.#words);
		dropSent(sent);
		if (rest === undefined) return;
		this.words = rest;
		this.tray.pictures = this.tray.pictures.filter(({ id }) => !sent.pictures.includes(id ?? ''));
	}

	/** The server has it, or it is in the box again. */
	settle(question: Sent): void {
		this.isBack(question);
		if (!this.#sent.has(question)) return;
		this.#sent = new Map([...this.#sent].filter(([one]) => one !== question));
		this.#keep();
		keepTrays([this]);
	}

	#keep(): void {
		const lines = [...[...this.#sent.keys()].map(({ question }) => question), this.#words];
		this.#store(lines.filter(Boolean).join('\n'));
	}

	#store(words: string): void {
		const { [this.#key]: _old, ...others } = recall('drafts', isWords) ?? {};
		const entries = Object.entries(others).slice(words === '' ? -most : 1 - most);
		keep('drafts', Object.fromEntries(words === '' ? entries : [...entries, [this.#key, words]]));
	}
}

function keptTrays(): Record<string, Kept[]> {
	try {
		const kept: unknown = JSON.parse(sessionStorage.getItem(trayKey) ?? '{}');
		return typeof kept === 'object' && kept !== null ? (kept as Record<string, Kept[]>) : {};
	} catch {
		return {};
	}
}

/** Before drafts are looked for: which are of tabs that are open. */
export const meetTabs = () => tabs.meet(wantedTabs(Object.keys(keptTrays())));

/** Keeps the pictures that wait in these, while the page is reloaded; what is kept of others stays. */
export function keepTrays(drafts: readonly Draft[]): void {
	keepPictures(drafts.map(({ key, kept }) => [key, kept]));
}

function keepPictures(trays: [key: string, pictures: Kept[]][]): void {
	const kept = new Map(Object.entries(keptTrays()));
	for (const [key, pictures] of trays) {
		kept.delete(key);
		if (pictures.length > 0) kept.set(key, pictures);
	}
	try {
		sessionStorage.setItem(trayKey, JSON.stringify(Object.fromEntries([...kept].slice(-most))));
	} catch {
		// Storage is full or forbidden: a reload will start with an empty tray.
	}
}

export function recallTray(draft: Draft): void {
	try {
		const kept = keptTrays()[draft.key];
		if (!kept) return;
		draft.tray.pictures = kept.filter(isHeld).map((held) => DeskPicture.fromHeld(held));
		draft.tray.lose(kept.filter((one) => !isHeld(one)).map(({ name }) => name));
	} catch {
		// Not ours, or from another version.
		sessionStorage.removeItem(trayKey);
	}
}
