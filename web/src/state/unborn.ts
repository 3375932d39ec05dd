/**
 * The keys under which drafts of conversations are kept that are not there yet.
 *
 * Each has one of its own, so that neither another tab nor another chain writes over it: which conversation
 * it will continue, which tab it is written in, and a number. A tab finds its own again after a reload; what
 * a tab has left when it went out of sight, or that broke, is taken over by the next one that begins a
 * conversation of that kind, once it is known to be open no more.
 */
import { keep, recall } from './keep';
import { anyName, tabs } from './tabs';

export type Words = Record<string, string>;

export const isWords = (value: unknown): value is Words =>
	typeof value === 'object' &&
	value !== null &&
	Object.values(value).every((words) => typeof words === 'string');

const isList = (value: unknown): value is string[] =>
	Array.isArray(value) && value.every((key) => typeof key === 'string');

const begin = 'new:';
/** How the one draft of earlier versions was called. */
const legacy = 'new';
/** Keys that a draft of this page has. */
const live = new Set<string>();

const tabOf = (key: string) => key.split(':')[2] ?? '';
const isOfTab = (key: string, tab: string) => tabOf(key) === tab;

/** A key for a new draft: one that was kept and belongs to nobody now, else a fresh one. */
export function claimUnborn(follows = '', more: string[] = []): string {
	const kind = `${begin}${follows}:`;
	const own = `${kind}${tabs.name}:`;
	const drafts = recall('drafts', isWords) ?? {};
	const left = recall('drafts.left', isList) ?? [];
	const isFree = (key: string) => !live.has(key);
	const isLeft = (key: string) =>
		left.includes(key) ? !tabs.isOpen(tabOf(key)) : tabs.isGone(tabOf(key));
	const mine = [...Object.keys(drafts), ...more].findLast(
		(key) => key.startsWith(own) && isFree(key)
	);
	const key = mine ?? own + anyName();
	live.add(key);
	if (mine !== undefined) return key;
	const found = Object.keys(drafts).findLast(
		(one) => isFree(one) && (one.startsWith(kind) ? isLeft(one) : one === legacy && follows === '')
	);
	if (found !== undefined) {
		const { [found]: words, ...others } = drafts;
		keep('drafts', { ...others, [key]: words });
		keep(
			'drafts.left',
			left.filter((one) => one !== found && one in others)
		);
	}
	return key;
}

/** The tabs of which it matters, at the start of this one, whether they are open. */
export function wantedTabs(more: string[]): Set<string> {
	const drafts = Object.keys(recall('drafts', isWords) ?? {});
	return new Set([...drafts, ...more].filter((key) => key.startsWith(begin)).map(tabOf));
}

/** Its draft has got another one. */
export function release(key: string): void {
	live.delete(key);
}

/** The tab is out of sight: if it is closed, what it has not sent may be found by another. */
export function leaveDrafts(): void {
	const tab = tabs.name;
	const drafts = Object.keys(recall('drafts', isWords) ?? {});
	const left = recall('drafts.left', isList) ?? [];
	const own = drafts.filter((key) => key.startsWith(begin) && isOfTab(key, tab));
	keep('drafts.left', [...new Set([...left.filter((key) => drafts.includes(key)), ...own])]);
}

/** The tab is there (again): its drafts are its own. */
export function returnToDrafts(): void {
	const tab = tabs.name;
	const left = recall('drafts.left', isList);
	if (left)
		keep(
			'drafts.left',
			left.filter((key) => !isOfTab(key, tab))
		);
}

/** For tests: as if the page had been loaded anew. */
export function forgetLive(): void {
	live.clear();
}
