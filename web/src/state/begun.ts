/**
 * Changed questions and corrections that are half written: in this browser until they are sent or given up.
 */
import { keep, recall } from './keep';
import { isWords } from './unborn';

const most = 50;

/** What it is, and of which round or answer. */
export type BegunKey = `question:${string}` | `correction:${string}`;

export const begun = (key: BegunKey): string | undefined => recall('begun', isWords)?.[key];

/** Nothing, or only spaces, forgets what was kept. */
export function keepBegun(key: BegunKey, words = ''): void {
	const { [key]: known, ...others } = recall('begun', isWords) ?? {};
	if (words.trim() === '' && known === undefined) return;
	const entries = Object.entries(others);
	if (words.trim() !== '') entries.push([key, words]);
	keep('begun', entries.length === 0 ? undefined : Object.fromEntries(entries.slice(-most)));
}
