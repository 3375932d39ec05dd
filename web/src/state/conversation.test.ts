import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { RoundEvent, RoundRequest, StoredRound, WholeConversation } from '../api/types';
import { keepBegun } from './begun';
import { Conversation, type Manner, type Records } from './conversation.svelte';
import { Draft } from './draft.svelte';
import { DeskPicture } from './picture.svelte';

const upload = vi.hoisted(() => vi.fn());
vi.mock('../api/client', () => ({ uploadPicture: upload, pictureUrl: (id: string) => id }));

const manner: Manner = { role: 'role', remember: 5, settings: { temperature: 0 } };
const done = {
	type: 'done',
	finish_reason: 'stop',
	usage: {},
	timings: {}
} as unknown as RoundEvent;
const delta = (text: string): RoundEvent => ({ type: 'delta', text, tokens: [] });
const asked = (round: string, answer = `${round}-a`): RoundEvent => ({
	type: 'asked',
	conversation: 'c1',
	round,
	answer,
	title: 'Title',
	remembered_rounds: 0,
	dropped_rounds: 0,
	dropped_pictures: []
});
const whole = (rounds: StoredRound[] = []) =>
	({
		id: 'c1',
		title: 'Title',
		follows: null,
		followed_by: [],
		created_at: 1,
		rounds
	}) as unknown as WholeConversation;
const stored = (id: string, question: string, state = 'done', text = 'said') =>
	({
		id,
		question,
		asked_at: 1,
		pictures: [],
		answers: [
			{
				id: `${id}-a`,
				state,
				text,
				marks: [],
				evidence: [],
				readings: [],
				feedback: {},
				finish_reason: 'stop'
			}
		]
	}) as unknown as StoredRound;

type Step = RoundEvent | Problem;

/** A server that plays one script per question; a script may end in a problem. */
function server(...scripts: Step[][]) {
	const requests: RoundRequest[] = [];
	const repeats: [string, object][] = [];
	async function* play(signal: AbortSignal) {
		for (const step of scripts.shift() ?? []) {
			await Promise.resolve();
			signal.throwIfAborted();
			if (step instanceof Problem) throw step;
			yield step;
		}
	}
	const records = {
		createConversation: vi.fn(() => Promise.resolve(whole())),
		readConversation: vi.fn(() => Promise.resolve(whole())),
		changeConversation: vi.fn(() => Promise.resolve({})),
		stopAnswer: vi.fn(() => Promise.resolve()),
		askRound: (_id: string, request: RoundRequest, signal: AbortSignal) => {
			requests.push(request);
			return play(signal);
		},
		answerAgain: (round: string, more: object, signal: AbortSignal) => {
			repeats.push([round, more]);
			return play(signal);
		}
	};
	const conversation = new Conversation(Draft.unborn(), records as unknown as Records);
	return { requests, repeats, records, conversation };
}

const picture = () => DeskPicture.fromFile(new File(['x'], 'x.png'));
const held = { id: 'p1', width: 2, height: 2, bytes: 1, tokens: 4, media_type: 'image/png' };
const questions = (conversation: Conversation) =>
	conversation.rounds.map((round) => round.question);

beforeEach(() => {
	localStorage.clear();
	upload.mockReset();
	upload.mockResolvedValue(held);
});

