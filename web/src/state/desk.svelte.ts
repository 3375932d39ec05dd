/**
 * Everything on the desk, and what a person can do with it. The page shows this; it decides nothing.
 */
import { untrack } from 'svelte';
import { asksForAnother } from '../answer/another';
import { fetchSamples } from '../api/client';
import type { Sample } from '../api/types';
import { language } from '../i18n/language.svelte';
import { queryString } from '../api/query';
import { readFilters, type Filters } from '../list/filters';
import { conversationLink } from '../router/links';
import { route } from '../router/route.svelte';
import type { Answer } from './answer.svelte';
import { Cabinet } from './cabinet.svelte';
import { keepChain, recallChain } from './chain';
import { Closer } from './closer.svelte';
import { Conversation, type Manner } from './conversation.svelte';
import { keepTrays } from './draft.svelte';
import { EvidenceDesk } from './evidence.svelte';
import { health } from './health.svelte';
import { notices, type Notice } from './notice.svelte';
import { DeskPicture } from './picture.svelte';
import { preferences } from './preferences.svelte';
import { roles } from './roles.svelte';
import type { Round } from './round.svelte';
import { tabs } from './tabs';
import type { Tray } from './tray.svelte';
import { leaveDrafts, returnToDrafts } from './unborn';

/** Until the server says its own. */
const before = { pictureBytes: 20 * 1024 * 1024, pictures: 8, maxTokens: 2048 };
/** How often to look what others have done, and what is said to somebody else. */
const othersMs = 30_000;
/** The least between two looks, where the queue says that somebody has begun or ended. */
const soonMs = 5000;
const elsewhereMs = 2000;

const conversationPath = /^\/c\/([^/]+)$/;

export class Desk {
	readonly cabinet = new Cabinet();
	readonly health = health;
	readonly evidence = new EvidenceDesk();
	readonly closer = new Closer();
	conversation = $state.raw<Conversation>(this.cabinet.fresh(recallChain()));
	samples = $state.raw<Sample[]>([]);
	haveSamplesFailed = $state(false);
	#haveSamples = false;
	#path = '/';
	/** The words looked for that came with the address. */
	#linked = '';
	#chosen = $state.raw<DeskPicture>();
	/** Says that the conversation which is open was begun; speaks of no other. */
	#begun: Notice | undefined;

	get draft(): string {
		return this.conversation.draft.words;
	}
	set draft(words: string) {
		this.conversation.draft.words = words;
		if (words !== '') this.tray.written();
	}

	get tray(): Tray {
		return this.conversation.draft.tray;
	}

	get isReady(): boolean {
		return this.health.mood === 'ready' || this.health.mood === 'busy';
	}

	get maxTokens(): number {
		return Math.min(this.health.status?.limits.max_tokens ?? before.maxTokens, before.maxTokens);
	}

	/** The most tokens a picture can get, once the server has said so. */
	get mostImageTokens(): number | undefined {
		return this.health.status?.limits.image_tokens;
	}

	/** The most tokens a picture gets in the next question; nothing where that is all it can get. */
	get imageTokens(): number | undefined {
		const { imageTokens } = preferences;
		const most = this.mostImageTokens ?? Infinity;
		return imageTokens !== undefined && imageTokens < most ? imageTokens : undefined;
	}

	/** Those of the conversation, then those waiting for the next question. */
	get pictures(): DeskPicture[] {
		return [...this.conversation.pictures, ...this.tray.pictures];
	}

	/** The picture shown large: what is being read, else what was chosen, else the newest. */
	get shown(): DeskPicture | undefined {
		const { pictures } = this;
		const chosen = this.conversation.reading ?? this.#chosen;
		return chosen && pictures.includes(chosen) ? chosen : pictures.at(-1);
	}

	show(picture: DeskPicture): void {
		this.#chosen = picture;
		this.closer.turnTo(picture);
	}

