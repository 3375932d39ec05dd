import { render, screen } from '@testing-library/svelte';
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

function shown() {
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
	conversation.adopt({ id: 'c1', title: '', follows: null, rounds: [round] } as never);
	const desk = {
		conversation,
		isReady: true,
		evidence: new EvidenceDesk({} as never),
		closer: new Closer({} as never)
	} as unknown as Desk;
	const on = { onShow: vi.fn(), onShowById: vi.fn(), onLook: vi.fn(), onShowReading: vi.fn() };
	render(ConversationView, { desk, ...on });
	return { conversation, place: screen.getByRole('region', { name: 'Conversation' }) };
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

it('keeps the end in view when its room changes, and leaves a reader who has scrolled up', async () => {
	const { place } = shown();
	const scrolls = vi.spyOn(place, 'scrollTo');
	const size = (scrollTop: number) => {
		for (const [name, value] of Object.entries({ scrollHeight: 900, clientHeight: 300, scrollTop }))
			Object.defineProperty(place, name, { value, configurable: true, writable: true });
	};
	size(600);
	resized.forEach((told) => told());
	expect(scrolls).toHaveBeenCalledWith({ top: 900 });
	scrolls.mockClear();
	size(100);
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