describe('the first question', () => {
	it('uploads its pictures, creates the conversation, then streams words', async () => {
		const { requests, records, conversation } = server([
			asked('r1'),
			delta('E1'),
			delta('02'),
			done
		]);
		conversation.customer = 'Ann';
		await conversation.ask('code?', [picture()], manner);
		expect(records.createConversation).toHaveBeenCalledWith({ customer: 'Ann' });
		expect(requests[0]).toEqual({ question: 'code?', pictures: ['p1'], ...manner });
		expect(conversation).toMatchObject({ id: 'c1', title: 'Title', isAnswering: false });
		expect(conversation.last?.answer).toMatchObject({
			id: 'r1-a',
			text: 'E102',
			phase: { kind: 'done', reason: 'stop' }
		});
	});

	it('leaves one conversation behind, not two, when it has to be sent again', async () => {
		const { records, requests, conversation } = server(
			[new Problem('queue_full')],
			[asked('r1'), delta('A'), done]
		);
		await conversation.ask('a?', [], manner);
		expect(conversation.last?.answer?.phase).toMatchObject({ kind: 'failed' });
		await conversation.again(manner);
		expect(records.createConversation).toHaveBeenCalledOnce();
		expect(requests).toHaveLength(2);
		expect(conversation.last?.answers.map(({ text }) => text)).toEqual(['A']);
	});

	it('gives a picture again that a restarted server has forgotten', async () => {
		const { requests, conversation } = server(
			[new Problem('picture_unknown', '', { details: { id: 'p1' } })],
			[asked('r1'), delta('B'), done]
		);
		await conversation.ask('a?', [picture()], manner);
		expect(upload).toHaveBeenCalledTimes(2);
		expect(requests).toHaveLength(2);
		expect(conversation.last?.answer?.text).toBe('B');
	});

	it('goes nowhere when a picture cannot be uploaded, and can go back to the box', async () => {
		upload.mockRejectedValue(new Problem('unreachable'));
		const { requests, records, conversation } = server();
		await conversation.ask('a?', [picture()], manner);
		const { last } = conversation;
		expect(last?.answer?.phase).toMatchObject({ kind: 'failed', problem: { code: 'unreachable' } });
		expect(requests).toHaveLength(0);
		expect(records.createConversation).not.toHaveBeenCalled();
		expect(last && conversation.takeBack(last)?.question).toBe('a?');
		expect(conversation.rounds).toHaveLength(0);
	});
});

describe('an answer', () => {
	it('takes the marks the desk sends, all of them each time', async () => {
		const mark = (start: number) => ({
			start,
			end: start + 1,
			certainty: 'check',
			probability: 0.7
		});
		const { conversation } = server([
			asked('r1'),
			delta('1 2'),
			{ type: 'mark', marks: [mark(0)] } as RoundEvent,
			{ type: 'mark', marks: [mark(0), mark(2)] } as RoundEvent,
			done
		]);
		await conversation.ask('a?', [], manner);
		expect(conversation.last?.answer?.marks.map(({ start }) => start)).toEqual([0, 2]);
	});

	it('that breaks off keeps its words, and a retry answers the same round', async () => {
		const { repeats, conversation } = server(
			[asked('r1'), delta('half')],
			[asked('r1', 'r1-b'), delta('whole'), done]
		);
		await conversation.ask('a?', [], manner);
		expect(conversation.last?.answer).toMatchObject({
			text: 'half',
			phase: { kind: 'failed', problem: { code: 'cut_short' } }
		});
		await conversation.again(manner);
		expect(repeats).toEqual([['r1', {}]]);
		expect(conversation.last?.answers.map(({ text }) => text)).toEqual(['half', 'whole']);
		expect(conversation.last?.shown).toBe(1);
	});

	it('whose connection breaks in the middle says so, not that nobody is there', async () => {
		const { conversation, records } = server();
		records.askRound = async function* () {
			yield asked('r1');
			yield delta('half');
			throw new TypeError('network error');
		} as never;
		await conversation.ask('a?', [], manner);
		expect(conversation.last?.answer).toMatchObject({
			text: 'half',
			phase: { kind: 'failed', problem: { code: 'cut_short' } }
		});
	});

	it('asked for again is another one: it gets another seed', async () => {
		const { repeats, conversation } = server(
			[asked('r1'), delta('A'), done],
			[asked('r1', 'r1-b'), delta('B'), done]
		);
		await conversation.ask('a?', [], manner);
		await conversation.again(manner);
		expect(repeats[0]?.[1]).toEqual({ seed: expect.any(Number) as number });
		expect(conversation.last?.answers.map(({ text }) => text)).toEqual(['A', 'B']);
	});

	it('that is stopped is ended by the server, which tells what it cost', async () => {
		const { conversation, records } = server();
		let stop: () => void = () => undefined;
		const stopped = new Promise<void>((done) => (stop = done));
		records.stopAnswer.mockImplementation(() => Promise.resolve(stop()));
		records.askRound = async function* () {
			yield asked('r1', 'r1-a');
			yield delta('so far');
			await stopped;
			yield { ...done, finish_reason: 'cancelled' };
		} as never;
		const asking = conversation.ask('a?', [], manner);
		await vi.waitFor(() => expect(conversation.last?.answer?.text).toBe('so far'));
		conversation.stop();
		conversation.stop();
		await asking;
		expect(records.stopAnswer).toHaveBeenCalledExactlyOnceWith('r1-a');
		expect(conversation.last?.answer?.phase).toMatchObject({ kind: 'done', reason: 'cancelled' });
	});

	it('stopped before the server has named it is stopped once it has', async () => {
		const { conversation, records } = server();
		conversation.id = 'c1';
		let store: () => void = () => undefined;
		const isStored = new Promise<void>((done) => (store = done));
		records.askRound = async function* () {
			await isStored;
			yield asked('r1', 'r1-a');
			yield { ...done, finish_reason: 'cancelled' };
		} as never;
		const asking = conversation.ask('a?', [], manner);
		await vi.waitFor(() => expect(conversation.last?.answer?.phase.kind).toBe('asking'));
		conversation.stop();
		expect(records.stopAnswer).not.toHaveBeenCalled();
		store();
		await asking;
		expect(records.stopAnswer).toHaveBeenCalledWith('r1-a');
	});

	it('that is stopped keeps what has been said though the server cannot be told', async () => {
		const { conversation, records } = server();
		records.askRound = async function* (_id: string, _request: unknown, signal: AbortSignal) {
			yield asked('r1');
			yield delta('so far');
			await new Promise((_, reject) =>
				signal.addEventListener('abort', () => reject(signal.reason))
			);
		} as never;
		records.stopAnswer.mockRejectedValue(new Problem('unreachable'));
		const asking = conversation.ask('a?', [], manner);
		await vi.waitFor(() => expect(conversation.last?.answer?.text).toBe('so far'));
		conversation.stop();
		await asking;
		expect(conversation.last?.answer).toMatchObject({
			text: 'so far',
			phase: { kind: 'done', reason: 'cancelled' }
		});
	});

	it('stopped while its conversation is made stays stopped', async () => {
		const { conversation, records, requests } = server();
		let made: (whole: WholeConversation) => void = () => undefined;
		records.createConversation.mockReturnValue(new Promise((done) => (made = done)));
		const asking = conversation.ask('a?', [], manner);
		await vi.waitFor(() => expect(records.createConversation).toHaveBeenCalled());
		conversation.stop();
		await asking;
		made(whole());
		await Promise.resolve();
		await Promise.resolve();
		expect(conversation.last?.answer?.phase).toEqual({ kind: 'done', reason: 'cancelled' });
		expect(requests).toHaveLength(0);
	});

	it('stopped before the server said it had the question takes what the server has', async () => {
		const { conversation, records } = server();
		conversation.id = 'c1';
		records.askRound = async function* (_id: string, _request: unknown, signal: AbortSignal) {
			await new Promise((_, reject) =>
				signal.addEventListener('abort', () => reject(signal.reason))
			);
			yield done;
		} as never;
		records.readConversation.mockResolvedValue(whole([stored('r1', 'a?', 'cancelled', '')]));
		const asking = conversation.ask('a?', [], manner);
		await vi.waitFor(() => expect(conversation.last?.answer?.phase.kind).toBe('asking'));
		conversation.stop();
		await asking;
		expect(conversation.rounds.map(({ id }) => id)).toEqual(['r1']);
	});
});

