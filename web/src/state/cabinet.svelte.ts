/** The conversations: those on the list, and those opened in this page, which go on while another is shown. */
import * as api from '../api/conversations';
import type { Change } from '../api/conversations';
import { asProblem } from '../api/problem';
import type { Asked, Summary } from '../api/types';
import { count } from '../i18n/format';
import { language } from '../i18n/language.svelte';
import { sentence } from '../i18n/problems';
import { Conversation } from './conversation.svelte';
import { Draft, keepTrays, recallTray } from './draft.svelte';
import { ConversationList } from './list.svelte';
import { notices, type Notice } from './notice.svelte';
import { dropSent, isArrived } from './sent';

/** Opened conversations that are kept in the page when nothing goes on in them. */
const mostOpen = 20;

export type CabinetRecords = typeof api;

/** What a conversation takes from the one it continues. */
export interface Chain {
	follows: string;
	customer: string | null;
}

export class Cabinet {
	readonly list: ConversationList;
	#opened: Conversation[] = [];
	/** The message that offers the way back from the bin, and the ways, the newest first. */
	#offered: Notice | undefined;
	#ways: (() => void)[] = [];
	readonly #records: CabinetRecords;

	constructor(records: CabinetRecords = api) {
		this.#records = records;
		this.list = new ConversationList(records);
	}

	get opened(): readonly Conversation[] {
		return this.#opened;
	}

	isAnswering(id: string): boolean {
		return this.#opened.some((one) => one.id === id && one.isAnswering);
	}

	/** A conversation that the server hears of with its first question; it may continue another. */
	fresh(from?: Chain): Conversation {
		const made = this.#hold(new Conversation(Draft.unborn(from?.follows), this.#records));
		if (from) {
			made.follows = from.follows;
			made.customer = from.customer;
		}
		recallTray(made.draft);
		return made;
	}

	/** The conversation that is not there yet, where somebody has begun one: rather one with words or pictures. */
	unborn(follows: string | null = null): Conversation | undefined {
		const begun = this.#opened.filter(
			(one) => one.id === undefined && one.rounds.length === 0 && one.follows === follows
		);
		return begun.findLast(({ draft }) => !draft.isEmpty) ?? begun.at(-1);
	}

	open(id: string): Conversation {
		const known = this.#opened.find((one) => one.id === id);
		if (known) {
			void known.refresh();
			return known;
		}
		const opened = new Conversation(new Draft(id), this.#records);
		opened.id = id;
		const summary = this.list.find(id);
		if (summary) opened.note(summary);
		recallTray(opened.draft);
		void opened.refresh();
		return this.#hold(opened);
	}

	/** Changes a conversation wherever it is shown; says so where the server refuses. */
	async change(id: string, change: Change): Promise<void> {
		const opened = this.#opened.find((one) => one.id === id);
		const before = this.list.find(id);
		this.list.change(id, change);
		try {
			if (opened) await opened.change(change);
			else await this.#records.changeConversation(id, change);
		} catch (error) {
			if (before) this.list.change(id, before);
			notices.show({ text: sentence(asProblem(error), language.words) });
		}
	}

	/** Moves one to the bin; the way back stays open for ten seconds. */
	async remove(id: string, onBack: () => void = () => undefined): Promise<void> {
		const t = language.words;
		this.#opened.find((one) => one.id === id)?.stop();
		const putBack = this.list.remove(id);
		try {
			await this.#records.deleteConversation(id);
		} catch (error) {
			putBack();
			onBack();
			notices.show({ text: sentence(asProblem(error), t) });
			return;
		}
		this.#offerBack(() => {
			putBack();
			onBack();
			this.#records.restoreConversation(id).then(
				() => this.list.refresh(),
				(error: unknown) => {
					this.list.remove(id);
					notices.show({ text: sentence(asProblem(error), language.words) });
				}
			);
		});
	}

	/** One way back for all that were moved to the bin while it was open. */
	#offerBack(undo: () => void): void {
		const t = language.words.list;
		const isOpen = this.#offered !== undefined && notices.current === this.#offered;
		this.#ways = [undo, ...(isOpen ? this.#ways : [])];
		const ways = this.#ways;
		const text = ways.length === 1 ? t.deleted : t.deletedMany(count(ways.length));
		this.#offered = { text, undo: () => ways.forEach((way) => way()) };
		notices.show(this.#offered);
	}

	/**
	 * Questions that an earlier page sent without hearing whether they arrived stand in the box again. Those
	 * that had arrived leave it; returns where the one of this conversation is.
	 */
	async findUnheard(shown: Conversation): Promise<string | undefined> {
		let found: string | undefined;
		for (const { draft } of this.#opened) {
			const sent = draft.unheard;
			if (!sent) continue;
			try {
				const { rounds } = await this.#records.readConversation(sent.conversation);
				if (!rounds.some((round) => isArrived(sent, round))) continue;
				draft.heard(sent);
				if (draft === shown.draft) found = sent.conversation;
			} catch (error) {
				// Deleted since: the words are all there is of it.
				if (asProblem(error).status === 404) dropSent(sent);
			}
		}
		return found;
	}

	/** What happens outside this page shows as well: other people work at the same desk. */
	async refresh(): Promise<void> {
		await this.list.refresh();
		for (const item of this.list.items) {
			const opened = this.#opened.find((one) => one.id === item.id);
			if (opened && !opened.isAnswering) opened.note(item);
		}
	}

	#hold(conversation: Conversation): Conversation {
		conversation.onAsked = (asked) => this.#asked(conversation, asked);
		conversation.onBehind = (problem) => {
			notices.show({ text: sentence(problem, language.words) });
		};
		const isIdle = (one: Conversation) => !one.isAnswering && one.draft.isEmpty;
		const idle = this.#opened.filter(isIdle);
		const gone = new Set(idle.slice(0, Math.max(0, this.#opened.length + 1 - mostOpen)));
		keepTrays([...gone].map(({ draft }) => draft));
		this.#opened = [...this.#opened.filter((one) => !gone.has(one)), conversation];
		return conversation;
	}

	#asked(conversation: Conversation, asked: Asked): void {
		conversation.draft.key = asked.conversation;
		this.list.put(summaryOf(conversation, asked.conversation));
		this.onAsked(conversation);
	}

	/** Called when the server has stored a question. */
	onAsked: (conversation: Conversation) => void = () => undefined;
}

function summaryOf(conversation: Conversation, id: string): Summary {
	const { title, customer, verdict, pinned, follows, createdAt, rounds, pictures } = conversation;
	return {
		id,
		title,
		customer,
		verdict,
		pinned,
		follows,
		created_at: createdAt,
		updated_at: Date.now(),
		round_count: rounds.length,
		picture: pictures[0]?.id ?? null,
		snippet: null,
		interrupted: false,
		deleted_at: null
	};
}
