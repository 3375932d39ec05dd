/**
 * A desk without a model: the same API, answers from a script. For work on the page (`npm run dev:mock`)
 * and for screenshots of moments that pass quickly. Its shapes are the server's (`schema.ts`), so it
 * cannot drift from them unseen.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import type {
	AnswerEvent,
	AnswerRequest,
	Sample,
	Status,
	UploadedPicture
} from '../src/api/types.ts';
import { withReadings } from './live.ts';
import { MockPages } from './pages.ts';
import { scriptFor } from './script.ts';

const samplesFolder = resolve(import.meta.dirname, '../../demo/samples');
const limit = 20 * 1024 * 1024;

interface Held {
	bytes: Buffer;
	facts: UploadedPicture;
}

interface SampleFile {
	file?: string;
	files?: string[];
	question_en: string;
	question_zh: string;
	answer: string;
	answer_zh?: string;
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

export class MockDesk {
	readonly #held = new Map<string, Held>();
	readonly #samples: Sample[] = [];
	readonly #answers = new Map<string, SampleFile>();
	readonly #pages = new MockPages(() => this.#status());
	#running = 0;
	readonly #pace: number;

	/** `pace` 1 is lifelike; 0 answers at once. */
	constructor(pace = 1) {
		this.#pace = pace;
		const list = resolve(samplesFolder, 'samples.json');
		const files = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as SampleFile[]) : [];
		for (const sample of files) {
			const names = sample.files ?? (sample.file === undefined ? [] : [sample.file]);
			const pictures = names.map((name) => {
				const { id, width, height } = this.#hold(readFileSync(resolve(samplesFolder, name))).facts;
				this.#answers.set(id, sample);
				return { id, url: `/api/pictures/${id}`, width, height };
			});
			const question = { en: sample.question_en, zh: sample.question_zh };
			this.#samples.push({ id: names.join('+'), pictures, question });
		}
	}

	/** Whether the request was the API's. */
	async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
		const path = new URL(request.url ?? '/', 'http://desk').pathname;
		const json = (status: number, body: unknown) => {
			response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
			return true;
		};
		const refuse = (status: number, code: string, details: object = {}) =>
			json(status, { error: { code, message: code, details, request_id: 'mock' } });

		if (path === '/api/status') return json(200, withReadings(this.#status()));
		if (await this.#pages.handle(request, response)) return true;
		if (path === '/api/samples') return json(200, this.#samples);
		if (path === '/api/pictures' && request.method === 'POST') {
			const bytes = await body(request);
			if (bytes.length > limit)
				return refuse(413, 'picture_too_large', { bytes: bytes.length, limit });
			if (!mediaType(bytes)) return refuse(415, 'picture_type', { found: null, supported: [] });
			return json(201, this.#hold(bytes).facts);
		}
		if (path.startsWith('/api/pictures/')) {
			const held = this.#held.get(path.slice('/api/pictures/'.length));
			if (!held) return refuse(404, 'picture_unknown');
			response.writeHead(200, { 'content-type': held.facts.media_type }).end(held.bytes);
			return true;
		}
		if (path !== '/api/answers') return false;
		const question = JSON.parse((await body(request)).toString()) as AnswerRequest;
		const ids = question.messages.flatMap((m) =>
			m.content.flatMap((p) => (p.type === 'picture' ? [p.id] : []))
		);
		const unknown = ids.find((id) => !this.#held.has(id));
		if (unknown !== undefined) return refuse(404, 'picture_unknown', { id: unknown });
		await this.#answer(question, ids, response);
		return true;
	}

	async #answer(question: AnswerRequest, ids: string[], response: ServerResponse): Promise<void> {
		response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
		const words = question.messages.at(-1)?.content.find((part) => part.type === 'text');
		const sample = this.#answers.get(ids.at(-1) ?? '');
		const isChinese = /[\u4e00-\u9fff]/.test(words?.text ?? '');
		const known = isChinese ? (sample?.answer_zh ?? sample?.answer) : sample?.answer;
		this.#running += 1;
		try {
			for (const { after, event } of scriptFor(words?.text ?? '', ids.length, known)) {
				await pause(after * this.#pace);
				if (response.closed) return;
				response.write(wire(event));
			}
		} finally {
			this.#running -= 1;
			response.end();
		}
	}

	#hold(bytes: Buffer): Held {
		const id = createHash('sha256').update(bytes).digest('hex');
		const isPng = bytes[0] === 0x89;
		const width = isPng ? bytes.readUInt32BE(16) : 640;
		const height = isPng ? bytes.readUInt32BE(20) : 480;
		const tokens = Math.max(1, Math.round((width * height) / 1024));
		const media_type = mediaType(bytes) ?? 'application/octet-stream';
		const held = { bytes, facts: { id, width, height, bytes: bytes.length, tokens, media_type } };
		this.#held.set(id, held);
		return held;
	}

	#status(): Status {
		return {
			version: '0.1.0',
			state: { kind: 'ready' },
			model: { name: 'Lookdesk demo', demo: true, precision: 'bf16', parameters: 5_920_000 },
			device: { name: 'AMD EPYC 9B14', threads: 2, tier: 'avx512-bf16' },
			memory: { used_bytes: 412e6, total_bytes: 25.2e9 },
			queue: { running: this.#running, waiting: 0 },
			limits: {
				picture_bytes: limit,
				pictures_per_question: 8,
				picture_types: ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/bmp'],
				image_tokens: 1280,
				max_tokens: 2048,
				context_tokens: 4096
			},
			defaults: { temperature: 0.25, top_p: 0.8, top_k: 20, max_tokens: 256, rounds: 5 }
		};
	}
}

function wire(event: AnswerEvent): string {
	return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function mediaType(bytes: Buffer): string | undefined {
	if (bytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]))) return 'image/png';
	return bytes[0] === 0xff && bytes[1] === 0xd8 ? 'image/jpeg' : undefined;
}

async function body(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}