describe('a question asked instead of an earlier one', () => {
	const three = async (...scripts: Step[][]) => {
		const made = server(...scripts);
		made.conversation.adopt(whole([stored('r1', 'a?'), stored('r2', 'b?'), stored('r3', 'c?')]));
		return made;
	};

	it('takes its place, and the later ones leave', async () => {
		const { requests, conversation } = await three([asked('r4'), delta('B'), done]);
		await conversation.ask('b, changed?', [], manner, conversation.rounds[1]);
		expect(requests[0]?.replaces).toBe('r2');
		expect(questions(conversation)).toEqual(['a?', 'b, changed?']);
	});

	it('that never arrives can be taken back, and everything is there again', async () => {
		const { conversation } = await three([new Problem('queue_full')]);
		await conversation.ask('b, changed?', [], manner, conversation.rounds[1]);
		const { last } = conversation;
		if (last) conversation.takeBack(last);
		expect(questions(conversation)).toEqual(['a?', 'b?', 'c?']);
	});
});

describe('a question that never arrived', () => {
	const lost = () => new Problem('unreachable');

	it('is not taken for an earlier one with the same words', async () => {
		const { conversation } = server([lost()]);
		conversation.adopt(whole([stored('r1', 'a?')]));
		await conversation.ask('a?', [], manner);
		conversation.adopt(whole([stored('r1', 'a?')]));
		expect(questions(conversation)).toEqual(['a?', 'a?']);
		expect(conversation.last?.id).toBeUndefined();
	});

	it('as a changed one, brings nothing twice when the conversation is read again', async () => {
		const { conversation } = server([lost()]);
		const kept = () => whole([stored('r1', 'a?'), stored('r2', 'b?'), stored('r3', 'c?')]);
		conversation.adopt(kept());
		await conversation.ask('b, changed?', [], manner, conversation.rounds[1]);
		conversation.adopt(kept());
		expect(questions(conversation)).toEqual(['a?', 'b, changed?']);
		const { last } = conversation;
		if (last) conversation.takeBack(last);
		expect(questions(conversation)).toEqual(['a?', 'b?', 'c?']);
	});

	it('stays where it is when another is asked, and can still be taken back', async () => {
		const { conversation } = server([lost()], [asked('r9'), delta('D'), done]);
		const kept = [stored('r1', 'a?'), stored('r2', 'b?')];
		conversation.adopt(whole(kept));
		await conversation.ask('b, changed?', [], manner, conversation.rounds[1]);
		const changed = conversation.last;
		await conversation.ask('d?', [], manner);
		expect(questions(conversation)).toEqual(['a?', 'b?', 'b, changed?', 'd?']);
		conversation.adopt(whole([...kept, stored('r9', 'd?')]));
		expect(questions(conversation)).toEqual(['a?', 'b?', 'b, changed?', 'd?']);
		if (changed) conversation.takeBack(changed);
		expect(questions(conversation)).toEqual(['a?', 'b?', 'd?']);
	});

	it('comes back to the box with a reload, until the server has it', async () => {
		const { conversation } = server([lost()], [asked('r1'), delta('A'), done]);
		const { draft } = conversation;
		const kept = () => Object.values(JSON.parse(localStorage.getItem('lookdesk.drafts') ?? '{}'));
		draft.words = 'a?';
		const asking = conversation.ask('a?', [], manner);
		draft.words = '';
		expect(kept()).toEqual(['a?']);
		await asking;
		draft.words = 'and b?';
		expect(kept()).toEqual(['a?\nand b?']);
		await conversation.again(manner);
		expect(kept()).toEqual(['and b?']);
	});
});

