/** The page needs nothing but the desk, and little of that. */
import { shows } from './items.ts';
import { expect, test } from './served.ts';

test(
	'nothing is fetched from elsewhere, on any page, from the first visit to the answer',
	shows('alone'),
	async ({ page, person, t, baseURL }) => {
		const elsewhere: string[] = [];
		await page.route(
			(url) => !url.href.startsWith(baseURL ?? '') && !/^(?:blob|data):/.test(url.href),
			(route) => {
				elsewhere.push(route.request().url());
				return route.abort('internetdisconnected');
			}
		);
		page.on('websocket', (socket) => elsewhere.push(socket.url()));
		const { question, answer } = person.sample('label-zh.jpg');
		await person.open();
		await person.press(t.welcome.ask(question));
		await expect(person.finished).toContainText(answer);
		await page.goto('/#/insights');
		await expect(person.card(t.insights.hours.title)).toBeVisible();
		await page.goto('/#/records');
		await expect(person.card(t.records.audit.title)).toBeVisible();
		await page.goto('/docs');
		await expect(page.getByText('/v1/chat/completions', { exact: true }).first()).toBeVisible();
		await page.goto('/signin');
		await expect(page.locator('body')).toContainText('Lookdesk');
		expect(elsewhere).toEqual([]);
	}
);

test(
	'the first load is at most 150 KB of compressed script, and each later page at most 40 KB',
	shows('weight'),
	async ({ page, person, t }) => {
		const loaded = new Map<string, number>();
		// What went over the wire, as the browser counts it: the body as it was encoded, and nothing kept.
		const client = await page.context().newCDPSession(page);
		await client.send('Network.enable');
		await client.send('Network.setCacheDisabled', { cacheDisabled: true });
		const names = new Map<string, string>();
		client.on('Network.responseReceived', ({ requestId, response, type }) => {
			if (type === 'Script') names.set(requestId, response.url);
		});
		client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
			const url = names.get(requestId);
			if (url) loaded.set(url, encodedDataLength);
		});
		const kilobytes = () => [...loaded.values()].reduce((sum, bytes) => sum + bytes, 0) / 1024;
		await person.open();
		await person.add('label-en.jpg');
		await person.ask(person.sample('label-en.jpg').question);
		await expect(person.finished).toHaveCount(1);
		const first = kilobytes();
		expect(first).toBeGreaterThan(20);
		expect(first).toBeLessThanOrEqual(150);
		for (const [where, card] of [
			['insights', t.insights.hours.title],
			['records', t.records.audit.title]
		] as const) {
			const before = kilobytes();
			await page.goto(`/#/${where}`);
			await expect(person.card(card)).toBeVisible();
			expect(kilobytes(), where).toBeGreaterThan(before);
			expect(kilobytes() - before, where).toBeLessThanOrEqual(40);
		}
	}
);
