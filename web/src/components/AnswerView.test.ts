import { cleanup, render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RoundEvent, StoredAnswer } from '../api/types';
import { Answer } from '../state/answer.svelte';
import { Closer } from '../state/closer.svelte';
import { EvidenceDesk } from '../state/evidence.svelte';
import { DeskPicture } from '../state/picture.svelte';
import { Round } from '../state/round.svelte';
import AnswerView from './AnswerView.svelte';

const send = vi.hoisted(() => vi.fn());
vi.mock('../api/conversations', () => ({ sendFeedback: send }));

const ended = (finish_reason: string) =>
	({
		type: 'done',
		finish_reason,
		usage: { prompt_tokens: 100, image_tokens: 40, cached_tokens: 60, completion_tokens: 8 },
		timings: {
			image_ms: 5,
			vision_ms: 300,
			prefill_ms: 200,
			ttft_ms: 520,
			decode_ms: 900,
			decode_tokens_per_s: 7.8
		}
	}) as RoundEvent;
const said = (text: string): RoundEvent => ({ type: 'delta', text, tokens: [] });
const asked: RoundEvent = {
	type: 'asked',
	conversation: 'c',
	round: 'r',
	answer: 'a',
	title: 't',
	remembered_rounds: 0,
	dropped_rounds: 0,
	dropped_pictures: []
};
const pictures = ['p1', 'p2'].map((id) =>
	DeskPicture.fromStored({
		id,
		width: 100,
		height: 50,
		bytes: 9,
		tokens: 4,
		media_type: 'image/png'
	})
);

function showing(round: Round, more: object = {}) {
	const on = {
		onRepeat: vi.fn(),
		onWhere: vi.fn(),
		onLook: vi.fn(),
		onShowEvidence: vi.fn(),
		onShowReading: vi.fn()
	};
	const evidence = new EvidenceDesk();
	const shown = pictures[1];
	render(AnswerView, { round, pictures, shown, evidence, closer: new Closer(), ...on, ...more });
	return { ...on, round, evidence };
}

function shown(...events: RoundEvent[]) {
	const round = new Round('code?', []);
	const answer = round.begin();
	for (const event of events) answer.take(event);
	return showing(round);
}

const stored = (more: Partial<StoredAnswer>): StoredAnswer => ({
	id: 'a',
	created_at: 1,
	state: 'done',
	text: 'Model AX73, code E102',
	marks: [
		{ start: 6, end: 10, certainty: 'check', probability: 0.7 },
		{ start: 17, end: 21, certainty: 'doubtful', probability: 0.3 }
	],
	finish_reason: 'stop',
	usage: null,
	timings: null,
	problem: null,
	settings: null,
	feedback: { thumb: null, correction: null },
	evidence: [],
	readings: [],
	...more
});

function showStored(more: Partial<StoredAnswer> = {}) {
	const round = new Round('code?', []);
	round.answers = [Answer.fromStored(stored(more))];
	return showing(round);
}

beforeEach(() => {
	send.mockReset();
	localStorage.clear();
});

describe('an answer under way', () => {
	it.each<[RoundEvent, string]>([
		[{ type: 'queued', position: 0 }, 'Next in line'],
		[{ type: 'queued', position: 1 }, '1 question before yours'],
		[{ type: 'queued', position: 3 }, '3 questions before yours'],
		[{ type: 'reading', picture: 1, of: 1, tokens: 40, cached: false }, 'Reading the picture'],
		[
			{ type: 'reading', picture: 1, of: 2, tokens: 40, cached: false },
			'Reading the picture, 1 of 2'
		],
		[{ type: 'prefill', done: 50, total: 200 }, 'Taking in the question, 25%']
	])('says what happens: %o', (event, words) => {
		shown(event);
		expect(screen.getByText(words)).toBeInTheDocument();
		expect(screen.getByRole('article')).toHaveAttribute('aria-busy', 'true');
	});

	it('shows words as they come', () => {
		shown(said('The code is '), said('E102'));
		expect(screen.getByText(/The code is E102/)).toBeInTheDocument();
	});

	it('says what the model was not told', () => {
		shown({ ...asked, dropped_rounds: 4, dropped_pictures: ['p1'] } as RoundEvent, said('E102'));
		expect(screen.getByText(/The 4 oldest rounds were not sent along/)).toBeInTheDocument();
		expect(screen.getByText(/Picture 1 was not sent along/)).toBeInTheDocument();
	});
});

