/**
 * After a run of everything: which tests show which item of the page, in which language and at which size.
 * An item that no test showed where it must be fails the run. A run of some tests says nothing.
 */
import { readdirSync } from 'node:fs';
import { relative } from 'node:path';
import type { FullConfig, FullResult, Reporter, Suite, TestCase } from '@playwright/test/reporter';
import { everywhere, isItem, items, type Item, type Look } from './items.ts';

const isLook = (name: string | undefined): name is Look =>
	(everywhere as readonly (string | undefined)[]).includes(name);

export default class Coverage implements Reporter {
	#tests: TestCase[] = [];
	#isWhole = false;

	printsToStdio(): boolean {
		return false;
	}

	onBegin(config: FullConfig, suite: Suite): void {
		this.#tests = suite.allTests();
		const files = new Set(
			this.#tests.map(({ location }) => relative(import.meta.dirname, location.file))
		);
		const specs = readdirSync(import.meta.dirname).filter(
			(file) => file.endsWith('.spec.ts') && !file.includes('screenshots')
		);
		const projects = new Set(config.projects.map(({ name }) => name));
		const isFiltered =
			config.shard !== null ||
			process.argv.some((word) => /^(?:-g|--grep|--last-failed)/.test(word));
		this.#isWhole =
			!isFiltered &&
			specs.every((file) => files.has(file)) &&
			everywhere.every((look) => projects.has(look));
	}

	async onEnd({ status }: FullResult): Promise<{ status?: FullResult['status'] } | undefined> {
		if (!this.#isWhole || status !== 'passed') return undefined;
		const missing: string[] = [];
		for (const [name, { words, looks }] of Object.entries(items)) {
			const shown = this.#showing(name as Item);
			const unseen = looks.filter((look) => !shown.some(({ in: seen }) => seen === look));
			const titles = [...new Set(shown.map(({ title }) => title))];
			console.log(
				`${words} [${looks.join(' ')}]\n${titles.map((title) => `    ${title}`).join('\n')}`
			);
			if (unseen.length > 0) missing.push(`not shown in ${unseen.join(', ')}: ${words}`);
		}
		missing.forEach((words) => console.error(words));
		return missing.length > 0 ? { status: 'failed' } : undefined;
	}

	#showing(item: Item): { title: string; in: Look }[] {
		return this.#tests.flatMap((test) => {
			const look = test.parent.project()?.name;
			const isShown = test.annotations.some(
				({ type, description = '' }) =>
					type === 'shows' && isItem(description) && description === item
			);
			const hasRun =
				test.outcome() === 'expected' && test.results.some((r) => r.status === 'passed');
			return isShown && hasRun && isLook(look) ? [{ title: test.title, in: look }] : [];
		});
	}
}