describe('a retry after the reply was lost', () => {
	const lost = () => new Problem('unreachable');

	it('asks nothing twice: what had arrived is shown', async () => {
		const { conversation, records, requests, repeats } = server([lost()]);
		await conversation.ask('a?', [], manner);
		const { last } = conversation;
		records.readConversation.mockResolvedValue(whole([stored('r1', 'a?')]));
		await conversation.again(manner);
		expect(requests).toHaveLength(1);
		expect(repeats).toEqual([]);
		expect(conversation.rounds).toEqual([last]);
		expect(last?.answer).toMatchObject({ id: 'r1-a', text: 'said', phase: { kind: 'done' } });
		expect(conversation.isAnswering).toBe(false);
	});

	it('answers the question that had arrived, where its answer was left with the connection', async () => {
		const { conversation, records, requests, repeats } = server(
			[lost()],
			[asked('r1', 'r1-b'), delta('whole'), done]
		);
		await conversation.ask('a?', [], manner);
		records.readConversation.mockResolvedValue(whole([stored('r1', 'a?', 'left', 'ha')]));
		await conversation.again(manner);
		expect(requests).toHaveLength(1);
		expect(repeats).toEqual([['r1', {}]]);
		expect(conversation.rounds).toHaveLength(1);
		expect(conversation.last?.answers.map(({ text }) => text)).toEqual(['ha', 'whole']);
		expect(conversation.last?.answer?.text).toBe('whole');
	});

	it('asks again what had not arrived, though an earlier question has the same words', async () => {
		const { conversation, records, requests } = server([lost()], [asked('r2'), delta('B'), done]);
		records.readConversation.mockResolvedValue(whole([stored('r1', 'a?')]));
		conversation.adopt(whole([stored('r1', 'a?')]));
		await conversation.ask('a?', [], manner);
		await conversation.again(manner);
		expect(requests).toHaveLength(2);
		expect(conversation.rounds.map(({ id }) => id)).toEqual(['r1', 'r2']);
	});

	it('pressed twice asks once', async () => {
		const { conversation, requests } = server([lost()], [asked('r1'), delta('A'), done], [done]);
		await conversation.ask('a?', [], manner);
		await Promise.all([conversation.again(manner), conversation.again(manner)]);
		expect(requests).toHaveLength(2);
		expect(conversation.last?.answers.map(({ text }) => text)).toEqual(['A']);
	});
});