describe('an answer that is over', () => {
	it.each([
		['length', /Cut off at the length limit/],
		['repetition', /began to repeat itself/],
		['cancelled', /It was stopped here/]
	])('says in words why it ended: %s', (reason, words) => {
		shown(said('E102'), ended(reason));
		expect(screen.getByText(words)).toBeInTheDocument();
	});

	it('shows the time to the first word and the speed', () => {
		shown(said('E102'), ended('stop'));
		expect(screen.getByText('first word 0.5 s')).toBeInTheDocument();
		expect(screen.getByText('7.8 tokens/s')).toBeInTheDocument();
	});

	it('is an error with a way on when it failed', async () => {
		const { onRepeat } = shown({
			type: 'error',
			code: 'queue_full',
			message: 'm',
			details: { retry_after_s: 4 }
		});
		expect(screen.getByRole('alert')).toHaveTextContent('Try again in 4 s.');
		await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
		expect(onRepeat).toHaveBeenCalledOnce();
	});

	it('that was cut off shows what was heard, and that its end was not kept', () => {
		const round = new Round('code?', []);
		const answer = Answer.fromStored(stored({ state: 'running' }));
		answer.adopt(stored({ state: 'interrupted', text: 'Model AX73, co', marks: [] }));
		round.answers = [answer];
		showing(round);
		expect(screen.getByText(/E102/)).toBeInTheDocument();
		expect(screen.getByText(/Its last words were not kept/)).toBeInTheDocument();
	});

	it('that the end of the program cut off keeps its words and can be asked again', async () => {
		const { onRepeat } = showStored({ state: 'interrupted', text: 'The code', marks: [] });
		expect(screen.getByText('The code')).toBeInTheDocument();
		expect(screen.getByText(/The desk stopped here/)).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'Ask again' }));
		expect(onRepeat).toHaveBeenCalledOnce();
	});

	it('whose page was closed says so, not that somebody stopped it', () => {
		const { onRepeat } = showStored({ state: 'left', text: 'The code', marks: [] });
		expect(screen.getByText(/its page was closed or the connection broke/)).toBeInTheDocument();
		expect(screen.queryByText(/stopped here/)).not.toBeInTheDocument();
		expect(screen.getByRole('button', { name: 'Ask again' })).toBeInTheDocument();
		expect(onRepeat).not.toHaveBeenCalled();
	});

	describe('but not whole', () => {
		const usage = { prompt_tokens: 90, image_tokens: 40, cached_tokens: 0, completion_tokens: 3 };
		const timings = {
			image_ms: 0,
			vision_ms: 0,
			prefill_ms: 0,
			ttft_ms: 430,
			decode_ms: 200,
			decode_tokens_per_s: 9.5
		};

		it.each(['left', 'interrupted', 'failed', 'cancelled'] as const)(
			'shows what was measured as far as it came: %s',
			(state) => {
				showStored({ state, text: 'The code', marks: [], usage, timings });
				expect(screen.getByText('9.5 tokens/s')).toBeInTheDocument();
				const first = screen.getByText('first word 0.4 s');
				expect(first.parentElement?.title).toBe('wrote for 0.2 s\n90 tokens in, 3 out so far');
			}
		);

		it('shows no figures where no word came', () => {
			const none = { ...timings, ttft_ms: 0, decode_ms: 0, decode_tokens_per_s: 0 };
			showStored({ state: 'cancelled', text: '', marks: [], usage, timings: none });
			expect(screen.getByText(/It was stopped here/)).toBeInTheDocument();
			expect(screen.queryByText(/first word/)).not.toBeInTheDocument();
		});
	});

	it('can be copied, and left for a later one, when it broke off in the middle', async () => {
		const { round } = shown(said('half'), {
			type: 'error',
			code: 'shutting_down',
			message: 'm',
			details: {}
		});
		const second = round.begin();
		second.take(said('whole'));
		second.take(ended('stop'));
		await userEvent.click(await screen.findByRole('button', { name: 'Previous answer' }));
		expect(screen.getByText('half')).toBeInTheDocument();
		expect(screen.getByRole('button', { name: 'Copy' })).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'Next answer' }));
		expect(screen.getByText('whole')).toBeInTheDocument();
	});
});

