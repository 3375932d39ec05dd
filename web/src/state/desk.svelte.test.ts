import { flushSync } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { route } from '../router/route.svelte';
import { Desk } from './desk.svelte';
import { keepTrays } from './draft.svelte';
import { DeskPicture } from './picture.svelte';
import { notices } from './notice.svelte';
import { forgetLive } from './unborn';

const records = vi.hoisted(() => ({
	listConversations: vi.fn(),
	createConversation: vi.fn(),
	readConversation: vi.fn(),
	askRound: vi.fn(),
	deleteConversation: vi.fn()
}));
vi.mock('../api/conversations', () => records);
vi.mock('./health.svelte', () => {
	const health = $state({
		mood: 'ready',
		refresh: () => Promise.resolve(),
		watch: () => () => undefined
	});
	return { health };
});

const whole = { id: 'c1', title: 'T', customer: 'Ann', follows: null, followed_by: [], rounds: [] };
const facts = { id: 'p1', width: 9, height: 9, bytes: 9, tokens: 4, media_type: 'image/png' };
const address = (search: string) => new URLSearchParams(search);

beforeEach(() => {
	localStorage.clear();
	sessionStorage.clear();
	forgetLive();
	records.listConversations.mockResolvedValue({
		conversations: [],
		next_cursor: null,
		group_label: null
	});
	records.createConversation.mockResolvedValue(whole);
	records.readConversation.mockReset();
	records.readConversation.mockResolvedValue(whole);
	records.askRound.mockReset();
	records.askRound.mockImplementation(() => {
		throw new Problem('unreachable');
	});
});
afterEach(() => route.go('#/'));

describe('the words an address looks for', () => {
	it('stand in the search box, and go along when a conversation is opened', () => {
		const desk = new Desk();
		desk.follow('/', address('doubtful=true&query=E1O2'));
		expect(desk.cabinet.list).toMatchObject({ query: 'E1O2', filters: { doubtful: true } });
		desk.open('c1');
		expect(location.hash).toBe('#/c/c1?doubtful=true&query=E1O2');
		desk.follow(route.path, route.query);
		desk.narrow({});
		expect(location.hash).toBe('#/c/c1?query=E1O2');
	});

	it('leave the box with the address, but not what a person wrote there', () => {
		const desk = new Desk();
		const { list } = desk.cabinet;
		desk.follow('/', address('query=E1O2'));
		desk.follow('/', address(''));
		expect(list.query).toBe('');
		desk.follow('/', address('query=E1O2'));
		list.query = 'router';
		desk.open('c1');
		expect(location.hash).toBe('#/c/c1');
		desk.follow(route.path, route.query);
		expect(list.query).toBe('router');
	});
});

describe('a question that could not be sent', () => {
	it('is back in the box with its pictures when it is taken back', async () => {
		const desk = new Desk();
		const picture = DeskPicture.fromStored(facts);
		desk.tray.pictures = [picture];
		desk.draft = 'code?';
		await desk.ask();
		expect(desk.draft).toBe('');
		expect(desk.tray.pictures).toEqual([]);
		desk.draft = 'and more';
		const { last } = desk.conversation;
		if (last) desk.takeBack(last);
		expect(desk.draft).toBe('code?\nand more');
		expect(desk.tray.pictures).toEqual([picture]);
		expect(desk.conversation.rounds).toEqual([]);
	});

	it('is in the box once more where the desk has it, and found that it can never fit', async () => {
		const answers = [
			{ id: 'a1', state: 'failed', text: '', problem: { code: 'question_too_long' }, marks: [] }
		];
		const stored = { id: 'r1', question: 'long?', pictures: [facts], answers };
		records.readConversation.mockResolvedValue({ ...whole, rounds: [stored] });
		const desk = new Desk();
		desk.follow('/c/c1', address(''));
		await vi.waitFor(() => expect(desk.conversation.last?.answer?.isHopeless).toBe(true));
		const { last } = desk.conversation;
		desk.draft = 'please';
		if (last) desk.takeBack(last);
		if (last) desk.takeBack(last);
		expect(desk.draft).toBe('long?\nplease');
		expect(desk.tray.pictures).toEqual([]);
		expect(desk.conversation.last).toBe(last);
	});

	it('is in the box again after a reload', async () => {
		const desk = new Desk();
		const unstored = new Promise(() => undefined);
		records.createConversation.mockReturnValue(unstored);
		desk.draft = 'code?';
		void desk.ask();
		expect(desk.draft).toBe('');
		forgetLive();
		expect(new Desk().draft).toBe('code?');
	});

	it('is sent once, however often one presses', () => {
		const desk = new Desk();
		records.createConversation.mockReturnValue(new Promise(() => undefined));
		desk.draft = 'code?';
		void desk.ask();
		void desk.ask();
		expect(desk.conversation.rounds).toHaveLength(1);
	});
});

