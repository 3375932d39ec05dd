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
export type Message = AnswerRequest['messages'][number];
export type Part = Message['content'][number];
export type AnswerSettings = NonNullable<AnswerRequest['settings']>;

/** The data of one event of an answer; its `type` is also the event's name. */
export type AnswerEvent =
	paths['/api/answers']['post']['responses'][200]['content']['text/event-stream'];
type EventOf<Name extends AnswerEvent['type']> = Extract<AnswerEvent, { type: Name }>;
export type Token = EventOf<'delta'>['tokens'][number];
export type FinishReason = EventOf<'done'>['finish_reason'];
export type Usage = EventOf<'done'>['usage'];
export type Timings = EventOf<'done'>['timings'];
