import { fireEvent, render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InsightsReport } from '../../api/insights';
import { language } from '../../i18n/language.svelte';
import BusyHours from './BusyHours.svelte';
import DoubtfulStrings from './DoubtfulStrings.svelte';
import Figures from './Figures.svelte';
import FirstWord from './FirstWord.svelte';
import Groups from './Groups.svelte';
import RoundsAndThumbs from './RoundsAndThumbs.svelte';
import Unanswered from './Unanswered.svelte';

const span = { from: 1000, to: 2000 };
const report: InsightsReport = {
	questions: 1234,
	conversations: 600,
	solved_in_first_round: { count: 310, share: 0.62 },
	doubtful_answers: { count: 9, share: 0.0073 },
	unanswered: [
		{ state: 'cancelled', count: 12 },
		{ state: 'left', count: 4 },
		{ state: 'interrupted', count: 0 },
		{ state: 'failed', count: 1 }
	],
	ttft_ms_median: 1140,
	thumbs: { up: 30, down: 10 },
	groups: [],
	rounds_to_solution: [
		{ rounds: 1, count: 75 },
		{ rounds: 2, count: 20 },
		{ rounds: 3, count: 5 }
	],
	ttft_by_day: [],
	by_hour: [],
	doubtful_strings: [],
	doubtful_strings_of: 0
};

beforeEach(() => {
	language.code = 'en';
});

const href = (name: string | RegExp) => screen.getByRole('link', { name }).getAttribute('href');

describe('the four numbers', () => {
	it('open the conversations they count, of the same time', () => {
		render(Figures, { report, span });
		expect(href(/1,234/)).toBe('#/?from=1000&to=2000');
		expect(href(/62%/)).toBe('#/?from=1000&to=2000&solved_in=1');
		expect(href(/0\.7%/)).toBe('#/?from=1000&to=2000&doubtful=true');
		expect(href(/1\.1 s/)).toBe('#/?from=1000&to=2000');
	});

	it('have no time to show where nothing was answered', () => {
		render(Figures, { report: { ...report, ttft_ms_median: null }, span });
		expect(screen.getByRole('link', { name: /First word/ })).toHaveTextContent('–');
	});
});

describe('what people ask', () => {
	const group = (id: string) => ({
		id,
		label: `Question ${id}`,
		count: 3,
		share: 0.1,
		examples: [{ conversation: 'c-1', question: '<img src=x onerror=alert(1)>' }],
		trend: [1, 0, 2]
	});

	it('opens its conversations and its examples, and runs no markup', () => {
		const { container } = render(Groups, { groups: [group('7')], span });
		expect(href('Question 7')).toBe('#/?from=1000&to=2000&group=7');
		expect(href('<img src=x onerror=alert(1)>')).toBe('#/c/c-1');
		expect(container.querySelector('img')).toBeNull();
		expect(screen.getByText('1 in the first half, 2 in the second')).toBeInTheDocument();
	});

	it('says so when nothing was asked twice', () => {
		render(Groups, { groups: [], span });
		expect(screen.getByText(/No question was asked more than once/)).toBeInTheDocument();
	});
});

describe('doubtful strings', () => {
	const string = (text: string, count: number, conversations: number) => ({
		text,
		count,
		conversations,
		conversation: 'c-3',
		answer: 'a',
		certainty: 'doubtful' as const
	});

	it('lead to their one conversation, or to all that have them', () => {
		const unsure = { ...string('AX73', 2, 1), certainty: 'check' as const };
		const strings = [string('E-102', 1790, 66), unsure];
		render(DoubtfulStrings, { strings, of: 900, doubtful: 900, span });
		expect(href('E-102')).toBe('#/?from=1000&to=2000&doubtful_string=E-102');
		expect(screen.getByRole('row', { name: /E-102/ })).toHaveTextContent('1,790 ×');
		expect(href('AX73')).toBe('#/c/c-3');
		expect(screen.getByRole('row', { name: /AX73/ })).toHaveTextContent('to check');
		expect(screen.queryByText(/newest/)).toBeNull();
	});

	it('say so where they are counted in the newest answers only', () => {
		render(DoubtfulStrings, { strings: [string('E-102', 9, 9)], of: 1000, doubtful: 1200, span });
		expect(screen.getByText(/in the newest 1,000 such answers/)).toBeInTheDocument();
	});
});