describe('strings the model was not sure of', () => {
	it('are marked by line and sign, the doubtful by words too', () => {
		showStored();
		expect(screen.getByRole('button', { name: /AX73/ })).toHaveTextContent('AX73? check');
		expect(screen.getByRole('button', { name: 'E102 please check' }).className).toBe(
			'mark doubtful'
		);
	});

	it('say how sure it was when one rests on them, and take back that they did', async () => {
		showStored();
		await userEvent.hover(screen.getByRole('button', { name: /E102/ }));
		const tooltip = screen.getByRole('tooltip');
		expect(tooltip).toHaveTextContent('only 30% sure');
		expect(within(tooltip).queryByRole('button')).toBeNull();
		expect(screen.getByRole('button', { name: 'Look closer on picture 2' })).toBeInTheDocument();
		expect(screen.getByRole('button', { name: /E102/ })).toHaveAccessibleDescription(/30% sure/);
		await userEvent.unhover(screen.getByRole('button', { name: /E102/ }));
		await vi.waitFor(() => expect(screen.queryByRole('tooltip')).toBeNull());
	});

	it('offer a closer look by keyboard, and Esc leads back', async () => {
		const { onLook } = showStored();
		const mark = screen.getByRole('button', { name: /E102/ });
		mark.focus();
		await userEvent.keyboard('{Enter}');
		expect(screen.getByRole('dialog', { name: 'About E102' })).toBeInTheDocument();
		expect(screen.getByRole('button', { name: 'Look closer on picture 2' })).toHaveFocus();
		await userEvent.keyboard('{Escape}');
		expect(mark).toHaveFocus();
		await userEvent.keyboard('{Enter}{Enter}');
		expect(onLook.mock.calls[0]?.slice(1)).toEqual([
			expect.objectContaining({ start: 17 }),
			'model'
		]);
	});

	it('offer a closer look by mouse, and have the focus when their note goes', async () => {
		const { onLook } = showStored();
		const mark = screen.getByRole('button', { name: /E102/ });
		await userEvent.hover(mark);
		await userEvent.click(screen.getByRole('button', { name: 'Look closer on picture 2' }));
		expect(onLook).toHaveBeenCalledOnce();
		expect(screen.queryByRole('tooltip')).toBeNull();
		expect(mark).toHaveFocus();
	});

	it('show what a closer look has read, and that it differs', () => {
		const readings = [
			{
				id: 'x',
				picture: 'p2',
				box: [0, 0, 500, 500] as [number, number, number, number],
				was: 'E102',
				start: null,
				text: 'E107',
				agrees: false,
				probability: 0.93
			}
		];
		showStored({ readings });
		expect(screen.getByRole('button', { name: /E102/ })).toHaveTextContent('or E107?');
		const card = screen.getByRole('figure');
		expect(card).toHaveTextContent('The readings differ.');
		expect(within(card).getByText('E107')).toBeInTheDocument();
		expect(within(card).getByRole('img')).toHaveAttribute('src', '/api/pictures/p2');
	});
});

describe('an answer that is copied', () => {
	it('carries the doubt about a string into the ticket', async () => {
		const user = userEvent.setup();
		showStored();
		await user.click(screen.getByRole('button', { name: 'Copy' }));
		expect(await navigator.clipboard.readText()).toBe('Model AX73, code E102 (please check)');
	});
});

it('who steps through answers by keys stays on the button at the end', async () => {
	const { round } = shown(said('one'), ended('stop'));
	const second = round.begin();
	second.take(said('two'));
	second.take(ended('stop'));
	const back = await screen.findByRole('button', { name: 'Previous answer' });
	back.focus();
	await userEvent.keyboard('{Enter}{Enter}{Enter}');
	expect(round.shown).toBe(0);
	expect(back).toHaveFocus();
	expect(back).toHaveAttribute('aria-disabled', 'true');
});