describe('a question whose page was left before it heard of it', () => {
	const stored = { id: 'r1', question: 'code?', asked_at: 1, pictures: [facts], answers: [] };

	/** A page that has asked, and one loaded after it. */
	async function reloaded(): Promise<Desk> {
		records.askRound.mockImplementation(async function* () {
			await new Promise(() => undefined);
			yield undefined;
		});
		const before = new Desk();
		before.tray.pictures = [DeskPicture.fromStored(facts)];
		before.draft = 'code?';
		void before.ask();
		await vi.waitFor(() => expect(records.askRound).toHaveBeenCalled());
		keepTrays([before.conversation.draft]);
		forgetLive();
		vi.stubGlobal('fetch', () => Promise.resolve(new Response(null, { status: 404 })));
		const desk = new Desk();
		expect(desk.draft).toBe('code?');
		expect(desk.tray.pictures).toHaveLength(1);
		return desk;
	}

	function started(desk: Desk): () => void {
		let stop = () => {};
		const end = $effect.root(() => {
			stop = desk.start();
		});
		return () => {
			stop();
			end();
		};
	}

	it('stands where it was asked, and not in the box as well, where it had arrived', async () => {
		const desk = await reloaded();
		records.readConversation.mockResolvedValue({ ...whole, rounds: [stored] });
		const end = started(desk);
		await vi.waitFor(() => expect(desk.conversation.rounds).toHaveLength(1));
		expect(desk.conversation.id).toBe('c1');
		expect(location.hash).toBe('#/c/c1');
		expect(desk.draft).toBe('');
		expect(desk.tray.pictures).toEqual([]);
		end();
		forgetLive();
		expect(new Desk().draft).toBe('');
	});

	it('leaves what was written since for the next one', async () => {
		const desk = await reloaded();
		desk.draft = 'code?\nand the date?';
		records.readConversation.mockResolvedValue({ ...whole, rounds: [stored] });
		const end = started(desk);
		await vi.waitFor(() => expect(desk.conversation.id).toBe('c1'));
		expect(desk.draft).toBe('and the date?');
		end();
	});

	it.each([
		['had not arrived', () => records.readConversation.mockResolvedValue(whole)],
		[
			'stands there from before',
			() =>
				records.readConversation.mockResolvedValue({
					...whole,
					rounds: [{ ...stored, pictures: [] }]
				})
		],
		[
			'belongs to what was deleted since',
			() => records.readConversation.mockRejectedValue(new Problem('x', '', { status: 404 }))
		]
	])('is in the box where it %s', async (_, answer) => {
		const desk = await reloaded();
		answer();
		records.readConversation.mockClear();
		const end = started(desk);
		await vi.waitFor(() => expect(records.readConversation).toHaveBeenCalled());
		await Promise.resolve();
		expect(desk.draft).toBe('code?');
		expect(desk.conversation.id).toBeUndefined();
		end();
	});
});

describe('the next picture of a chain', () => {
	it('keeps the draft that was begun for it, and the link over a reload', async () => {
		const desk = new Desk();
		desk.follow('/c/c1', address(''));
		await vi.waitFor(() => expect(desk.conversation.customer).toBe('Ann'));
		desk.another();
		desk.draft = 'half a question';
		desk.open('c1');
		desk.follow('/c/c1', address(''));
		desk.another();
		expect(desk.draft).toBe('half a question');
		let stop = () => {};
		const end = $effect.root(() => {
			stop = desk.start();
		});
		window.dispatchEvent(new Event('pagehide'));
		stop();
		end();
		forgetLive();
		const again = new Desk();
		expect(again.conversation).toMatchObject({ follows: 'c1', customer: 'Ann', id: undefined });
		expect(again.draft).toBe('half a question');
	});
});

describe('a page out of sight', () => {
	const isHidden = vi.spyOn(document, 'hidden', 'get');
	const show = (isShown: boolean) => {
		isHidden.mockReturnValue(!isShown);
		document.dispatchEvent(new Event('visibilitychange'));
	};
	afterEach(() => isHidden.mockReturnValue(false));

	it('leaves its drafts, for a phone may end it without a word, and has them again when it is back', () => {
		const desk = new Desk();
		let stop = () => {};
		const end = $effect.root(() => {
			stop = desk.start();
		});
		desk.draft = 'half a question';
		const left = () => localStorage.getItem('lookdesk.drafts.left');
		show(false);
		expect(left()).toContain('new:');
		show(true);
		expect(left()).toBe('[]');
		stop();
		end();
	});
});

