/** The page needs nothing but the desk: a machine without the internet shows it whole. */
import { finished, firstSample, open } from './page.ts';
import { expect, test } from './served.ts';

test('nothing is fetched from elsewhere, from the first visit to the answer', async ({
	page,
	baseURL
}) => {
	const elsewhere: string[] = [];
	page.on('request', (request) => {
		const url = request.url();
		const isOwn = url.startsWith(baseURL ?? '') || /^(?:blob|data):/.test(url);
		if (!isOwn) elsewhere.push(url);
	});
	await open(page);
	await firstSample(page).click();
	await expect(finished(page)).toHaveCount(1);
	expect(elsewhere).toEqual([]);
});