describe('evidence', () => {
	const evidence = [
		{
			id: 'e1',
			picture: 'p1',
			label: 'E102',
			box: [0, 0, 9, 9] as [number, number, number, number]
		},
		{
			id: 'e2',
			picture: 'p2',
			label: '<b>WAN</b>',
			box: [0, 0, 9, 9] as [number, number, number, number]
		}
	];

	it('is numbered, named with its picture, and points at its box', async () => {
		const { evidence: desk, onShowEvidence } = showStored({ evidence });
		const chip = screen.getByRole('button', { name: 'Place 2: <b>WAN</b>, picture 2' });
		chip.focus();
		expect(desk.pointed).toBe('e2');
		await userEvent.click(chip);
		expect(onShowEvidence.mock.calls[0]?.[1]).toEqual(evidence[1]);
	});
});

describe('what a person thinks of it', () => {
	it('is kept: a thumb, and the right answer', async () => {
		let kept = { thumb: null, correction: null };
		send.mockImplementation((_id, change: object) =>
			Promise.resolve((kept = { ...kept, ...change }))
		);
		showStored();
		await userEvent.click(screen.getByRole('button', { name: 'Bad answer' }));
		expect(send).toHaveBeenLastCalledWith('a', { thumb: 'down' });
		await userEvent.type(screen.getByRole('textbox'), 'E107');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		expect(send).toHaveBeenLastCalledWith('a', { correction: 'E107' });
		expect(screen.getByText('Corrected:').parentElement).toHaveTextContent('Corrected: E107');
	});

	it('keeps a half-written correction over Esc and a change of conversation, until it is saved', async () => {
		send.mockImplementation((_, change: object) =>
			Promise.resolve({ thumb: null, correction: null, ...change })
		);
		showStored();
		const open = () => userEvent.click(screen.getByRole('button', { name: 'Correct' }));
		await open();
		await userEvent.type(screen.getByRole('textbox'), 'It is E107{Escape}');
		expect(screen.queryByRole('textbox')).toBeNull();
		cleanup();
		showStored();
		expect(screen.getByRole('textbox')).toHaveValue('It is E107');
		expect(screen.getByRole('textbox')).not.toHaveFocus();
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		cleanup();
		showStored();
		expect(screen.queryByRole('textbox')).toBeNull();
	});

	it('a correction that has not arrived is half written, one that has is not', async () => {
		send.mockImplementation(() => new Promise(() => undefined));
		showStored();
		await userEvent.click(screen.getByRole('button', { name: 'Correct' }));
		await userEvent.type(screen.getByRole('textbox'), 'It is E107 ');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		// The page is left before it hears from the server.
		cleanup();
		showStored();
		expect(screen.getByRole('textbox')).toHaveValue('It is E107');
		cleanup();
		showStored({ feedback: { thumb: null, correction: 'It is E107' } });
		expect(screen.queryByRole('textbox')).toBeNull();
		expect(screen.getByText('Corrected:').parentElement).toHaveTextContent('It is E107');
		expect(localStorage.getItem('lookdesk.begun')).toBeNull();
	});

	it('a correction the server refuses is there to be sent again', async () => {
		send.mockImplementation(() => Promise.reject(new TypeError('gone')));
		showStored();
		const open = () => userEvent.click(screen.getByRole('button', { name: 'Correct' }));
		await open();
		await userEvent.type(screen.getByRole('textbox'), 'It is E107');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		await vi.waitFor(() => expect(localStorage.getItem('lookdesk.begun')).toContain('E107'));
		await open();
		expect(screen.getByRole('textbox')).toHaveValue('It is E107');
	});

	it('is as it was when the server refuses', async () => {
		send.mockImplementation(() => Promise.reject(new TypeError('gone')));
		showStored();
		const thumb = screen.getByRole('button', { name: 'Good answer' });
		await userEvent.click(thumb);
		await vi.waitFor(() => expect(thumb).toHaveAttribute('aria-pressed', 'false'));
	});
});