describe('a desk that was out of reach', () => {
	it('is asked what it has, as soon as it is back', async () => {
		const desk = new Desk();
		const { health } = desk;
		desk.follow('/c/c1', address(''));
		await vi.waitFor(() => expect(desk.conversation.customer).toBe('Ann'));
		const end = $effect.root(() => void desk.start());
		flushSync();
		records.readConversation.mockClear();
		Object.assign(health, { mood: 'unreachable' });
		flushSync();
		expect(records.readConversation).not.toHaveBeenCalled();
		Object.assign(health, { mood: 'ready' });
		flushSync();
		expect(records.readConversation).toHaveBeenCalledWith('c1');
		end();
	});
});

describe('an open conversation', () => {
	afterEach(() => vi.useRealTimers());

	it('is read again when the list says that somebody has gone on in it, soon after the queue moves', async () => {
		vi.useFakeTimers();
		const said = (updated_at: number) => {
			const conversations = [{ ...whole, updated_at }];
			records.listConversations.mockResolvedValue({ conversations, next_cursor: null });
			records.readConversation.mockResolvedValue({ ...whole, updated_at });
		};
		said(5);
		const desk = new Desk();
		desk.follow('/c/c1', address(''));
		const end = $effect.root(() => void desk.start());
		flushSync();
		await vi.advanceTimersByTimeAsync(60_000);
		expect(records.readConversation).toHaveBeenCalledOnce();
		said(6);
		const tell = (running: number) => {
			const queue = { running, waiting: 0 };
			Object.assign(desk.health, { status: { queue, limits: {}, defaults: {} } });
			flushSync();
		};
		tell(1);
		await vi.advanceTimersByTimeAsync(5000);
		expect(records.readConversation).toHaveBeenCalledTimes(2);
		expect(desk.conversation.readUntil).toBe(6);
		const looks = records.listConversations.mock.calls.length;
		tell(1);
		await vi.advanceTimersByTimeAsync(6000);
		expect(records.listConversations).toHaveBeenCalledTimes(looks);
		end();
		Object.assign(desk.health, { status: undefined });
	});
});

describe('a new conversation', () => {
	async function chained(): Promise<Desk> {
		const desk = new Desk();
		desk.follow('/c/c1', address(''));
		await vi.waitFor(() => expect(desk.conversation.customer).toBe('Ann'));
		desk.another();
		desk.draft = 'her next picture';
		return desk;
	}

	it('begun beside an unasked next picture is nobody’s, and leaves the words to that picture', async () => {
		const desk = await chained();
		desk.fresh();
		expect(desk.conversation).toMatchObject({ id: undefined, follows: null, customer: null });
		expect(desk.draft).toBe('');
		desk.follow('/', address(''));
		desk.follow('/c/c1', address(''));
		desk.another();
		expect(desk.conversation).toMatchObject({ follows: 'c1', customer: 'Ann' });
		expect(desk.draft).toBe('her next picture');
	});

	it('is spoken of while it is open, not over the conversation before', async () => {
		const desk = await chained();
		expect(notices.current?.text).toMatch(/new conversation/i);
		desk.follow('/', address(''));
		expect(notices.current).toBeDefined();
		desk.follow('/c/c1', address(''));
		expect(notices.current).toBeUndefined();
	});

	it('is nobody’s also where a reload has brought the next picture alone', async () => {
		const before = await chained();
		const end = $effect.root(() => {
			const stop = before.start();
			window.dispatchEvent(new Event('pagehide'));
			stop();
		});
		end();
		forgetLive();
		const desk = new Desk();
		expect(desk.conversation.follows).toBe('c1');
		desk.fresh();
		expect(desk.conversation).toMatchObject({ follows: null, customer: null });
		expect(desk.draft).toBe('');
	});

	it('that was begun is in the box when the open one is deleted', async () => {
		records.deleteConversation.mockResolvedValue(undefined);
		const desk = new Desk();
		desk.draft = 'what does E4 mean?';
		desk.follow('/c/c1', address(''));
		await desk.remove('c1');
		expect(desk.draft).toBe('what does E4 mean?');
	});

	it('is the one with words, where several are there', async () => {
		records.createConversation.mockRejectedValue(new Problem('unreachable'));
		const desk = new Desk();
		desk.draft = 'code?';
		await desk.ask();
		const unasked = desk.conversation;
		desk.fresh();
		expect(desk.conversation).not.toBe(unasked);
		const { last } = unasked;
		if (last) unasked.takeBack(last);
		unasked.draft.words = 'code?';
		desk.follow('/c/c1', address(''));
		desk.fresh();
		expect(desk.draft).toBe('code?');
	});
});
