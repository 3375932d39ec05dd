/**
 * A desk without a model: the same API, answers from a script, records in memory. For work on the page
 * (`npm run dev:mock`) and for screenshots of moments that pass quickly. Its shapes are the server's, so
 * it cannot drift from them unseen.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
	Box,
	Feedback,
	Reading,
	RoundEvent,
	RoundRequest,
	Status,
	StoredAnswer,
	StoredRound,
	Token
} from '../src/api/types.ts';
import { groupLabel } from './insights.ts';
import { readings, records } from './live.ts';
import { marksOf } from './marks.ts';
import { MockPages } from './pages.ts';
import { MockPictures, pictureLimit } from './pictures.ts';
import { MockRecords } from './records.ts';
import { nothing, scriptFor } from './script.ts';

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** One request, and the ways to reply. */
interface Exchange {
	request: IncomingMessage;
	response: ServerResponse;
	params: URLSearchParams;
	json: (status: number, body: unknown) => void;
	refuse: (status: number, code: string, details?: object) => void;
}

type Route = [method: string, path: RegExp, act: (x: Exchange, id: string) => unknown];

export class MockDesk {
	readonly #pictures: MockPictures;
	readonly records: MockRecords;
	readonly #pace: number;
	readonly #pages: MockPages;
	#running = 0;

	/** `pace` 1 is lifelike; 0 answers at once. */
	constructor(pace = 1, records = new MockRecords()) {
		this.#pace = pace;
		this.records = records;
		this.#pages = new MockPages(() => this.#status(), records);
		this.#pictures = new MockPictures();
	}

