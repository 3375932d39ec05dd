/**
 * Short names for the shapes in `schema.ts`, taken by path so that they follow the server.
 */
import type { paths } from './schema';

type Json<Response> = Response extends { content: { 'application/json': infer Body } }
	? Body
	: never;

export type Status = Json<paths['/api/status']['get']['responses'][200]>;
export type Sample = Json<paths['/api/samples']['get']['responses'][200]>[number];
export type UploadedPicture = Json<paths['/api/pictures']['post']['responses'][201]>;
export type AnswerRequest =
	paths['/api/answers']['post']['requestBody']['content']['application/json'];
export type AnswerSettings = NonNullable<AnswerRequest['settings']>;

/** The data of one event of an answer; its `type` is also the event's name. */
export type AnswerEvent =
	paths['/api/answers']['post']['responses'][200]['content']['text/event-stream'];
type EventOf<Name extends AnswerEvent['type']> = Extract<AnswerEvent, { type: Name }>;
export type Token = EventOf<'delta'>['tokens'][number];
export type FinishReason = EventOf<'done'>['finish_reason'];
export type Usage = EventOf<'done'>['usage'];
export type Timings = EventOf<'done'>['timings'];

/** How a support person judges a conversation. */
export type Verdict = 'solved' | 'handed_over' | 'wrong';

/** A conversation in the list. Instants are milliseconds since 1970. */
export interface Summary {
	id: string;
	title: string;
	customer: string | null;
	verdict: Verdict | null;
	pinned: boolean;
	/** The conversation it continues. */
	follows: string | null;
	created_at: number;
	updated_at: number;
	/** How many. */
	rounds: number;
	/** The first one. */
	picture: string | null;
	/** Words around a search hit. */
	snippet: Snippet | null;
	/** The newest answer was cut off by the end of the program. */
	interrupted: boolean;
	deleted_at: number | null;
}

/** Plain text, and where it was hit: ranges in UTF-16 code units. */
export interface Snippet {
	text: string;
	hits: [number, number][];
}

export interface ConversationList {
	conversations: Summary[];
	next_cursor: string | null;
}

export interface WholeConversation extends Omit<Summary, 'rounds'> {
	followed_by: string[];
	rounds: StoredRound[];
}

export interface StoredRound {
	id: string;
	asked_at: number;
	question: string;
	pictures: UploadedPicture[];
	answers: StoredAnswer[];
	/** The system text as it was sent. */
	role: string;
	settings: AnswerSettings;
	/** How many earlier rounds the model was given. */
	remembered_rounds: number;
	asker: string | null;
}

export type AnswerState = 'running' | 'done' | 'cancelled' | 'failed' | 'interrupted';

export interface StoredAnswer {
	id: string;
	created_at: number;
	state: AnswerState;
	text: string;
	marks: TextMark[];
	finish_reason: FinishReason | null;
	usage: Usage | null;
	timings: Timings | null;
	problem: { code: string; message: string } | null;
	feedback: Feedback;
	evidence: Evidence[];
	readings: Reading[];
}

export interface Feedback {
	thumb: 'up' | 'down' | null;
	correction: string | null;
}

export type Certainty = 'certain' | 'check' | 'doubtful';

/** A string that must be right to the character, and how sure the model was of it. */
export interface TextMark {
	/** UTF-16 code units of the answer's text. */
	start: number;
	end: number;
	certainty: Certainty;
	probability: number;
}

/** Left, top, right, bottom, in thousandths of the picture as shown. */
export type Box = [number, number, number, number];

export interface Evidence {
	id: string;
	picture: string;
	label: string;
	box: Box;
}

/** A closer look at a string the model was not sure of. */
export interface Reading {
	id: string;
	picture: string;
	box: Box;
	was: string;
	text: string;
	agrees: boolean;
	probability: number;
}

/** A question within a conversation. The desk adds the rounds before it. */
export interface RoundRequest {
	question: string;
	pictures: string[];
	role: string;
	settings: AnswerSettings;
	remember: number;
	/** The round this one takes the place of; those after it leave with it. */
	replaces?: string;
}

/** What a stored question tells while it is answered. */
export type RoundEvent =
	| AnswerEvent
	| Asked
	/** All marks of the text so far. */
	| { type: 'mark'; marks: TextMark[] };

/** The question is stored; what of the conversation the model is told this time, and what not. */
export interface Asked {
	type: 'asked';
	conversation: string;
	round: string;
	answer: string;
	title: string;
	remembered_rounds: number;
	dropped_rounds: number;
	dropped_pictures: string[];
}
