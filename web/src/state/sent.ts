/**
 * Questions whose reply this page has not heard, kept in the browser beside the draft that holds their words.
 * A page left in that moment does not know whether the desk has them; the next one can ask.
 */
import type { StoredRound } from '../api/types';
import { keep, recall } from './keep';

export interface SentQuestion {
	/** Where it was asked. */
	conversation: string;
	question: string;
	pictures: string[];
	/** Rounds that were there before. */
	after: string[];
}

const most = 20;
const key = 'drafts.sent';

const areWords = (value: unknown): value is string[] =>
	Array.isArray(value) && value.every((one) => typeof one === 'string');

const isSent = (value: unknown): value is SentQuestion => {
	if (typeof value !== 'object' || value === null) return false;
	const { conversation, question, pictures, after } = value as Partial<SentQuestion>;
	return (
		typeof conversation === 'string' &&
		typeof question === 'string' &&
		areWords(pictures) &&
		areWords(after)
	);
};
const isList = (value: unknown): value is SentQuestion[] =>
	Array.isArray(value) && value.every(isSent);

const isSame = (one: SentQuestion, other: SentQuestion) =>
	one.conversation === other.conversation && one.question === other.question;
const others = (sent: SentQuestion) =>
	(recall(key, isList) ?? []).filter((one) => !isSame(one, sent));
const store = (list: SentQuestion[]) => keep(key, list.length === 0 ? undefined : list);

export const keepSent = (sent: SentQuestion) => store([...others(sent), sent].slice(-most));
export const dropSent = (sent: SentQuestion) => store(others(sent));

/** What follows a question in the words of a draft; nothing where they do not begin with it. */
export function wordsAfter(question: string, words: string): string | undefined {
	if (words === question) return '';
	return words.startsWith(`${question}\n`) ? words.slice(question.length + 1) : undefined;
}

/** The question with which these words begin, where it may be on the desk already. */
export const sentIn = (words: string): SentQuestion | undefined =>
	recall(key, isList)?.findLast(({ question }) => wordsAfter(question, words) !== undefined);

/** Whether a round is that question. */
export function isArrived(sent: SentQuestion, { id, question, pictures }: StoredRound): boolean {
	return (
		!sent.after.includes(id) &&
		question === sent.question &&
		pictures.length === sent.pictures.length &&
		pictures.every((picture, at) => picture.id === sent.pictures[at])
	);
}
