/** Whether words that try to act did: what ran, left the page, was fetched from elsewhere or became more than words. */
import { expect, type Page } from '@playwright/test';

/** What the page itself never has, and what the corpus would make if anything took it for HTML. */
const planted = [
	'script',
	'iframe',
	'object',
	'embed',
	'style',
	'math',
	'base',
	'meta',
	'mglyph',
	'noscript',
	'[onerror]',
	'[onload]',
	'[onfocus]',
	'[ontoggle]',
	'[srcdoc]',
	'[autofocus]:not(button)',
	'[action]',
	'[href^="javascript:"]',
	'[href^="data:"]',
	'[src^="http"]',
	'[src="x"]',
	// A link of an answer leads away; it is followed only when pressed, and says nothing of where from.
	'a[href*="evil.example"]:not([rel~="noopener"][rel~="noreferrer"])'
].join(', ');

/** To be called before the page is opened; returns how to look, each time something else is shown. */
export function guard(page: Page): (where: string) => Promise<void> {
	const acts: string[] = [];
	page.on('request', (request) => {
		if (request.url().includes('evil.example')) acts.push(`fetched ${request.url()}`);
	});
	page.on('popup', (popup) => acts.push(`opened ${popup.url()}`));
	page.on('dialog', (dialog) => {
		acts.push(`asked ${dialog.message()}`);
		void dialog.dismiss();
	});
	return async (where) => {
		// What was set as HTML has had its turn: two frames, and whatever they queued.
		const state = await page.evaluate(
			(selector) =>
				new Promise<{ ran: unknown; elements: string[] }>((done) =>
					requestAnimationFrame(() =>
						requestAnimationFrame(() =>
							setTimeout(() =>
								done({
									ran: (window as { ran?: unknown }).ran,
									elements: [...document.body.querySelectorAll(selector)]
										.filter((one) => !one.matches('body > script'))
										.map((one) => one.outerHTML.slice(0, 200))
								})
							)
						)
					)
				),
			planted
		);
		expect(state, where).toEqual({ ran: undefined, elements: [] });
		expect(acts, where).toEqual([]);
		expect(page.url(), where).toContain('127.0.0.1');
	};
}
