/**
 * The role presets of the team, and which one this browser sends along.
 *
 * Nothing chosen means the standard role in the page's language. The chosen text is kept here too, so that
 * a question asked before the list has come is asked in the right role.
 */
import * as api from '../api/roles';
import type { RolePreset } from '../api/roles';
import { asProblem, type Problem } from '../api/problem';
import { language } from '../i18n/language.svelte';
import { keep, recall } from './keep';

type Chosen = Pick<RolePreset, 'id' | 'name' | 'text'>;
export type Words = Pick<RolePreset, 'name' | 'text'>;

const isChosen = (value: unknown): value is Chosen =>
	typeof value === 'object' &&
	value !== null &&
	['id', 'name', 'text'].every(
		(key) => typeof (value as Record<string, unknown>)[key] === 'string'
	);

const isChinese = (text: string) => /\p{Script=Han}/u.test(text);

export class Roles {
	all = $state.raw<RolePreset[]>([]);
	problem = $state.raw<Problem>();
	isLoaded = $state(false);
	/** What has been written and not saved, by preset; kept while the editor is closed. */
	drafts = $state.raw<Record<string, Words>>({});
	#chosen = $state.raw(recall('role_chosen', isChosen));
	readonly #api: typeof api;

	constructor(server: typeof api = api) {
		this.#api = server;
	}

	/** The preset that is sent along; undefined before the list has come. */
	get current(): RolePreset | undefined {
		const wanted = this.#chosen?.id;
		return this.all.find(({ id }) => id === wanted) ?? this.standard;
	}

	/** The standard preset in the page's language. */
	get standard(): RolePreset | undefined {
		const standards = this.all.filter(({ standard }) => standard);
		const isPageChinese = language.code === 'zh';
		return (
			standards.find(({ name, text }) => isChinese(name + text) === isPageChinese) ??
			standards[0] ??
			this.all[0]
		);
	}

	/** The system text exactly as sent. */
	get text(): string {
		if (this.isLoaded) return this.current?.text ?? language.words.standardRole;
		return this.#chosen?.text ?? language.words.standardRole;
	}

	async refresh(signal?: AbortSignal): Promise<void> {
		try {
			this.#take(await this.#api.fetchRoles(signal));
			this.problem = undefined;
		} catch (error) {
			if (!signal?.aborted) this.problem = asProblem(error);
		}
	}

	choose(id: string): void {
		const role = this.all.find((preset) => preset.id === id);
		if (role) this.#choose(role);
	}

	write(id: string, words: Words): void {
		const saved = this.all.find((preset) => preset.id === id);
		const isSame = saved?.name === words.name && saved.text === words.text;
		const { [id]: _, ...others } = this.drafts;
		this.drafts = isSame ? others : { ...others, [id]: words };
	}

	discard(id: string): void {
		const { [id]: _, ...others } = this.drafts;
		this.drafts = others;
	}

	/** Throws a `Problem`, as the three below. */
	async add(words: Words): Promise<RolePreset> {
		const role = await this.#api.addRole(words);
		this.#take([...this.all.filter(({ id }) => id !== role.id), role]);
		return role;
	}

	async save(id: string, words: Words): Promise<void> {
		const role = await this.#api.changeRole(id, words);
		this.#take(this.all.map((preset) => (preset.id === id ? role : preset)));
		this.discard(id);
	}

	async remove(id: string): Promise<void> {
		await this.#api.deleteRole(id);
		this.discard(id);
		this.#take(this.all.filter((preset) => preset.id !== id));
	}

	/** One place up (-1) or down (1). Shown at once, put back when the server refuses. */
	async move(id: string, by: -1 | 1): Promise<void> {
		const before = this.all;
		const from = before.findIndex((preset) => preset.id === id);
		const one = before[from];
		const other = before[from + by];
		if (!one || !other) return;
		const after = [...before];
		after[from] = { ...other, position: from };
		after[from + by] = { ...one, position: from + by };
		this.all = after;
		try {
			await this.#api.changeRole(id, { position: from + by });
			await this.refresh();
		} catch (error) {
			this.all = before;
			throw error;
		}
	}

	#take(list: RolePreset[]): void {
		this.all = [...list].sort((a, b) => a.position - b.position);
		this.isLoaded = true;
		const again = this.all.find(({ id }) => id === this.#chosen?.id);
		if (again) this.#choose(again);
		else if (this.#chosen) {
			// Somebody deleted it: the standard role from now on.
			this.#chosen = undefined;
			keep('role_chosen', undefined);
		}
	}

	#choose({ id, name, text }: RolePreset): void {
		this.#chosen = { id, name, text };
		keep('role_chosen', this.#chosen);
	}
}

export const roles = new Roles();
