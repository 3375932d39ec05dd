/** A past for the desk: conversations brought in as an import, for what the demo model would never say. */
import { randomUUID } from 'node:crypto';
import type { APIRequestContext } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { picture } from './samples.ts';

export interface PastPicture {
	id: string;
	media_type: string;
	width: number;
	height: number;
	tokens: number;
	bytes: number;
	data: string;
}

type Box = [number, number, number, number];

export interface PastAnswer {
	text: string;
	marks?: { start: number; end: number; certainty: string; probability: number }[];
	evidence?: { picture: string; label: string; box: Box }[];
	readings?: {
		picture: string;
		was: string;
		text: string;
		box: Box;
		agrees: boolean;
		probability: number;
	}[];
	feedback?: { thumb: string | null; correction: string | null };
	state?: string;
	firstWordMs?: number;
}

export interface PastRound {
	question: string;
	pictures?: PastPicture[];
	role?: string;
	asker?: string | null;
	answers: PastAnswer[];
	at?: number;
}

export interface PastConversation {
	title: string;
	customer?: string | null;
	verdict?: string | null;
	pinned?: boolean;
	at?: number;
	rounds: PastRound[];
}

interface PastRole {
	name: string;
	text: string;
}

/** Gives the desk a picture and takes down what it makes of it, as an export would. */
export async function pastPicture(
	request: APIRequestContext,
	file: string | Buffer
): Promise<PastPicture> {
	const bytes = typeof file === 'string' ? readFileSync(picture(file)) : file;
	const reply = await request.post('/api/pictures', {
		data: bytes,
		headers: { 'content-type': 'application/octet-stream' }
	});
	const { id, width, height, tokens } = (await reply.json()) as PastPicture;
	const kind = bytes[0] === 0xff ? 'image/jpeg' : 'image/png';
	const data = bytes.toString('base64');
	return { id, media_type: kind, width, height, tokens, bytes: bytes.length, data };
}

const asAsked = {
	temperature: null,
	top_p: null,
	top_k: null,
	presence_penalty: null,
	repetition_penalty: null,
	seed: null,
	max_tokens: null,
	stop: null
};

function answer(past: PastAnswer, at: number) {
	const firstWordMs = past.firstWordMs ?? 400;
	return {
		id: randomUUID(),
		created_at: at,
		state: past.state ?? 'done',
		text: past.text,
		tokens: [],
		marks: past.marks ?? [],
		finish_reason: 'stop',
		usage: { prompt_tokens: 56, image_tokens: 40, cached_tokens: 0, completion_tokens: 13 },
		timings: {
			image_ms: 2,
			vision_ms: 100,
			prefill_ms: firstWordMs - 102,
			ttft_ms: firstWordMs,
			decode_ms: 300,
			decode_tokens_per_s: 43.3
		},
		problem: null,
		feedback: past.feedback ?? { thumb: null, correction: null },
		evidence: (past.evidence ?? []).map((one) => ({ id: randomUUID(), ...one })),
		readings: (past.readings ?? []).map((one) => ({ id: randomUUID(), ...one })),
		settings: null
	};
}

function conversation(past: PastConversation) {
	const at = past.at ?? Date.now() - 1000;
	return {
		id: randomUUID(),
		title: past.title,
		customer: past.customer ?? null,
		verdict: past.verdict ?? null,
		pinned: past.pinned ?? false,
		follows: null,
		created_at: at,
		updated_at: past.rounds.at(-1)?.at ?? at,
		rounds: past.rounds.map((round) => ({
			id: randomUUID(),
			asked_at: round.at ?? at,
			question: round.question,
			pictures: (round.pictures ?? []).map(({ id }) => id),
			role: round.role ?? '',
			settings: asAsked,
			remembered_rounds: 0,
			asker: round.asker ?? null,
			replaced_by: null,
			answers: round.answers.map((one) => answer(one, round.at ?? at))
		}))
	};
}

/** The file an export would be. */
export function exported(past: PastConversation[], roles: PastRole[] = []) {
	const pictures = past.flatMap(({ rounds }) => rounds.flatMap((round) => round.pictures ?? []));
	return {
		schema: 'lookdesk-records',
		version: 1,
		pictures: [...new Map(pictures.map((one) => [one.id, one])).values()],
		roles: roles.map((role, index) => ({
			id: randomUUID(),
			...role,
			standard: false,
			position: 10 + index
		})),
		conversations: past.map(conversation)
	};
}

/** Brings a past in; returns the ids of its conversations. */
export async function live(
	request: APIRequestContext,
	past: PastConversation[],
	roles: PastRole[] = []
): Promise<string[]> {
	const file = exported(past, roles);
	const reply = await request.post('/api/import', { data: file });
	if (!reply.ok()) throw new Error(`the past was not taken: ${await reply.text()}`);
	return file.conversations.map(({ id }) => id);
}

/** An answer of which the model was not sure, about a sample. */
export const unsureAnswer: PastAnswer = {
	text: 'Model AX73, code E102, made 2024.04.',
	marks: [
		{ start: 6, end: 10, certainty: 'check', probability: 0.7 },
		{ start: 17, end: 21, certainty: 'doubtful', probability: 0.3 },
		{ start: 28, end: 35, certainty: 'certain', probability: 0.99 }
	]
};