describe('a stored conversation', () => {
	it('says which answer was interrupted, and which is under way elsewhere', () => {
		const { conversation } = server();
		conversation.adopt(
			whole([stored('r1', 'a?', 'interrupted', 'ha'), stored('r2', 'b?', 'running')])
		);
		expect(conversation.rounds[0]?.answer).toMatchObject({
			text: 'ha',
			phase: { kind: 'interrupted', by: 'desk' }
		});
		expect(conversation.isAnsweredElsewhere).toBe(true);
	});

	it('is still watched when a question asked meanwhile was refused', async () => {
		const { conversation, records } = server([new Problem('answer_running', '', { status: 409 })]);
		const running = whole([stored('r1', 'a?', 'running')]);
		records.readConversation.mockResolvedValue(running);
		conversation.adopt(running);
		await conversation.ask('b?', [], manner);
		expect(conversation.isAnsweredElsewhere).toBe(true);
		conversation.adopt(whole([stored('r1', 'a?')]));
		expect(conversation.isAnsweredElsewhere).toBe(false);
		expect(questions(conversation)).toEqual(['a?', 'b?']);
	});

	it('is read again where somebody else has asked on, and that is said', async () => {
		const { conversation, records } = server([
			new Problem('round_not_newest', '', { status: 409 })
		]);
		conversation.adopt(whole([stored('r1', 'a?')]));
		conversation.onBehind = vi.fn();
		records.readConversation.mockResolvedValue(whole([stored('r1', 'a?'), stored('r2', 'b?')]));
		await conversation.again(manner);
		expect(questions(conversation)).toEqual(['a?', 'b?']);
		expect(conversation.rounds[0]?.answers.map(({ id }) => id)).toEqual(['r1-a']);
		expect(conversation.onBehind).toHaveBeenCalledOnce();
	});

	it('somebody else has changed keeps a changed question at its end', async () => {
		const { conversation, records } = server([new Problem('round_unknown', '', { status: 404 })]);
		conversation.adopt(whole([stored('r1', 'a?'), stored('r2', 'b?')]));
		conversation.onBehind = vi.fn();
		records.readConversation.mockResolvedValue(whole([stored('r3', 'other?')]));
		await conversation.ask('a, changed?', [], manner, conversation.rounds[0]);
		expect(questions(conversation)).toEqual(['other?', 'a, changed?']);
		expect(conversation.last?.answer?.phase).toMatchObject({ kind: 'failed' });
		expect(conversation.onBehind).not.toHaveBeenCalled();
	});

	it('is brought up to date without losing a question that never arrived', async () => {
		const { conversation } = server([new Problem('unreachable')]);
		conversation.adopt(whole([stored('r1', 'a?')]));
		const [first] = conversation.rounds;
		await conversation.ask('b?', [], manner);
		conversation.adopt(whole([stored('r1', 'a?')]));
		expect(questions(conversation)).toEqual(['a?', 'b?']);
		expect(conversation.rounds[0]).toBe(first);
	});

	it('asked in by somebody else meanwhile shows all rounds, and words go on coming', async () => {
		const { conversation, records } = server();
		conversation.adopt(whole([stored('r1', 'a?')]));
		const [first] = conversation.rounds;
		let say: (text?: string) => void = () => undefined;
		records.askRound = async function* () {
			yield { ...(asked('r3') as object), remembered_rounds: 2 } as RoundEvent;
			yield delta('D');
			for (;;) {
				const text = await new Promise<string | undefined>((said) => (say = said));
				yield text === undefined ? done : delta(text);
				if (text === undefined) return;
			}
		} as never;
		records.readConversation.mockResolvedValue(
			whole([stored('r1', 'a?'), stored('r2', 'b?'), stored('r3', 'c?', 'running', '')])
		);
		const asking = conversation.ask('c?', [], manner);
		const last = conversation.last;
		await vi.waitFor(() => expect(questions(conversation)).toEqual(['a?', 'b?', 'c?']));
		expect(conversation.rounds[0]).toBe(first);
		expect(conversation.last).toBe(last);
		await vi.waitFor(() => expect(last?.answer?.text).toBe('D'));
		say('E');
		await vi.waitFor(() => expect(last?.answer?.text).toBe('DE'));
		expect(last?.answer?.phase.kind).toBe('writing');
		say();
		await asking;
		expect(last?.answers).toHaveLength(1);
		expect(last?.answer).toMatchObject({ text: 'DE', phase: { kind: 'done' } });
	});

	it('is not read again for a question that followed on what is shown', async () => {
		const { conversation, records } = server([
			{ ...(asked('r2') as object), remembered_rounds: 1 } as RoundEvent,
			done
		]);
		conversation.adopt(whole([stored('r1', 'a?')]));
		await conversation.ask('b?', [], manner);
		expect(records.readConversation).not.toHaveBeenCalled();
	});

	it('that was read before a question was asked does not take the question away', async () => {
		const { conversation, records } = server([asked('r2'), delta('B'), done]);
		conversation.adopt(whole([stored('r1', 'a?')]));
		const both = whole([stored('r1', 'a?'), stored('r2', 'b?', 'done', 'B')]);
		let reply: (read: WholeConversation) => void = () => undefined;
		records.readConversation.mockResolvedValue(both);
		records.readConversation.mockReturnValueOnce(new Promise((done) => (reply = done)));
		const reading = conversation.refresh();
		await conversation.ask('b?', [], manner);
		reply(whole([stored('r1', 'a?')]));
		await reading;
		expect(questions(conversation)).toEqual(['a?', 'b?']);
		expect(conversation.last?.answer).toMatchObject({ text: 'B', phase: { kind: 'done' } });
	});

	it('goes on showing the answer that somebody is correcting', () => {
		const { conversation } = server();
		const round = stored('r1', 'a?');
		conversation.adopt(whole([round]));
		keepBegun('correction:r1-a', 'not quite');
		const again = { ...round.answers[0], id: 'r1-b' };
		const more = { ...round, answers: [...round.answers, again] } as StoredRound;
		conversation.adopt(whole([more]));
		expect(conversation.last?.answer?.id).toBe('r1-a');
		expect(conversation.last?.answers).toHaveLength(2);
	});

	it('keeps on the screen what was heard of an answer and not stored, and says so', () => {
		const { conversation } = server();
		const cut = (text: string, state = 'interrupted') => whole([stored('r1', 'a?', state, text)]);
		conversation.adopt(cut('Code E102 of', 'running'));
		const answer = conversation.last?.answer;
		conversation.adopt(cut('Code E1', 'running'));
		expect(answer).toMatchObject({ text: 'Code E102 of', isEndUnkept: false });
		conversation.adopt(cut('Code E1'));
		expect(answer).toMatchObject({ text: 'Code E102 of', isEndUnkept: true });
		expect(answer?.phase).toMatchObject({ kind: 'interrupted' });
		conversation.adopt(cut('Code E103'));
		expect(answer).toMatchObject({ text: 'Code E103', isEndUnkept: false });
	});

	it('shows the newest whole answer first', () => {
		const { conversation } = server();
		const round = stored('r1', 'a?');
		const again = { ...round.answers[0], id: 'r1-b', state: 'failed', text: '' };
		conversation.adopt(whole([{ ...round, answers: [...round.answers, again] } as StoredRound]));
		expect(conversation.last?.answer?.id).toBe('r1-a');
	});

	it('is as it was when the server refuses a change', async () => {
		const { conversation, records } = server();
		conversation.adopt(whole());
		records.changeConversation.mockRejectedValue(new Problem('unreachable'));
		const changing = conversation.change({ title: 'Other' });
		expect(conversation.title).toBe('Other');
		await expect(changing).rejects.toThrow(Problem);
		expect(conversation.title).toBe('Title');
	});
});

it('knows which picture is read, also when the oldest were left out', async () => {
	const { conversation, records } = server();
	const pictures = ['p1', 'p2', 'p3'].map((id) => ({ ...held, id }));
	conversation.adopt(whole([{ ...stored('r1', 'a?'), pictures }]));
	const gone = { ...(asked('r2') as object), dropped_pictures: ['p1'] } as RoundEvent;
	let go: () => void = () => undefined;
	records.askRound = async function* () {
		yield gone;
		yield { type: 'reading', picture: 1, of: 2, tokens: 4, cached: false };
		await new Promise<void>((done) => (go = done));
		yield done;
	} as never;
	const asking = conversation.ask('b?', [], manner);
	await vi.waitFor(() => expect(conversation.reading?.id).toBe('p2'));
	go();
	await asking;
	expect(conversation.reading).toBeUndefined();
});
