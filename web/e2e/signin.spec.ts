/** A desk that asks for keys, as a person meets it: the way in, the way out, and the description of the interface. */
import { expect, test, type Page } from '@playwright/test';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { overflow, violations } from './axe.ts';
import { shows } from './items.ts';

const named = process.env['LOOKDESK_BIN'];
const program = resolve(named ?? '../target/debug/lookdesk');

// One desk for them all.
test.describe.configure({ mode: 'default' });

let child: ChildProcess;
let folder: string;
let key: string;
let url: string;

test.beforeAll(async () => {
	const made = spawnSync(program, ['key', 'new', 'ann'], { encoding: 'utf8' });
	key = made.stderr.trim().split(' ').at(-1) ?? '';
	folder = mkdtempSync(join(tmpdir(), 'lookdesk-'));
	const keys = join(folder, 'keys');
	writeFileSync(keys, made.stdout);
	child = spawn(program, ['serve', '--port', '0', '--api-key-file', keys], {
		stdio: ['ignore', 'pipe', 'ignore']
	});
	if (!child.stdout) throw new Error('stdout is piped');
	const lines = createInterface({ input: child.stdout });
	const first = await lines[Symbol.asyncIterator]().next();
	url = /http:\/\/\S+/.exec(String(first.value))?.[0] ?? '';
});

test.afterAll(() => {
	child.kill('SIGKILL');
	rmSync(folder, { recursive: true });
});

/** Everything the browser complains about, such as a breach of the content security policy. */
function complaints(page: Page): string[] {
	const told: string[] = [];
	page.on('console', (message) => {
		if (message.type() === 'error' && !message.text().includes('401')) told.push(message.text());
	});
	page.on('pageerror', (error) => told.push(String(error)));
	return told;
}

async function signIn(page: Page) {
	await page.goto(url);
	await page.getByLabel('Your key').fill(key);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await expect(page.locator('header [role=status]')).toHaveText(/ready|busy/);
}

test(
	'a key opens the desk, a wrong one does not, and signing out closes it',
	shows('signIn'),
	async ({ page }) => {
		const told = complaints(page);
		await page.goto(url);
		await expect(page).toHaveURL(`${url}/signin`);
		expect(await violations(page)).toEqual([]);
		await page.getByLabel('Your key').fill('ld_guess');
		await page.keyboard.press('Enter');
		await expect(page.getByRole('alert')).toContainText('does not know that key');
		await signIn(page);
		const cookies = await page.context().cookies();
		expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([
			{ httpOnly: true, sameSite: 'Strict' }
		]);
		await page.goto(`${url}/signin`);
		await page.getByRole('button', { name: 'Sign out' }).click();
		await page.goto(url);
		await expect(page).toHaveURL(`${url}/signin`);
		expect(told).toEqual([]);
	}
);

test(
	'the way in speaks the browser’s language, or the one chosen, and then so does the desk',
	shows('signInLanguage'),
	async ({ page, locale }) => {
		const isChinese = locale?.startsWith('zh');
		const [key_, sign, other] = isChinese
			? ['密钥', '登录', 'English']
			: ['Your key', 'Sign in', '中文'];
		const [theirKey, theirSign] = isChinese ? ['Your key', 'Sign in'] : ['密钥', '登录'];
		await page.goto(url);
		await expect(page.locator('html')).toHaveAttribute('lang', isChinese ? 'zh-CN' : 'en');
		await expect(page.getByLabel(key_, { exact: true })).toBeVisible();
		await expect(page.getByRole('button', { name: sign, exact: true })).toBeVisible();
		await expect(page.getByText(theirKey)).toHaveCount(0);
		expect(await violations(page)).toEqual([]);
		expect(await overflow(page)).toBeLessThanOrEqual(0);
		for (const control of await page.locator('input:visible, button:visible, a:visible').all()) {
			expect((await control.boundingBox())?.height).toBeGreaterThanOrEqual(44);
		}
		await page.getByRole('link', { name: other, exact: true }).click();
		await page.getByLabel(theirKey, { exact: true }).fill(key);
		await page.getByRole('button', { name: theirSign, exact: true }).click();
		await expect(page.locator('#question')).toBeVisible();
		await expect(page.locator('html')).toHaveAttribute('lang', isChinese ? 'en' : 'zh-CN');
	}
);

test('an open page whose key is gone says so', async ({ page }) => {
	await signIn(page);
	await page.context().clearCookies();
	await page.locator('#question').fill('Hello?');
	await page.keyboard.press('Enter');
	await expect(page.getByText('no longer signed in').first()).toBeVisible();
});

for (const scheme of ['light', 'dark'] as const) {
	test(
		`the description of the interface reads well in ${scheme}`,
		shows('api'),
		async ({ page }) => {
			await page.emulateMedia({ colorScheme: scheme });
			const told = complaints(page);
			await signIn(page);
			await page.goto(`${url}/docs`);
			await page.getByText('/v1/chat/completions', { exact: true }).click();
			await page.getByRole('link', { name: 'ChatRequest' }).first().click();
			await expect(page.getByText('How many answers to give.').first()).toBeVisible();
			expect(await violations(page)).toEqual([]);
			expect(told).toEqual([]);
		}
	);
}