it('rounds and thumbs are tables whose rows open what they count', () => {
	render(RoundsAndThumbs, { report, span });
	expect(screen.getByRole('row', { name: /^1 round/ })).toHaveTextContent('75%');
	expect(href('3 or more')).toBe('#/?from=1000&to=2000&solved_in=3');
	expect(href('Not helpful')).toBe('#/?from=1000&to=2000&thumb=down');
});

describe('questions without a whole answer', () => {
	it('are told by how the answer ended, and each opens its conversations', () => {
		render(Unanswered, { report, span });
		expect(screen.getByRole('row', { name: /^Stopped by hand/ })).toHaveTextContent('12');
		expect(href('Stopped by hand')).toBe('#/?from=1000&to=2000&unanswered=cancelled');
		expect(href('Page closed or connection lost')).toMatch(/unanswered=left$/);
		expect(screen.queryByRole('link', { name: /desk itself/ })).toBeNull();
	});

	it('are none, in words, where every answer is whole', () => {
		render(Unanswered, { report: { ...report, unanswered: [] }, span });
		expect(screen.getByText('Every question got a whole answer.')).toBeInTheDocument();
	});
});

describe('the time to the first word', () => {
	const days = [
		{ day: '2026-11-20', median_ms: 1100, p90_ms: 2300, questions: 40 },
		{ day: '2026-11-18', median_ms: 900, p90_ms: 1700, questions: 12 }
	];

	it('is a table for those who listen, whose links come with it', async () => {
		render(FirstWord, { days, span: {} });
		const row = screen.getByRole('row', { name: /20 November|November 20/ });
		expect(row).toHaveTextContent('1.1 s');
		expect(within(row).queryByRole('link')).toBeNull();
		await userEvent.click(screen.getByRole('button', { name: 'As a table' }));
		const link = within(screen.getByRole('row', { name: /18/ })).getByRole('link');
		const [from, to] = [18, 19].map((date) => new Date(2026, 10, date).getTime());
		expect(link).toHaveAttribute('href', `#/?from=${from}&to=${to}`);
	});
});

describe('busy hours', () => {
	const byHour = Array.from({ length: 7 }, () => Array<number>(24).fill(0));
	byHour[1]![10] = 8;
	byHour[1]![11] = 5;

	it('are one stop of the Tab key, the busiest first, and arrow keys move on', async () => {
		render(BusyHours, { byHour, span });
		await userEvent.tab();
		expect(screen.getByLabelText('Tuesday, 10:00: 8 questions')).toHaveFocus();
		await userEvent.keyboard('{ArrowRight}');
		expect(screen.getByLabelText('Tuesday, 11:00: 5 questions')).toHaveFocus();
		expect(document.activeElement).toHaveAttribute(
			'href',
			'#/?from=1000&to=2000&weekday=1&hour=11'
		);
		await userEvent.keyboard('{ArrowUp}{ArrowUp}');
		expect(screen.getByLabelText('Monday, 11:00: 0 questions')).toHaveFocus();
		expect(document.activeElement).not.toHaveAttribute('href');
	});

	describe('for a finger, which is wider than a cell', () => {
		beforeEach(() => {
			vi.spyOn(window, 'matchMedia').mockImplementation(
				(media) =>
					({
						matches: media === '(pointer: coarse)',
						media,
						addEventListener() {},
						removeEventListener() {}
					}) as unknown as MediaQueryList
			);
		});
		afterEach(() => vi.restoreAllMocks());

		it('are chosen below the table, the busiest first', async () => {
			render(BusyHours, { byHour, span });
			expect(href('8 questions')).toBe('#/?from=1000&to=2000&weekday=1&hour=10');
			await userEvent.selectOptions(screen.getByLabelText('Hour'), '11:00');
			expect(href('5 questions')).toBe('#/?from=1000&to=2000&weekday=1&hour=11');
			await userEvent.selectOptions(screen.getByLabelText('Weekday'), 'Monday');
			expect(screen.queryByRole('link')).toBeNull();
			expect(screen.getByText('0 questions')).toHaveAttribute('aria-disabled', 'true');
		});

		it('are chosen, not opened, by touching the table', async () => {
			const { container } = render(BusyHours, { byHour, span });
			const cell = container.querySelector('[data-cell="1-11"]');
			if (!cell) throw new Error('no cell');
			await fireEvent.pointerUp(cell);
			expect(href('5 questions')).toMatch(/hour=11$/);
			expect(within(screen.getByRole('table')).queryByRole('link')).toBeNull();
		});
	});
});
