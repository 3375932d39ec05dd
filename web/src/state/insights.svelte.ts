/**
 * The figures of one period. While another period is counted the old figures stay, so that nothing
 * flickers; the newest request wins.
 */
import { fetchInsights, type InsightsReport, type Span } from '../api/insights';
import { asProblem, type Problem } from '../api/problem';

export class Insights {
	report = $state.raw<InsightsReport>();
	/** The span the figures are of. */
	span = $state.raw<Span>({});
	problem = $state.raw<Problem>();
	isLoading = $state(false);
	#control: AbortController | undefined;
	readonly #fetch: typeof fetchInsights;

	constructor(fetch: typeof fetchInsights = fetchInsights) {
		this.#fetch = fetch;
	}

	async load(span: Span): Promise<void> {
		this.#control?.abort();
		const control = new AbortController();
		this.#control = control;
		this.isLoading = true;
		try {
			const report = await this.#fetch(span, control.signal);
			if (control.signal.aborted) return;
			this.report = report;
			this.span = span;
			this.problem = undefined;
		} catch (error) {
			if (control.signal.aborted) return;
			this.problem = asProblem(error);
		} finally {
			if (this.#control === control) this.isLoading = false;
		}
	}

	leave(): void {
		this.#control?.abort();
	}
}
