/**
 * The keys under which drafts of conversations are kept that are not there yet.
 *
 * Each has one of its own, so that neither another tab nor another chain writes over it: which conversation
 * it will continue, which tab it is written in, and a number. A tab finds its own again after a reload; what
 * a closed tab has left is taken over by the next one that begins a conversation of that kind.
 */
import { keep, recall } from './keep';

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

const anyName = () => Math.random().toString(36).slice(2, 10);
/** Where the browser forbids storage, there is nothing to find again either. */
const nameless = anyName();

/** A name that this tab keeps over a reload, and shares with no other. */
function tabName(): string {
	try {
		const kept: unknown = JSON.parse(sessionStorage.getItem('lookdesk.tab') ?? 'null');
		if (typeof kept === 'string') return kept;
		sessionStorage.setItem('lookdesk.tab', JSON.stringify(nameless));
	} catch {
		// See above.
	}
	return nameless;
}

const isOfTab = (key: string, tab: string) => key.split(':')[2] === tab;

/** A key for a new draft: one that was kept and belongs to nobody now, else a fresh one. */
export function claimUnborn(follows = '', more: string[] = []): string {
	const kind = `${begin}${follows}:`;
	const own = `${kind}${tabName()}:`;
	const drafts = recall('drafts', isWords) ?? {};
	const left = recall('drafts.left', isList) ?? [];
	const isFree = (key: string) => !live.has(key);
	const mine = [...Object.keys(drafts), ...more].findLast(
		(key) => key.startsWith(own) && isFree(key)
	);
	const key = mine ?? own + anyName();
	live.add(key);
	if (mine !== undefined) return key;
	const found = Object.keys(drafts).findLast(
		(one) =>
			isFree(one) &&
			((one.startsWith(kind) && left.includes(one)) || (one === legacy && follows === ''))
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

/** Its draft has got another one. */
export function release(key: string): void {
	live.delete(key);
}

/** The tab may be closed now: what it has not sent may be found by another. */
export function leaveDrafts(): void {
	const tab = tabName();
	const drafts = Object.keys(recall('drafts', isWords) ?? {});
	const left = recall('drafts.left', isList) ?? [];
	const own = drafts.filter((key) => key.startsWith(begin) && isOfTab(key, tab));
	keep('drafts.left', [...new Set([...left.filter((key) => drafts.includes(key)), ...own])]);
}

/** The tab is there (again): its drafts are its own. */
export function returnToDrafts(): void {
	const tab = tabName();
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
