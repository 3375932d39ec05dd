/** What a first visit costs, and that it needs nothing but the desk. */
import { gzipSync } from 'node:zlib';
import { open, rows } from './page.ts';
import { expect, test } from './served.ts';

const mostScriptBytes = 150 * 1024;

test('a first visit takes at most 150 KB of script, and only from the desk', async ({
	page,
	baseURL
}) => {
	const scripts = new Map<string, number>();
	const elsewhere: string[] = [];
	page.on('response', async (response) => {
		const url = response.url();
		if (!url.startsWith(baseURL ?? '') && !url.startsWith('blob:') && !url.startsWith('data:')) {
			elsewhere.push(url);
		}
		if (response.request().resourceType() !== 'script') return;
		scripts.set(url, gzipSync(await response.body()).length);
	});
	await open(page);
	await page.locator('[data-sample]').first().waitFor();
	await rows(page).count();
	const bytes = [...scripts.values()].reduce((sum, one) => sum + one, 0);
	expect(scripts.size).toBeGreaterThan(0);
	expect(bytes).toBeLessThanOrEqual(mostScriptBytes);
	expect(elsewhere).toEqual([]);
});