	/** Whether the request was the API's. */
	async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
		const url = new URL(request.url ?? '/', 'http://desk');
		for (const [method, path, act] of this.#routes) {
			const found = request.method === method ? path.exec(url.pathname) : null;
			if (!found) continue;
			const json = (status: number, body: unknown) => {
				response.writeHead(status, { 'content-type': 'application/json' });
				response.end(body === undefined ? undefined : JSON.stringify(body));
			};
			const refuse = (status: number, code: string, details: object = {}) =>
				json(status, { error: { code, message: code, details, request_id: 'mock' } });
			const exchange = { request, response, params: url.searchParams, json, refuse };
			await act(exchange, decodeURIComponent(found[1] ?? ''));
			return true;
		}
		return this.#pages.handle(request, response);
	}

	readonly #routes: Route[] = [
		['GET', /^\/api\/status$/, (x) => x.json(200, this.#status())],
		['GET', /^\/api\/samples$/, (x) => x.json(200, this.#pictures.samples)],
		[
			'POST',
			/^\/api\/pictures$/,
			async (x) => {
				const bytes = await body(x.request);
				const held = this.#pictures.take(bytes);
				if (bytes.length > pictureLimit)
					x.refuse(413, 'picture_too_large', { bytes: bytes.length, limit: pictureLimit });
				else if (!held) x.refuse(415, 'picture_type', { found: null, supported: [] });
				else x.json(201, held.facts);
			}
		],
		[
			'GET',
			/^\/api\/pictures\/(\w+)\/facts$/,
			(x, id) => {
				const held = this.#find(id);
				if (!held) return x.refuse(404, 'picture_unknown', { id });
				const most = Number(x.params.get('image_tokens') ?? Infinity);
				x.json(200, { ...held.facts, tokens: Math.min(held.facts.tokens, most) });
			}
		],
		[
			'GET',
			/^\/api\/pictures\/(\w+)(?:\/thumbnail)?$/,
			(x, id) => {
				const held = this.#find(id);
				if (!held) return x.refuse(404, 'picture_unknown', { id });
				x.response.writeHead(200, { 'content-type': held.facts.media_type }).end(held.bytes);
			}
		],
		[
			'GET',
			/^\/api\/conversations$/,
			(x) => {
				const group_label = groupLabel(x.params.get('group'), x.request);
				x.json(200, { ...this.records.list(x.params), group_label });
			}
		],
		[
			'POST',
			/^\/api\/conversations$/,
			async (x) => {
				const made = await sent<{ title?: string; customer?: string; follows?: string }>(x);
				x.json(201, this.records.whole(this.records.create(made)));
			}
		],
		[
			'GET',
			/^\/api\/conversations\/([^/]+)$/,
			(x, id) => this.#with(x, id, (kept) => x.json(200, this.records.whole(kept)))
		],
		[
			'PATCH',
			/^\/api\/conversations\/([^/]+)$/,
			async (x, id) => {
				const change = await sent<object>(x);
				this.#with(x, id, (kept) => x.json(200, this.records.summary(Object.assign(kept, change))));
			}
		],
		[
			'DELETE',
			/^\/api\/conversations\/([^/]+)$/,
			(x, id) =>
				this.#with(x, id, (kept) => {
					if (x.params.get('for_good') === 'true') {
						this.records.forget(id);
						this.#pages.records.noteDeleted(id);
					} else kept.deleted_at = Date.now();
					x.json(204, undefined);
				})
		],
		[
			'POST',
			/^\/api\/conversations\/([^/]+)\/restore$/,
			(x, id) =>
				this.#with(x, id, (kept) => {
					kept.deleted_at = null;
					x.json(200, this.records.whole(kept));
				})
		],
		['POST', /^\/api\/conversations\/([^/]+)\/rounds$/, (x, id) => this.#ask(x, id)],
		[
			'POST',
			/^\/api\/rounds\/([^/]+)\/answers$/,
			async (x, id) => {
				const found = this.records.round(id);
				if (!found) return x.refuse(404, 'round_unknown');
				await body(x.request);
				const answer = this.records.again(found.round);
				await this.#answer(x, found.kept.id, found.kept.title, found.round, answer);
			}
		],
		[
			'PATCH',
			/^\/api\/answers\/([^/]+)\/feedback$/,
			async (x, id) => {
				const found = this.records.answer(id);
				if (!found) return x.refuse(404, 'answer_unknown');
				const change = await sent<Partial<Feedback>>(x);
				found.answer.feedback = { ...found.answer.feedback, ...change };
				x.json(200, found.answer.feedback);
			}
		],
		['POST', /^\/api\/answers\/([^/]+)\/stop$/, (x, id) => this.#stop(x, id)],
		['POST', /^\/api\/answers\/([^/]+)\/evidence$/, (x, id) => this.#evidence(x, id)],
		['POST', /^\/api\/answers\/([^/]+)\/readings$/, (x, id) => this.#reading(x, id)]
	];

	#with(
		x: Exchange,
		id: string,
		act: (kept: NonNullable<ReturnType<MockRecords['find']>>) => void
	) {
		const kept = this.records.find(id);
		if (kept) act(kept);
		else x.refuse(404, 'conversation_unknown', { id });
	}

	#find(id: string) {
		return this.records.pictures.get(id) ?? this.#pictures.find(id);
	}

	async #ask(x: Exchange, id: string): Promise<void> {
		const kept = this.records.find(id);
		if (!kept) return x.refuse(404, 'conversation_unknown', { id });
		const said = await sent<Partial<RoundRequest>>(x);
		const plain = { question: '', pictures: [], role: '', remember: 5, settings: {} };
		const asked: RoundRequest = { ...plain, ...said };
		const unknown = asked.pictures.find((picture) => !this.#find(picture));
		if (unknown !== undefined) return x.refuse(404, 'picture_unknown', { id: unknown });
		const held = asked.pictures.flatMap((one) => this.#find(one) ?? []);
		held.forEach((one) => this.records.pictures.set(one.facts.id, one));
		const pictures = held.map(({ facts }) => facts);
		const { round, answer } = this.records.ask(kept, asked, pictures);
		await this.#answer(x, id, kept.title, round, answer);
	}

	async #answer(
		{ response }: Exchange,
		conversation: string,
		title: string,
		round: StoredRound,
		answer: StoredAnswer
	): Promise<void> {
		response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
		const say = (event: RoundEvent) =>
			response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
		say({
			type: 'asked',
			conversation,
			round: round.id,
			answer: answer.id,
			title,
			remembered_rounds: round.remembered_rounds,
			dropped_rounds: 0,
			dropped_pictures: []
		});
		const all = this.records.find(conversation)?.rounds.flatMap((one) => one.pictures) ?? [];
		const known = this.#pictures.knownAnswer(all.at(-1)?.id, round.question);
		const tokens: Token[] = [];
		this.#running += 1;
		try {
			for (const { after, event } of scriptFor(round.question, all.length, known)) {
				await pause(after * this.#pace);
				if (response.closed || answer.state !== 'running') break;
				if (event.type === 'delta') {
					answer.text += event.text;
					tokens.push(...event.tokens);
				}
				const marks = marksOf(answer.text, tokens);
				if (event.type === 'delta' && marks.length > answer.marks.length) {
					say({ type: 'mark', marks: marks.slice(0, -1) });
				}
				answer.marks = marks;
				if (event.type === 'done') {
					const { finish_reason, usage, timings } = event;
					Object.assign(answer, { state: 'done', finish_reason, usage, timings });
					say({ type: 'mark', marks });
				}
				say(event);
			}
		} finally {
			if (answer.state === 'running') answer.state = 'left';
			if (answer.state === 'cancelled') {
				say({ type: 'done', finish_reason: 'cancelled', ...nothing });
			}
			this.#running -= 1;
			response.end();
		}
	}

	#stop(x: Exchange, id: string): void {
		const found = this.records.answer(id);
		if (!found) return x.refuse(404, 'answer_unknown');
		const { answer } = found;
		if (answer.state === 'running') {
			Object.assign(answer, { state: 'cancelled', finish_reason: 'cancelled' });
		}
		x.json(204, undefined);
	}

	async #evidence(x: Exchange, id: string): Promise<void> {
		const found = this.records.answer(id);
		if (!found) return x.refuse(404, 'answer_unknown');
		await pause(900 * this.#pace);
		const picture = this.#pictureFor(found.round);
		const { answer } = found;
		const strings = answer.marks.map(({ start, end }) => answer.text.slice(start, end));
		answer.evidence = picture
			? strings.slice(0, 3).map((label, index) => {
					const top = 180 + index * 230;
					return { id: randomUUID(), picture, label, box: [260, top, 800, top + 150] };
				})
			: [];
		x.json(200, { evidence: answer.evidence, said: '' });
	}

	async #reading(x: Exchange, id: string): Promise<void> {
		const found = this.records.answer(id);
		if (!found) return x.refuse(404, 'answer_unknown');
		const { picture, box, was, start } = await sent<{
			picture: string;
			box: Box | null;
			was: string;
			start?: number;
		}>(x);
		await pause(1200 * this.#pace);
		if (box === null && /^\d{4}\./.test(was)) return x.refuse(422, 'no_place', { was });
		const text = was.replace('E102', 'E107');
		const reading: Reading = {
			id: randomUUID(),
			picture,
			box: box ?? [420, 260, 800, 420],
			was,
			start: start ?? null,
			text,
			agrees: text === was,
			probability: 0.93
		};
		found.answer.readings.push(reading);
		x.json(200, reading);
	}

	#pictureFor(round: StoredRound): string | undefined {
		const kept = this.records.round(round.id)?.kept;
		return kept?.rounds.flatMap(({ pictures }) => pictures).at(-1)?.id;
	}

	#status(): Status {
		return {
			version: '0.1.0',
			state: { kind: 'ready' },
			model: { name: 'Lookdesk demo', demo: true, precision: 'bf16', parameters: 5_920_000 },
			device: { name: 'AMD EPYC 9B14', threads: 2, tier: 'avx512-bf16' },
			memory: { used_bytes: 412e6, total_bytes: 25.2e9 },
			queue: { running: this.#running, waiting: 0 },
			readings: readings(this.#running),
			records,
			limits: {
				picture_bytes: pictureLimit,
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

async function body(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

async function sent<Body>({ request }: Exchange): Promise<Body> {
	return JSON.parse((await body(request)).toString() || '{}') as Body;
}
