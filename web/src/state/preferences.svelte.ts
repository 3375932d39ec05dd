/**
 * What the user has set, kept in this browser. Nothing set means the server's own defaults, so that a
 * better default reaches everyone who never touched it.
 */
import type { Status } from '../api/types';
import { keep, recall } from './keep';

export type Theme = 'auto' | 'light' | 'dark';

const isTheme = (value: unknown): value is Theme =>
	['auto', 'light', 'dark'].includes(value as string);
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isBetween =
	(least: number, most: number) =>
	(value: unknown): value is number =>
		typeof value === 'number' && value >= least && value <= most;

/** Before the server has said its own. */
const before: Pick<Status['defaults'], 'temperature' | 'max_tokens' | 'rounds'> = {
	temperature: 0.25,
	max_tokens: 256,
	rounds: 5
};

class Preferences {
	#temperature = $state(recall('temperature', isBetween(0, 1)));
	#maxTokens = $state(recall('max_tokens', isBetween(64, 2048)));
	#imageTokens = $state(recall('image_tokens', isBetween(64, 2 ** 16)));
	#rounds = $state(recall('rounds', isBetween(0, 20)));
	#theme = $state<Theme>(recall('theme', isTheme) ?? 'auto');
	#settingsFolded = $state(recall('settings_folded', isBoolean));
	#bannerFolded = $state(recall('banner_folded', isBoolean) ?? false);
	/** The server's defaults, once known. */
	defaults = $state.raw(before);

	get temperature(): number {
		return this.#temperature ?? this.defaults.temperature;
	}
	set temperature(value: number) {
		this.#temperature = value;
		keep('temperature', value);
	}

	get maxTokens(): number {
		return this.#maxTokens ?? this.defaults.max_tokens;
	}
	set maxTokens(value: number) {
		this.#maxTokens = value;
		keep('max_tokens', value);
	}

	/** The most tokens one picture gets; nothing for as many as the server allows. */
	get imageTokens(): number | undefined {
		return this.#imageTokens;
	}
	set imageTokens(value: number | undefined) {
		this.#imageTokens = value;
		keep('image_tokens', value);
	}

	get rounds(): number {
		return this.#rounds ?? this.defaults.rounds;
	}
	set rounds(value: number) {
		this.#rounds = value;
		keep('rounds', value);
	}

	/** Nothing chosen: folded where the list of conversations needs the room. */
	get areSettingsFolded(): boolean | undefined {
		return this.#settingsFolded;
	}
	set areSettingsFolded(value: boolean) {
		this.#settingsFolded = value;
		keep('settings_folded', value);
	}

	get theme(): Theme {
		return this.#theme;
	}
	set theme(value: Theme) {
		this.#theme = value;
		keep('theme', value);
	}

	get isBannerFolded(): boolean {
		return this.#bannerFolded;
	}
	set isBannerFolded(value: boolean) {
		this.#bannerFolded = value;
		keep('banner_folded', value);
	}
}

export const preferences = new Preferences();
