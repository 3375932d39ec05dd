/** What axe finds, in a form that a failing test can show. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** The rules that depend on the colours of a theme. */
const colourRules = ['color-contrast', 'link-in-text-block'];

async function found(page: Page, builder: AxeBuilder): Promise<string[]> {
	// Behind a dialog nothing can be reached; it was looked at before the dialog opened.
	if ((await page.locator('dialog[open]').count()) > 0) builder.include('dialog[open]');
	// The page has no frames, and a second page to join their results in would only take time.
	const { violations } = await builder
		.setLegacyMode(true)
		.options({ resultTypes: ['violations'] })
		.analyze();
	return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
}

export const violations = (page: Page) => found(page, new AxeBuilder({ page }));

/** All rules in the first of the themes, those of colours in the others too. */
export async function violationsIn(
	page: Page,
	[first, ...others]: ('light' | 'dark')[]
): Promise<string[]> {
	const show = (theme: 'light' | 'dark') =>
		page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
	await show(first ?? 'light');
	const all = await violations(page);
	for (const theme of others) {
		await show(theme);
		const colours = await found(page, new AxeBuilder({ page }).withRules(colourRules));
		all.push(...colours.map((words) => `${theme}: ${words}`));
	}
	return all;
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
