import { beforeEach, describe, expect, it, vi } from 'vitest';
import { pictureOrder } from '../answer/history';
import { Problem } from '../api/problem';
import type { AnswerEvent, AnswerRequest } from '../api/types';
import { Conversation, type Manner } from './conversation.svelte';
import { DeskPicture } from './picture.svelte';

const upload = vi.hoisted(() => vi.fn());
vi.mock('../api/client', () => ({
	uploadPicture: upload,
	askQuestion: vi.fn(),
	pictureUrl: (id: string) => id
}));

const manner: Manner = {
	role: '',
	memory: { rounds: 5, pictures: 8 },
	settings: { temperature: 0 }
};
const done = {
	type: 'done',
	finish_reason: 'stop',
	usage: {},
	timings: {}
} as unknown as AnswerEvent;
const delta = (text: string): AnswerEvent => ({
	type: 'delta',
	text,
	tokens: [{ text, logprob: 0 }]
});

/** A server that plays one script per question; a script may end in a problem. */
function server(...scripts: (AnswerEvent | Problem)[][]) {
	const asked: AnswerRequest[] = [];
	async function* ask(request: AnswerRequest) {
		asked.push(request);
		for (const step of scripts.shift() ?? []) {
			await Promise.resolve();
			if (step instanceof Problem) throw step;
			yield step;
		}
	}
	return { asked, conversation: new Conversation(ask as never) };
}

const picture = () => DeskPicture.fromFile(new File(['x'], 'x.png'));
const held = { id: 'p1', width: 2, height: 2, bytes: 1, tokens: 4, media_type: 'image/png' };

beforeEach(() => {
	upload.mockReset();
	upload.mockResolvedValue(held);
});

describe('a question', () => {
	it('uploads its pictures first, then streams words', async () => {
		const { asked, conversation } = server([delta('E1'), delta('02'), done]);
		await conversation.ask('code?', [picture()], manner);
		expect(asked[0]?.messages).toEqual([
			{
				role: 'user',
				content: [
					{ type: 'picture', id: 'p1' },
					{ type: 'text', text: 'code?' }
				]
			}
		]);
		expect(conversation.last?.answer?.text).toBe('E102');
		expect(conversation.last?.answer?.phase).toMatchObject({ kind: 'done', reason: 'stop' });
		expect(conversation.isAnswering).toBe(false);
	});

	it('sends the earlier rounds along', async () => {
		const { asked, conversation } = server([delta('A'), done], [delta('B'), done]);
		await conversation.ask('a?', [picture()], manner);
		await conversation.ask('b?', [], manner);
		expect(asked[1]?.messages.map((m) => m.role)).toEqual(['user', 'assistant', 'user']);
	});

	it('uploads again and asks again when the server has forgotten the picture', async () => {
		const { asked, conversation } = server(
			[delta('A'), done],
			[new Problem('picture_unknown', '', { status: 404 })],
			[delta('B'), done]
		);
		await conversation.ask('a?', [picture()], manner);
		await conversation.ask('b?', [], manner);
		expect(upload).toHaveBeenCalledTimes(2);
		expect(asked).toHaveLength(3);
		expect(conversation.last?.answer?.text).toBe('B');
	});

	it('fails with the problem, and a retry replaces the failed answer', async () => {
		const { conversation } = server([new Problem('queue_full')], [delta('A'), done]);
		await conversation.ask('a?', [picture()], manner);
		expect(conversation.last?.answer?.phase).toMatchObject({
			kind: 'failed',
			problem: { code: 'queue_full' }
		});
		await conversation.again(manner);
		expect(conversation.last?.answers).toHaveLength(1);
		expect(conversation.last?.answer?.text).toBe('A');
	});

	it('says so when the connection ends in the middle, and keeps the words', async () => {
		const { conversation } = server([delta('half')]);
		await conversation.ask('a?', [], manner);
		expect(conversation.last?.answer?.phase).toMatchObject({
			kind: 'failed',
			problem: { code: 'cut_short' }
		});
		expect(conversation.last?.answer?.text).toBe('half');
	});

	it('is not spoilt by a damaged picture of an earlier question', async () => {
		upload.mockRejectedValueOnce(new Problem('picture_unreadable'));
		const { asked, conversation } = server([delta('B'), done]);
		await conversation.ask('a?', [picture()], manner);
		expect(conversation.last?.answer?.phase).toMatchObject({ kind: 'failed' });
		await conversation.ask('b?', [picture()], manner);
		expect(conversation.last?.answer?.text).toBe('B');
		expect(pictureOrder(asked[0]?.messages ?? [])).toEqual(['p1']);
		expect(upload).toHaveBeenCalledTimes(2);
	});

	it('is not spoilt by a picture that neither server nor page have any more', async () => {
		vi.stubGlobal('fetch', () => Promise.resolve(new Response(null, { status: 404 })));
		const { asked, conversation } = server(
			[delta('A'), done],
			[new Problem('picture_unknown', '', { details: { id: 'lost' } })],
			[delta('B'), done]
		);
		const lost = DeskPicture.fromHeld({ ...held, id: 'lost', name: 'x.png' });
		await conversation.ask('a?', [lost], manner);
		await conversation.ask('b?', [], manner);
		expect(conversation.last?.answer?.phase).toMatchObject({
			kind: 'failed',
			problem: { code: 'picture_unknown' }
		});
		await conversation.ask('c?', [picture()], manner);
		expect(conversation.last?.answer?.text).toBe('B');
		expect(pictureOrder(asked.at(-1)?.messages ?? [])).toEqual(['p1']);
		vi.unstubAllGlobals();
	});

	it('fails when a picture cannot be uploaded', async () => {
		upload.mockRejectedValue(new Problem('unreachable'));
		const { asked, conversation } = server();
		await conversation.ask('a?', [picture()], manner);
		expect(conversation.last?.answer?.phase).toMatchObject({
			kind: 'failed',
			problem: { code: 'unreachable' }
		});
		expect(asked).toHaveLength(0);
	});
});

describe('stop', () => {
	it('keeps what has been said', async () => {
		const conversation = new Conversation(async function* (_request, signal) {
			yield delta('so far');
			await new Promise((_, reject) =>
				signal.addEventListener('abort', () => reject(signal.reason))
			);
		});
		const asking = conversation.ask('a?', [], manner);
		await vi.waitFor(() => expect(conversation.last?.answer?.text).toBe('so far'));
		conversation.stop();
		await asking;
		expect(conversation.last?.answer?.phase).toEqual({ kind: 'done', reason: 'cancelled' });
		expect(conversation.last?.answer?.text).toBe('so far');
	});
});

describe('again', () => {
	it('keeps the earlier answer and shows the new one', async () => {
		const { asked, conversation } = server([delta('A'), done], [delta('B'), done]);
		await conversation.ask('a?', [], manner);
		await conversation.again(manner);
		expect(conversation.last?.answers.map((a) => a.text)).toEqual(['A', 'B']);
		expect(conversation.last?.shown).toBe(1);
		expect(asked[1]?.settings?.seed).toBeTypeOf('number');
	});
});

describe('clear', () => {
	it('can be taken back', async () => {
		const { conversation } = server([delta('A'), done]);
		await conversation.ask('a?', [], manner);
		const undo = conversation.clear();
		expect(conversation.rounds).toHaveLength(0);
		undo();
		expect(conversation.last?.answer?.text).toBe('A');
	});
});