	/** Shows the picture a box lies on. */
	showById(id: string): void {
		const picture = this.conversation.pictures.find((one) => one.id === id);
		if (picture) this.show(picture);
	}

	/** The answer whose boxes are on the pictures: the one chosen, else the newest that has any. */
	get evident(): Answer | undefined {
		const shown = this.conversation.rounds.flatMap(({ answer }) => answer ?? []);
		const { answer } = this.evidence;
		if (answer && shown.includes(answer)) return answer;
		return shown.findLast(({ evidence }) => evidence.length > 0);
	}

	/** Starts asking the server, and follows the address; returns how to end it. */
	start(): () => void {
		const ends = [this.health.watch(), this.#watchOthers()];
		const onHide = () => {
			this.#keep();
			leaveDrafts();
			tabs.leave();
		};
		const onShow = () => {
			tabs.stay();
			returnToDrafts();
		};
		onShow();
		window.addEventListener('pagehide', onHide);
		window.addEventListener('pageshow', onShow);
		this.cabinet.onAsked = (conversation) => {
			if (conversation === this.conversation) route.replace(this.#addressOf(conversation.id));
		};
		void roles.refresh();
		$effect(() => {
			const { status } = this.health;
			if (!status) return;
			preferences.defaults = status.defaults;
			if (!this.#haveSamples) void this.#loadSamples();
		});
		let wasAway = false;
		$effect(() => {
			const isAway = this.health.mood === 'unreachable';
			// What the desk went on with, or kept, when it was out of reach.
			if (wasAway && !isAway) untrack(() => void this.conversation.refresh());
			wasAway = isAway;
		});
		return () => {
			ends.forEach((end) => end());
			window.removeEventListener('pagehide', onHide);
			window.removeEventListener('pageshow', onShow);
		};
	}

	/** The address has changed: another conversation, or another selection of them. */
	follow(path: string, query: URLSearchParams): void {
		this.cabinet.list.filters = readFilters(query.toString());
		this.#search(query.get('query') ?? '');
		if (path === this.#path) return;
		this.#path = path;
		const id = conversationPath.exec(path)?.[1];
		if (id === undefined) {
			if (this.conversation.id !== undefined) this.#turnTo(this.#plain());
			return;
		}
		const wanted = decoded(id);
		if (wanted !== this.conversation.id) this.#turnTo(this.cabinet.open(wanted));
	}

	open(id: string): void {
		route.go(this.#addressOf(id));
	}

	/** `empty`: folders that held no picture. */
	async add(files: File[], empty: string[] = []): Promise<void> {
		const limits = this.health.status?.limits;
		const taken = await this.tray.add(
			files,
			{
				pictureBytes: limits?.picture_bytes ?? before.pictureBytes,
				pictures: limits?.pictures_per_question ?? before.pictures
			},
			empty
		);
		const [first] = taken;
		if (first) this.show(first);
	}

	/** Sends what is in the box; where that asks for another picture, turns to a new conversation. */
	ask(): Promise<void> {
		const question = this.draft.trim();
		const { conversation, tray } = this;
		const another = conversation.id !== undefined ? asksForAnother(question) : undefined;
		if (another) return this.#another(question, another.rest);
		if (question === '' || !this.isReady || conversation.isAnswering) return Promise.resolve();
		this.draft = '';
		return this.#watched(conversation.ask(question, tray.take(), this.#manner()));
	}

	/** Asks a changed question in the place of an earlier one; the rounds after that leave. */
	askInstead(round: Round, question: string): Promise<void> {
		return this.#watched(this.conversation.ask(question, round.pictures, this.#manner(), round));
	}

	askSample(sample: Sample): Promise<void> {
		const question = sample.question[language.code];
		const pictures = sample.pictures.map((picture) => DeskPicture.fromSample(picture, question));
		return this.#watched(this.conversation.ask(question, pictures, this.#manner()));
	}

	again(): Promise<void> {
		return this.#watched(this.conversation.again(this.#manner()));
	}

	/** Puts a question that has no answer back into the box. One that the server has stored stays above. */
	takeBack(round: Round): void {
		const isStored = round.id !== undefined;
		if (isStored && this.draft.startsWith(round.question)) return;
		if (!isStored && !this.conversation.takeBack(round)) return;
		this.draft = [round.question, this.draft].filter(Boolean).join('\n');
		if (isStored) return;
		// Those of a stored question stay with it.
		const others = this.conversation.pictures;
		const own = round.pictures.filter((picture) => !others.includes(picture));
		this.tray.pictures = [...own, ...this.tray.pictures];
	}

	/**
	 * A new conversation. Nothing is lost: the one before stays on the list, its draft stays in it; what was
	 * begun about another picture is there again for that chain.
	 */
	fresh(): void {
		this.#turnTo(this.#plain());
		route.go(this.#addressOf(undefined));
	}

	/** A new conversation that continues this one, about another picture. */
	another(): void {
		const from = this.conversation;
		const { id, customer } = from;
		if (id === undefined) return;
		this.#turnTo(this.cabinet.unborn(id) ?? this.cabinet.fresh({ follows: id, customer }));
		route.go(this.#addressOf(undefined));
		this.#tellBegun(() => this.open(from.id ?? ''));
	}

	async remove(id: string): Promise<void> {
		const isOpen = this.conversation.id === id;
		const removing = this.cabinet.remove(id, () => {
			if (isOpen) this.open(id);
		});
		if (isOpen) {
			this.#turnTo(this.#plain());
			route.go(this.#addressOf(undefined));
		}
		await removing;
	}

	async searchEvidence(answer: Answer): Promise<void> {
		await this.evidence.ask(answer);
		const [first] = answer.evidence;
		if (first) this.showById(first.picture);
	}

	/** The typed wish for another picture, with the pictures and the question that came with it. */
	#another(typed: string, rest: string): Promise<void> {
		const from = this.conversation;
		if (from.id === undefined) return Promise.resolve();
		const pictures = from.draft.tray.take();
		from.draft.words = '';
		this.another();
		const to = this.conversation;
		const before = { words: to.draft.words, pictures: to.draft.tray.take() };
		to.draft.words = [before.words, rest].filter(Boolean).join('\n');
		to.draft.tray.pictures = [...before.pictures, ...pictures];
		this.#tellBegun(() => {
			from.draft.words = typed;
			from.draft.tray.pictures = pictures;
			to.draft.words = before.words;
			to.draft.tray.pictures = before.pictures;
			this.open(from.id ?? '');
		});
		return rest === '' || pictures.length === 0 ? Promise.resolve() : this.ask();
	}

	#tellBegun(undo: () => void): void {
		this.#begun = { text: language.words.chain.begun, undo };
		notices.show(this.#begun);
	}

	/** What is not on the server yet, for a page that is loaded anew. */
	#keep(): void {
		keepTrays(this.cabinet.opened.map(({ draft }) => draft));
		keepChain(this.conversation);
	}

	/** The conversation that continues no other and is not there yet. */
	#plain(): Conversation {
		return this.cabinet.unborn() ?? this.cabinet.fresh();
	}

	#turnTo(conversation: Conversation): void {
		if (this.#begun && notices.current === this.#begun) notices.dismiss();
		this.#begun = undefined;
		this.conversation = conversation;
		this.#chosen = undefined;
		this.closer.cancel();
		this.evidence.answer = undefined;
	}

	/** The words an address looks for stand in the search box; what a person wrote there is left alone. */
	#search(words: string): void {
		const { list } = this.cabinet;
		if (words === this.#linked) return;
		const isOwn = list.query !== this.#linked;
		this.#linked = words;
		if (words !== '' || !isOwn) list.query = words;
	}

	/** Another selection of conversations beside the one that is open. */
	narrow(filters: Filters): void {
		route.go(this.#addressOf(this.conversation.id, filters));
	}

	#addressOf(id: string | undefined, filters = this.cabinet.list.filters): string {
		// The search of an address goes along, until a person looks for something else.
		const query = this.cabinet.list.query === this.#linked ? this.#linked : '';
		const rest = queryString({ ...filters, query: query || undefined });
		return (id === undefined ? '#/' : conversationLink(id)) + rest;
	}

	/** The line on top shows at once that the answer is over. */
	async #watched(answer: Promise<void>): Promise<void> {
		await answer;
		await this.health.refresh();
	}

	#watchOthers(): () => void {
		let looked = 0;
		let soon: ReturnType<typeof setTimeout> | undefined;
		let told: string | undefined;
		const look = () => {
			clearTimeout(soon);
			soon = undefined;
			if (document.hidden) return;
			looked = Date.now();
			void this.cabinet.refresh().then(() => this.#catchUp());
			void this.#findUnheard();
		};
		$effect(() => {
			const { queue } = this.health.status ?? {};
			// Told every second; most of the time nobody has begun or ended.
			const now = queue && `${queue.running} ${queue.waiting}`;
			if (now === undefined || now === told) return;
			told = now;
			soon ??= setTimeout(look, Math.max(0, looked + soonMs - Date.now()));
		});
		const onVisible = () => {
			// A phone may end a page it has hidden without a further word.
			if (document.hidden) {
				this.#keep();
				leaveDrafts();
				return;
			}
			returnToDrafts();
			look();
			if (this.conversation.id !== undefined) void this.conversation.refresh();
		};
		const others = setInterval(look, othersMs);
		const elsewhere = setInterval(() => {
			if (this.conversation.isAnsweredElsewhere && !document.hidden)
				void this.conversation.refresh();
		}, elsewhereMs);
		document.addEventListener('visibilitychange', onVisible);
		look();
		return () => {
			clearInterval(others);
			clearInterval(elsewhere);
			clearTimeout(soon);
			document.removeEventListener('visibilitychange', onVisible);
		};
	}

	/** Takes what others have said in the open conversation, as the list tells. */
	#catchUp(): void {
		const { conversation } = this;
		if (conversation.id === undefined) return;
		const listed = this.cabinet.list.find(conversation.id);
		if (!listed || listed.updated_at > conversation.readUntil) void conversation.refresh();
	}

	/** A question that had arrived before its page was left is shown where it is. */
	async #findUnheard(): Promise<void> {
		const { conversation } = this;
		const id = await this.cabinet.findUnheard(conversation);
		const isNew = conversation.id === undefined && conversation.rounds.length === 0;
		const isShown = conversation === this.conversation && route.page === 'desk';
		if (id === undefined || !isNew || !isShown) return;
		// What was written on meanwhile goes on there.
		const { words } = conversation.draft;
		const pictures = conversation.draft.tray.take();
		conversation.draft.words = '';
		this.#turnTo(this.cabinet.open(id));
		this.draft = [this.draft, words].filter(Boolean).join('\n');
		this.tray.pictures = [...this.tray.pictures, ...pictures];
		route.replace(this.#addressOf(id));
	}

	#manner(): Manner {
		return {
			role: roles.text,
			remember: preferences.rounds,
			settings: {
				temperature: preferences.temperature,
				max_tokens: Math.min(preferences.maxTokens, this.maxTokens),
				...(this.imageTokens === undefined ? {} : { image_tokens: this.imageTokens })
			}
		};
	}

	async #loadSamples(): Promise<void> {
		this.#haveSamples = true;
		try {
			this.samples = await fetchSamples();
			this.haveSamplesFailed = false;
		} catch {
			this.#haveSamples = false;
			this.haveSamplesFailed = true;
		}
	}
}

/** An address may have been cut in the middle of a sign: then no conversation is called so. */
function decoded(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}
