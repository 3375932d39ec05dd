/**
 * Everything on the desk, and what a person can do with it. The page shows this; it decides nothing.
 */
import { fetchSamples } from '../api/client';
import type { Sample } from '../api/types';
import { language } from '../i18n/language.svelte';
import { Conversation, type Manner } from './conversation.svelte';
import { health } from './health.svelte';
import { keep, recall } from './keep';
import { notices } from './notice.svelte';
import { DeskPicture } from './picture.svelte';
import { preferences } from './preferences.svelte';
import { keepSession, recallSession } from './session';
import { Tray } from './tray.svelte';

/** Until the server says its own. */
const before = { pictureBytes: 20 * 1024 * 1024, pictures: 8, maxTokens: 2048 };

const isText = (value: unknown): value is string => typeof value === 'string';

export class Desk {
	readonly conversation = new Conversation();
	readonly tray = new Tray();
	readonly health = health;
	samples = $state.raw<Sample[]>([]);
	haveSamplesFailed = $state(false);
	#haveSamples = false;
	#draft = $state(recall('draft', isText) ?? '');
	#chosen = $state.raw<DeskPicture>();

	get draft(): string {
		return this.#draft;
	}
	set draft(words: string) {
		this.#draft = words;
		keep('draft', words === '' ? undefined : words);
	}

	get isReady(): boolean {
		return this.health.mood === 'ready' || this.health.mood === 'busy';
	}

	get maxTokens(): number {
		return Math.min(this.health.status?.limits.max_tokens ?? before.maxTokens, before.maxTokens);
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
	}

	/** Brings back what a reload took, and starts asking the server how it is; returns how to end it. */
	start(): () => void {
		const end = this.health.watch();
		recallSession(this.conversation, this.tray);
		const onHide = () => keepSession(this.conversation, this.tray);
		window.addEventListener('pagehide', onHide);
		$effect(() => {
			const { status } = this.health;
			if (!status) return;
			preferences.defaults = status.defaults;
			if (!this.#haveSamples) void this.#loadSamples();
		});
		return () => {
			end();
			window.removeEventListener('pagehide', onHide);
		};
	}

	async add(files: File[]): Promise<void> {
		const limits = this.health.status?.limits;
		const taken = await this.tray.add(files, {
			pictureBytes: limits?.picture_bytes ?? before.pictureBytes,
			pictures: limits?.pictures_per_question ?? before.pictures
		});
		const [first] = taken;
		if (first) this.show(first);
	}

	/** Sends what is in the box. */
	ask(): Promise<void> {
		const question = this.draft.trim();
		if (question === '' || !this.isReady || this.conversation.isAnswering) return Promise.resolve();
		this.draft = '';
		return this.#watched(this.conversation.ask(question, this.tray.take(), this.#manner()));
	}

	askSample(sample: Sample): Promise<void> {
		const question = sample.question[language.code];
		const pictures = sample.pictures.map((picture) => DeskPicture.fromSample(picture, question));
		return this.#watched(this.conversation.ask(question, pictures, this.#manner()));
	}

	again(): Promise<void> {
		return this.#watched(this.conversation.again(this.#manner()));
	}

	/** A new conversation; asks nothing when there is nothing to lose, and can be undone. */
	fresh(): void {
		if (this.conversation.rounds.length === 0 && this.tray.pictures.length === 0) return;
		const gone = this.pictures;
		const rounds = this.conversation.clear();
		const waiting = this.tray.clear();
		const undo = () => {
			rounds();
			this.tray.pictures = waiting;
		};
		notices.show({ text: language.words.panel.cleared, undo }, () => {
			gone.forEach((picture) => picture.release());
		});
	}

	/** The line on top shows at once that the answer is over. */
	async #watched(answer: Promise<void>): Promise<void> {
		await answer;
		await this.health.refresh();
	}

	#manner(): Manner {
		const limits = this.health.status?.limits;
		return {
			role: preferences.role,
			memory: {
				rounds: preferences.rounds,
				pictures: limits?.pictures_per_question ?? before.pictures
			},
			settings: {
				temperature: preferences.temperature,
				max_tokens: Math.min(preferences.maxTokens, this.maxTokens)
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
