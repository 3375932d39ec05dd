/** What axe finds, in a form that a failing test can show. */
import type { Page } from '@playwright/test';
import type { AxeResults, RunOptions } from 'axe-core';
import axe from 'axe-core';

type WithAxe = Window & {
	axe?: { run: (context: string | Document, options: RunOptions) => Promise<AxeResults> };
};

export async function violations(page: Page): Promise<string[]> {
	// Half a megabyte of script: once for each document is enough.
	const isThere = await page.evaluate(() => (window as WithAxe).axe !== undefined);
	if (!isThere) await page.evaluate(axe.source);
	const found = await page.evaluate(async () => {
		// Even a change without motion takes a frame; until then, colours are those of before.
		await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
		const moving = document.getAnimations().filter(({ effect }) => {
			return Number.isFinite(effect?.getComputedTiming().endTime);
		});
		await Promise.allSettled(moving.map(({ finished }) => finished));
		// Behind a dialog nothing can be reached; it was looked at before the dialog opened.
		const dialog = 'dialog[open]';
		const context = document.querySelector(dialog) ? dialog : document;
		const results = await (window as WithAxe).axe?.run(context, { resultTypes: ['violations'] });
		return results?.violations.map(({ id, nodes }) => ({
			id,
			html: nodes.map(({ html }) => html)
		}));
	});
	if (!found) throw new Error('axe has not run');
	return found.map(({ id, html }) => `${id}: ${html.join('\n')}`);
}

/** Fails the test when the page breaks its own content security policy, or throws. */
export function strict(page: Page): void {
	page.on('pageerror', (error) => {
		throw error;
	});
	page.on('console', (message) => {
		if (/content security policy/i.test(message.text())) throw new Error(message.text());
	});
}

/** How far the page runs off its side. */
export const overflow = (page: Page) =>
	page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
