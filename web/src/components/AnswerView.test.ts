import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { AnswerEvent } from '../api/types';
import { Round } from '../state/round.svelte';
import AnswerView from './AnswerView.svelte';

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
	}) as AnswerEvent;
const said = (text: string, probability = 1): AnswerEvent => ({
	type: 'delta',
	text,
	tokens: [{ text, logprob: Math.log(probability) }]
});

function shown(...events: AnswerEvent[]) {
	const round = new Round('code?', []);
	const answer = round.begin();
	for (const event of events) answer.take(event);
	const onRepeat = vi.fn();
	render(AnswerView, { round, canRepeat: true, onRepeat });
	return { round, onRepeat };
}

describe('an answer under way', () => {
	it.each<[AnswerEvent, string]>([
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
});

describe('an answer that is over', () => {
	it.each([
		['length', /Cut off at the length limit/],
		['repetition', /began to repeat itself/],
		['cancelled', /You stopped it here/]
	])('says in words why it ended: %s', (reason, words) => {
		shown(said('E102'), ended(reason));
		expect(screen.getByText(words)).toBeInTheDocument();
	});

	it('shows the time to the first word and the speed', () => {
		shown(said('E102'), ended('stop'));
		expect(screen.getByText('first word 0.5 s')).toBeInTheDocument();
		expect(screen.getByText('7.8 tokens/s')).toBeInTheDocument();
	});

	it('marks an unsure string by line and sign, a doubtful one by words too', () => {
		shown(said('Model '), said('AX73', 0.7), said(', code '), said('E102', 0.3), ended('stop'));
		expect(screen.getByText('AX73').className).toBe('trust check');
		expect(screen.getByTitle(/70% sure/)).toHaveTextContent('AX73?');
		expect(screen.getByTitle(/only 30% sure/)).toHaveTextContent('E102please check');
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

	it('stays reachable when the question was asked again', async () => {
		const { round } = shown(said('first'), ended('stop'));
		const second = round.begin();
		second.take(said('second'));
		second.take(ended('stop'));
		expect(await screen.findByText('second')).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'Previous answer' }));
		expect(screen.getByText('first')).toBeInTheDocument();
	});
});
