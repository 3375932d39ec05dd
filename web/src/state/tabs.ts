/**
 * How this tab is called, and which others are open at this desk.
 *
 * A tab keeps its name over a reload. A copy of a tab ("Duplicate") brings the name along, so each asks at
 * its start who is there. Who does not answer is gone: closed, broken, or ended by a phone while it was out
 * of sight. A tab that is only frozen is taken for gone too; it still has its own words when it wakes up.
 */
const channelName = 'lookdesk.tabs';
const key = 'lookdesk.tab';
/** How long the others have for an answer. */
const patienceMs = 100;

type Said = { ask: true } | { here: string } | { gone: string };

const hasName = <Word extends string>(said: unknown, word: Word): said is Record<Word, string> =>
	typeof (said as Partial<Record<Word, unknown>> | null)?.[word] === 'string';

const isQuestion = (said: unknown) => (said as { ask?: unknown } | null)?.ask === true;

export const anyName = () => Math.random().toString(36).slice(2, 10);

export class Tabs {
	readonly #session: () => Pick<Storage, 'getItem' | 'setItem'>;
	/** Where the browser forbids storage, there is nothing to find again either. */
	readonly #nameless = anyName();
	readonly #others = new Set<string>();
	#channel: BroadcastChannel | undefined;
	#isNamed = false;
	#onAnswer = () => {};

	constructor(session: () => Pick<Storage, 'getItem' | 'setItem'> = () => sessionStorage) {
		this.#session = session;
	}

	/** Shared with no other tab, once they have met. */
	get name(): string {
		try {
			const kept: unknown = JSON.parse(this.#session().getItem(key) ?? 'null');
			if (typeof kept === 'string') return kept;
			this.#session().setItem(key, JSON.stringify(this.#nameless));
		} catch {
			// See above.
		}
		return this.#nameless;
	}

	isOpen(name: string): boolean {
		return this.#others.has(name);
	}

	/** Nobody of that name has answered; unknown before they have met. */
	isGone(name: string): boolean {
		return this.#isNamed && !this.isOpen(name) && name !== this.name;
	}

	/**
	 * Asks who is there; `wanted` are the tabs it matters of. Where this tab is a copy of an open one, or
	 * nothing is kept under its name, it takes a new one.
	 */
	async meet(wanted: ReadonlySet<string>): Promise<void> {
		if (typeof BroadcastChannel === 'undefined' || this.#channel) return;
		try {
			this.#channel = new BroadcastChannel(channelName);
		} catch {
			// Where the browser forbids it, a copy of a tab shares its drafts.
			return;
		}
		this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#hear(data);
		this.#say({ ask: true });
		const { name } = this;
		await this.#answers(wanted);
		if (this.isOpen(name) || !wanted.has(name)) this.#rename();
		this.#isNamed = true;
		this.stay();
	}

	/** The tab is there (again). */
	stay(): void {
		this.#say({ here: this.name });
	}

	/** The tab may be closed now. */
	leave(): void {
		this.#say({ gone: this.name });
	}

	/** For tests: without another word. */
	end(): void {
		this.#channel?.close();
	}

	#answers(wanted: ReadonlySet<string>): Promise<void> {
		const isEnough = () => [...wanted].every((name) => this.#others.has(name));
		if (isEnough()) return Promise.resolve();
		return new Promise((done) => {
			const late = setTimeout(done, patienceMs);
			this.#onAnswer = () => {
				if (!isEnough()) return;
				clearTimeout(late);
				done();
			};
		});
	}

	#rename(): void {
		try {
			this.#session().setItem(key, JSON.stringify(anyName()));
		} catch {
			// It has a name of its own already.
		}
	}

	#say(said: Said): void {
		this.#channel?.postMessage(said);
	}

	#hear(said: unknown): void {
		if (hasName(said, 'here')) {
			this.#others.add(said.here);
			this.#onAnswer();
		} else if (hasName(said, 'gone')) {
			this.#others.delete(said.gone);
		} else if (this.#isNamed && isQuestion(said)) {
			this.stay();
		}
	}
}

export const tabs = new Tabs();
