/** The line on top: what the machine is and how it does, told every second. */
import { overflow } from './axe.ts';
import { shows } from './items.ts';
import { failOnBreach } from './page.ts';
import { expect, test } from './served.ts';

type Status = Record<string, unknown> & { readings: Record<string, unknown>; model: object };

failOnBreach();

test(
	'the bar names model, precision, load and memory, and a sheet has the rest',
	shows('machine', 'state'),
	async ({ page, person, t }) => {
		await page.route('**/api/status/stream', (route) => route.fulfill({ status: 404, body: '' }));
		await page.route('**/api/status', async (route) => {
			const status = (await (await route.fetch()).json()) as Status;
			const gpu = {
				name: 'NVIDIA H200',
				memory_used_bytes: 44e9,
				memory_total_bytes: 150e9,
				temperature_c: 61,
				utilization_percent: 87
			};
			await route.fulfill({
				json: {
					...status,
					model: { ...status.model, name: 'Qwen3-VL-4B-Instruct', demo: false, precision: 'q4' },
					readings: { ...status.readings, cpu_percent: 37, cpu_temperature_c: 52, gpus: [gpu] },
					memory: { used_bytes: 4.1 * 2 ** 30, total_bytes: 24 * 2 ** 30 },
					queue: { running: 1, waiting: 3 }
				}
			});
		});
		await page.goto('/');
		const bar = page.locator('header:visible').first();
		await expect(bar.locator('.state')).toHaveText(t.status.busy);
		await expect(bar).toContainText('Qwen3-VL-4B-Instruct');
		await expect(bar).toContainText(t.status.waitingCount(3));
		await person.openMachine();
		for (const fact of ['q4', '37%', '52 °C', 'NVIDIA H200', '87%', '61 °C', '24']) {
			await expect(person.dialog).toContainText(fact);
		}
		await expect(person.dialog).toContainText(t.live.machineMemory);
		expect(await overflow(page)).toBeLessThanOrEqual(0);
	}
);

test('loading has its percent, and a failure its reason', shows('state'), async ({ page, t }) => {
	await page.clock.install();
	let state: object = { kind: 'loading', percent: 42, what: 'weights' };
	await page.route('**/api/status/stream', (route) => route.fulfill({ status: 404, body: '' }));
	await page.route('**/api/status', async (route) => {
		const status = (await (await route.fetch()).json()) as Status;
		await route.fulfill({ json: { ...status, state } });
	});
	await page.goto('/');
	const told = page.locator('header:visible .state').first();
	await expect(told).toHaveText(t.status.loading(42));
	await expect(page.getByRole('progressbar')).toHaveAttribute('value', '42');
	await page.locator('#question').fill('?');
	await expect(page.locator('form button[type=submit]')).toBeDisabled();
	state = { kind: 'failed', message: 'weights.gguf is damaged' };
	await page.clock.fastForward('00:02');
	await expect(told).toHaveText(t.status.failed);
	await expect(page.getByRole('alert')).toContainText('weights.gguf is damaged');
});

test(
	'whether the desk is ready or busy is said in words, however narrow the page is',
	shows('state', 'narrow'),
	async ({ page, person, t }) => {
		const queue = { running: 0, waiting: 0 };
		await page.route('**/api/status/stream', (route) => route.fulfill({ status: 404, body: '' }));
		await page.route('**/api/status', async (route) => {
			const status = (await (await route.fetch()).json()) as Status;
			await route.fulfill({ json: { ...status, queue } });
		});
		const words = page.locator('header:visible .state .words').first();
		const { height } = page.viewportSize() ?? { height: 740 };
		await person.recall(person.say('Router lights', '路由器指示灯'));
		for (const [running, said] of [
			[0, t.status.ready],
			[1, t.status.busy]
		] as const) {
			queue.running = running;
			await expect(words).toHaveText(said);
			for (const width of person.isPhone ? [390, 360, 320] : [1440, 390, 320]) {
				await page.setViewportSize({ width, height });
				await expect(words).toHaveText(said);
				await expect(words).toBeInViewport({ ratio: 1 });
				expect(await words.evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0);
				expect(await overflow(page)).toBeLessThanOrEqual(0);
			}
		}
		await person.openMachine();
		await expect(person.dialog).toContainText(t.live.running);
	}
);

test(
	'one stream tells the figures, and a sheet has them all',
	shows('stream', 'machine'),
	async ({ page, person, t, request }) => {
		let streams = 0;
		page.on('request', (request) => {
			if (request.url().endsWith('/api/status/stream')) streams += 1;
		});
		await person.open();
		const bar = page.locator('header:visible').first();
		await expect(bar.getByText(/^\d+%$/).first()).toBeVisible();
		expect(streams).toBe(1);
		await person.openMachine();
		const { device } = (await (await request.get('/api/status')).json()) as {
			device: { name: string };
		};
		await expect(person.dialog).toContainText(device.name);
		await expect(person.dialog).toContainText(t.live.machineMemory);
		expect(streams).toBe(1);
	}
);

test('of what the stream tells every second only a change of state is said aloud', async ({
	page,
	person
}) => {
	await person.open();
	await expect(
		page
			.locator('header:visible')
			.first()
			.getByText(/^\d+%$/)
			.first()
	).toBeVisible();
	await page.evaluate(() => {
		const state = document.querySelector('header [role=status]');
		if (!state) throw new Error('no state');
		const seen = window as unknown as { changes: number };
		seen.changes = 0;
		new MutationObserver(() => (seen.changes += 1)).observe(state, {
			childList: true,
			characterData: true,
			subtree: true
		});
	});
	await page.waitForTimeout(2500);
	expect(await page.evaluate(() => (window as unknown as { changes: number }).changes)).toBe(0);
});

test('the stream tells something every second', async ({ desk }) => {
	const over = new AbortController();
	const reply = await fetch(`${desk.url}/api/status/stream`, { signal: over.signal });
	const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
	const told: number[] = [];
	while (reader && told.length < 4) {
		const { value = '' } = await reader.read();
		if (value.includes('data:')) told.push(Date.now());
	}
	over.abort();
	const gaps = told.slice(2).map((at, index) => at - (told[index + 1] ?? 0));
	for (const gap of gaps) expect(gap).toBeLessThan(1600);
});
