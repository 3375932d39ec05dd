/** Figures made ready to draw. Knows no components and no colours. */
import type { DayOfAnswers } from '../api/insights';
import { everyDay } from '../period/period';

/** The same days without holes: on a day nobody asked there is nothing to measure. */
export function withoutHoles(days: DayOfAnswers[]): DayOfAnswers[] {
	const known = new Map(days.map((day) => [day.day, day]));
	const sorted = [...known.keys()].sort();
	const [first, last] = [sorted[0], sorted.at(-1)];
	if (first === undefined || last === undefined) return [];
	return everyDay(first, last).map(
		(day) => known.get(day) ?? { day, median_ms: null, p90_ms: null, questions: 0 }
	);
}

/** At most so many sums of neighbours, so that a bar is never thinner than a line. */
export function inBins(values: readonly number[], most: number): number[] {
	const size = Math.ceil(values.length / most);
	if (size <= 1) return [...values];
	const bins: number[] = [];
	for (let start = 0; start < values.length; start += size) {
		bins.push(values.slice(start, start + size).reduce((sum, value) => sum + value, 0));
	}
	return bins;
}

/** The hour with the most questions. */
export function busiest(
	byHour: readonly (readonly number[])[]
): { weekday: number; hour: number; count: number } | undefined {
	let best: { weekday: number; hour: number; count: number } | undefined;
	byHour.forEach((hours, weekday) =>
		hours.forEach((count, hour) => {
			if (count > (best?.count ?? 0)) best = { weekday, hour, count };
		})
	);
	return best;
}

/** At most `most` of the days get a label, evenly from the last one back. */
export function labelled(days: readonly string[], most: number): Set<string> {
	const step = Math.max(1, Math.ceil(days.length / Math.max(1, most)));
	return new Set(days.filter((_, index) => (days.length - 1 - index) % step === 0));
}

/** About how wide words are in a wide typeface: enough that none is cut. */
export function labelWidth(words: string, fontSize: number): number {
	const ems = [...words].map((character) =>
		character > '\u2e7f' ? 1 : /[.,\s]/.test(character) ? 0.4 : 0.66
	);
	return Math.ceil(ems.reduce((sum, em) => sum + em, 0) * fontSize);
}
