import { expect, it } from 'vitest';
import type { InsightsReport, Span } from '../api/insights';
import { Problem } from '../api/problem';
import { Insights } from './insights.svelte';

const report = (questions: number) => ({ questions }) as InsightsReport;

it('the newest period wins, whichever answer comes last', async () => {
	const answers = new Map<number, (report: InsightsReport) => void>();
	const insights = new Insights(
		({ from }: Span) => new Promise((done) => answers.set(from ?? 0, done))
	);
	const first = insights.load({ from: 1 });
	const second = insights.load({ from: 2 });
	answers.get(2)?.(report(2));
	await second;
	answers.get(1)?.(report(1));
	await first;
	expect(insights.report?.questions).toBe(2);
	expect(insights.span).toEqual({ from: 2 });
	expect(insights.isLoading).toBe(false);
});

it('old figures stay while a new period cannot be fetched', async () => {
	let isThere = true;
	const insights = new Insights(() =>
		isThere ? Promise.resolve(report(7)) : Promise.reject(new Problem('unreachable'))
	);
	await insights.load({});
	isThere = false;
	await insights.load({ from: 1 });
	expect(insights.report?.questions).toBe(7);
	expect(insights.problem?.code).toBe('unreachable');
	isThere = true;
	await insights.load({ from: 1 });
	expect(insights.problem).toBeUndefined();
});
