import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { tick } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Closer } from '../state/closer.svelte';
import { Conversation } from '../state/conversation.svelte';
import type { Desk } from '../state/desk.svelte';
import { Draft } from '../state/draft.svelte';
import { EvidenceDesk } from '../state/evidence.svelte';
import ConversationView from './ConversationView.svelte';

vi.mock('../api/conversations', () => ({}));

let resized: (() => void)[] = [];
beforeEach(() => {
	resized = [];
	vi.stubGlobal(
		'ResizeObserver',
		class {
			constructor(told: () => void) {
				resized.push(told);
			}
			observe() {}
			disconnect() {}
		}
	);
});
afterEach(() => vi.unstubAllGlobals());

const answer = {
	id: 'a1',
	state: 'done',
	text: 'The code is **E1O2**',
	marks: [{ start: 14, end: 18, certainty: 'doubtful', probability: 0.3 }],
	evidence: [],
	readings: [],
	feedback: {},
	finish_reason: 'stop'
};
const round = { id: 'r1', question: 'code?', asked_at: 1, pictures: [], answers: [answer] };

function shown(rounds: object[] = [round]) {
	const events = [
		{ type: 'asked', conversation: 'c1', round: 'r2', answer: 'a2', title: '' },
		{ type: 'delta', text: answer.text, tokens: [] },
		{ type: 'mark', marks: answer.marks },
		{ type: 'done', finish_reason: 'stop', usage: {}, timings: {} }
	];
	const records = {
		askRound: async function* () {
			yield* events;
			await Promise.resolve();
		}
	};
	const conversation = new Conversation(new Draft('c1'), records as never);
	conversation.adopt({ id: 'c1', title: '', follows: null, rounds } as never);
	const desk = {
		conversation,
		isReady: true,
		takeBack: vi.fn(),
		evidence: new EvidenceDesk({} as never),
		closer: new Closer({} as never)
	} as unknown as Desk;
	const on = { onShow: vi.fn(), onShowById: vi.fn(), onLook: vi.fn(), onShowReading: vi.fn() };
	render(ConversationView, { desk, ...on });
	return { conversation, desk, place: screen.getByRole('region', { name: 'Conversation' }) };
}

it('says that an answer comes, and reads it out once, when it is whole, with its doubt and without Markdown', async () => {
	const { conversation } = shown();
	const live = document.querySelector('[aria-live]:last-child');
	expect(live).toHaveTextContent(/^$/);
	const heard: string[] = [];
	new MutationObserver(() => heard.push(live?.textContent?.trim() ?? '')).observe(live as Node, {
		childList: true,
		characterData: true,
		subtree: true
	});
	await conversation.ask('again?', [], { role: '', remember: 5, settings: {} });
	await tick();
	await vi.waitFor(() => expect(heard.at(-1)).toBe('Answer: The code is E1O2 please check'));
	expect([...new Set(heard.filter(Boolean))]).toEqual([
		'The answer is on its way.',
		'Answer: The code is E1O2 please check'
	]);
});

function sized(place: HTMLElement, scrollTop: number) {
	for (const [name, value] of Object.entries({ scrollHeight: 900, clientHeight: 300, scrollTop }))
		Object.defineProperty(place, name, { value, configurable: true, writable: true });
}

it('opens where the newest answer begins, also when the picture above it folds', () => {
	const { place } = shown();
	sized(place, 0);
	const begin = vi.spyOn(screen.getByRole('article'), 'getBoundingClientRect');
	for (const at of [500, 540]) {
		begin.mockImplementation(() => ({ top: at - place.scrollTop }) as DOMRect);
		resized.forEach((told) => told());
		expect(place.scrollTop).toBe(at - 12);
	}
});

it('keeps the end in view when its room changes, and leaves a reader who has scrolled up', async () => {
	const { place } = shown();
	const scrolls = vi.spyOn(place, 'scrollTo');
	sized(place, 600);
	place.dispatchEvent(new Event('scroll'));
	resized.forEach((told) => told());
	expect(scrolls).toHaveBeenCalledWith({ top: 900 });
	scrolls.mockClear();
	sized(place, 100);
	place.dispatchEvent(new Event('scroll'));
	resized.forEach((told) => told());
	expect(scrolls).not.toHaveBeenCalled();
});

it('takes a reader who has scrolled up to what he asks, not to what others ask', async () => {
	const { conversation, place } = shown();
	const scrolls = vi.spyOn(place, 'scrollTo');
	Object.defineProperty(place, 'scrollHeight', { value: 900 });
	place.dispatchEvent(new Event('scroll'));
	const other = { ...round, id: 'r9', answers: [{ ...answer, id: 'a9' }] };
	conversation.adopt({ id: 'c1', title: '', follows: null, rounds: [round, other] } as never);
	await tick();
	expect(screen.getAllByText('code?')).toHaveLength(2);
	expect(scrolls).not.toHaveBeenCalled();
	await conversation.ask('again?', [], { role: '', remember: 5, settings: {} });
	expect(scrolls).toHaveBeenCalledWith({ top: 900 });
});

it('shows the newest of many rounds, and earlier ones when asked', async () => {
	const many = Array.from({ length: 120 }, (_, at) => ({
		...round,
		id: `r${at}`,
		question: `question ${at}`,
		answers: [{ ...answer, id: `a${at}` }]
	}));
	shown(many);
	const questions = () => screen.getAllByText(/^question/).map((one) => one.textContent);
	expect(questions()).toHaveLength(50);
	expect(questions().at(-1)).toBe('question 119');
	await userEvent.click(screen.getByRole('button', { name: 'Show 50 earlier rounds' }));
	expect(questions()).toHaveLength(100);
	expect(questions()[0]).toBe('question 20');
	await userEvent.click(screen.getByRole('button', { name: 'Show 20 earlier rounds' }));
	expect(questions()).toHaveLength(120);
	expect(screen.queryByRole('button', { name: /earlier round/ })).toBeNull();
});

it('is whole on paper', () => {
	const many = Array.from({ length: 60 }, (_, at) => ({ ...round, id: `r${at}`, answers: [] }));
	shown(many);
	window.dispatchEvent(new Event('beforeprint'));
	expect(screen.getAllByText('code?')).toHaveLength(60);
});

it('offers a question that can never fit back to the box, not to be asked once more', async () => {
	const problem = { code: 'question_too_long', message: '' };
	const failed = { ...answer, state: 'failed', text: '', marks: [], problem };
	const { desk, conversation } = shown([{ ...round, answers: [failed] }]);
	expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
	await userEvent.click(screen.getByRole('button', { name: 'Back to the question box' }));
	expect(desk.takeBack).toHaveBeenCalledWith(conversation.last);
});
