/** The records over HTTP: conversations, their rounds, and what is said about the answers. */
import { readEvents } from '../stream';
import { roundEvent } from './events';
import { getJson, refused, sendJson } from './http';
import { Problem } from './problem';
import { queryString } from './query';
import type {
	Box,
	ConversationList,
	Evidence,
	Feedback,
	Reading,
	RoundEvent,
	RoundRequest,
	Summary,
	WholeConversation
} from './types';
import type { Filters } from '../list/filters';

const path = (id: string) => `/api/conversations/${encodeURIComponent(id)}`;
const answerPath = (id: string) => `/api/answers/${encodeURIComponent(id)}`;

/** Hours and weekdays are those of the reader's clock. */
export function listConversations(
	wanted: Filters & { query?: string; cursor?: string; limit?: number },
	signal?: AbortSignal
): Promise<ConversationList> {
	const needsClock = wanted.hour !== undefined || wanted.weekday !== undefined;
	const utc_offset_minutes = needsClock ? -new Date().getTimezoneOffset() : undefined;
	return getJson(`/api/conversations${queryString({ ...wanted, utc_offset_minutes })}`, signal);
}

export const createConversation = (made: { customer?: string; follows?: string }) =>
	sendJson<WholeConversation>('POST', '/api/conversations', made);

export const readConversation = (id: string, signal?: AbortSignal) =>
	getJson<WholeConversation>(path(id), signal);

export type Change = Partial<Pick<Summary, 'title' | 'customer' | 'pinned' | 'verdict'>>;

export const changeConversation = (id: string, change: Change) =>
	sendJson<Summary>('PATCH', path(id), change);

export const deleteConversation = (id: string) => sendJson<void>('DELETE', path(id));

export const restoreConversation = (id: string) =>
	sendJson<unknown>('POST', `${path(id)}/restore`, undefined, { outlives: true });

/** Asks in a conversation. Aborting, or leaving the loop, closes the connection, which ends the answer. */
export const askRound = (conversation: string, asked: RoundRequest, signal: AbortSignal) =>
	stream(`${path(conversation)}/rounds`, asked, signal);

/** Answers the newest round once more. */
export const answerAgain = (round: string, more: { seed?: number }, signal: AbortSignal) =>
	stream(`/api/rounds/${encodeURIComponent(round)}/answers`, more, signal);

/** What was said is kept; the answer's stream ends with `done`. */
export const stopAnswer = (answer: string) =>
	sendJson<void>('POST', `${answerPath(answer)}/stop`, undefined, { outlives: true });

/** Changes what it names; answers with all that is said now, by others too. */
export const sendFeedback = (answer: string, change: Partial<Feedback>) =>
	sendJson<Feedback>('PATCH', `${answerPath(answer)}/feedback`, change);

export const findEvidence = (answer: string, about?: string) =>
	sendJson<{ evidence: Evidence[]; said: string }>(
		'POST',
		`${answerPath(answer)}/evidence`,
		about === undefined ? {} : { about }
	);

export const lookCloser = (
	answer: string,
	at: { picture: string; box: Box | null; was: string; start: number },
	signal?: AbortSignal
) => sendJson<Reading>('POST', `${answerPath(answer)}/readings`, at, { signal });

/** Names of customers that begin with or contain what was typed. */
export const fetchCustomers = (wanted: string, signal?: AbortSignal) =>
	getJson<string[]>(`/api/customers${queryString({ query: wanted })}`, signal);

async function* stream(
	where: string,
	body: unknown,
	signal: AbortSignal
): AsyncGenerator<RoundEvent> {
	const response = await fetch(where, {
		method: 'POST',
		headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
		body: JSON.stringify(body),
		signal
	});
	if (!response.ok) throw await refused(response);
	if (!response.body) throw new Problem('garbled', 'answer: no body');
	for await (const event of readEvents(response.body)) {
		const known = roundEvent(event);
		if (known) yield known;
	}
}
