/** What axe finds, in a form that a failing test can show. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

export async function violations(page: Page): Promise<string[]> {
	const builder = new AxeBuilder({ page });
	// Behind a dialog nothing can be reached; it was looked at before the dialog opened.
	if ((await page.locator('dialog[open]').count()) > 0) builder.include('dialog[open]');
	// The page has no frames, and a second page to join their results in would only take time.
	const { violations } = await builder
		.setLegacyMode(true)
		.options({ resultTypes: ['violations'] })
		.analyze();
	return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
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
