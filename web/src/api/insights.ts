/** What the desk has been asked, and how well it answered. */
import type { Unanswered } from '../list/filters';
import { getJson } from './http';
import { queryString } from './query';
import type { Schemas, Told } from './types';

export type DayOfAnswers = Told<Schemas['DayFigures']>;
export type DoubtfulString = Schemas['DoubtfulString'];
export type QuestionGroup = Schemas['QuestionGroup'];

export type InsightsReport = Omit<
	Told<Schemas['Insights']>,
	'ttft_by_day' | 'rounds_to_solution' | 'unanswered'
> & {
	unanswered: { state: Unanswered; count: number }[];
	ttft_by_day: DayOfAnswers[];
	/** 3 stands for three or more. */
	rounds_to_solution: { rounds: 1 | 2 | 3; count: number }[];
};

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
