/**
 * Short names for the shapes in `schema.ts`, taken by path so that they follow the server.
 */
import type { components, paths } from './schema';

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
export type AnswerEvent = components['schemas']['AnswerEvent'];
type EventOf<Name extends AnswerEvent['type']> = Extract<AnswerEvent, { type: Name }>;
export type Token = EventOf<'delta'>['tokens'][number];
export type FinishReason = EventOf<'done'>['finish_reason'];
export type Usage = EventOf<'done'>['usage'];
export type Timings = EventOf<'done'>['timings'];

export type Schemas = components['schemas'];
/** What the server sends: a field that may be null is there all the same. */
export type Told<Body> = { [Field in keyof Body]-?: Exclude<Body[Field], undefined> };

/** How a support person judges a conversation. */
export type Verdict = Schemas['Verdict'];

/** Plain text, and where it was hit: ranges in UTF-16 code units. */
export type Snippet = Omit<Schemas['Snippet'], 'hits'> & { hits: [number, number][] };

/** A conversation in the list. Instants are milliseconds since 1970. */
export type Summary = Omit<Told<Schemas['ConversationSummary']>, 'snippet'> & {
	snippet: Snippet | null;
};

export interface ConversationList {
	conversations: Summary[];
	next_cursor: string | null;
	/** What the group of the filter is called. */
	group_label: string | null;
}

/** With all that was said in it. */
export type WholeConversation = Summary & {
	followed_by: string[];
	rounds: StoredRound[];
};

export type StoredRound = Omit<Told<Schemas['Round']>, 'answers'> & { answers: StoredAnswer[] };

export type StoredAnswer = Omit<Told<Schemas['Answer']>, 'feedback' | 'evidence' | 'readings'> & {
	feedback: Feedback;
	evidence: Evidence[];
	readings: Reading[];
};

export type Feedback = Told<Schemas['Feedback']>;

/** A string that must be right to the character, and how sure the model was of it. */
export type TextMark = Schemas['TextMark'];
export type Certainty = Schemas['Certainty'];

/** Left, top, right, bottom, in thousandths of the picture as shown. */
export type Box = [number, number, number, number];

export type Evidence = Omit<Schemas['Evidence'], 'box'> & { box: Box };

/** A closer look at a string the model was not sure of. */
export type Reading = Omit<Told<Schemas['Reading']>, 'box'> & { box: Box };

/** A question within a conversation. The desk adds the rounds before it. */
export type RoundRequest = Schemas['AskedRound'] & {
	question: string;
	pictures: string[];
	role: string;
	remember: number;
	settings: AnswerSettings;
};

/** What a stored question tells while it is answered. */
export type RoundEvent = Schemas['RoundEvent'];

/** The question is stored; what of the conversation the model is told this time, and what not. */
export type Asked = Extract<RoundEvent, { type: 'asked' }>;
