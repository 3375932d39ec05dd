/** What the desk has been asked, and how well it answered. */
import { queryString } from '../router/links';
import { getJson } from './client';

export interface Counted {
	count: number;
	/** 0 to 1. */
	share: number;
}

export interface QuestionGroup extends Counted {
	id: string;
	label: string;
	examples: { conversation: string; question: string }[];
	/** Questions per day, oldest first. */
	trend: number[];
}

export interface DayOfAnswers {
	/** `2026-11-21`, on the caller's clock. */
	day: string;
	median_ms: number | null;
	p90_ms: number | null;
	questions: number;
}

export interface DoubtfulString {
	text: string;
	conversation: string;
	answer: string;
	certainty: 'check' | 'doubtful';
}

export interface InsightsReport {
	questions: number;
	conversations: number;
	solved_in_first_round: Counted;
	doubtful_answers: Counted;
	ttft_ms_median: number | null;
	thumbs: { up: number; down: number };
	groups: QuestionGroup[];
	/** 3 stands for three or more. */
	rounds_to_solution: { rounds: 1 | 2 | 3; count: number }[];
	ttft_by_day: DayOfAnswers[];
	/** Questions of each hour; seven weekdays from Monday, 24 hours each. */
	by_hour: number[][];
	doubtful_strings: DoubtfulString[];
}

/** Instants in milliseconds: `from` is the first one that counts, `to` the first that does not. */
export interface Span {
	from?: number;
	to?: number;
}

/** Minutes that the local clock is ahead of UTC. */
export const utcOffsetMinutes = (at: Date = new Date()) => -at.getTimezoneOffset();

export const fetchInsights = (span: Span, signal: AbortSignal) =>
	getJson<InsightsReport>(
		`/api/insights${queryString({ ...span, utc_offset_minutes: utcOffsetMinutes() })}`,
		signal
	);
