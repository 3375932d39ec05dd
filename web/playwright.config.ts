import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

// Debian's Chromium where there is one; otherwise the browser Playwright installs.
const chromium = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const isRoot = process.getuid?.() === 0;

export default defineConfig({
	testDir: 'e2e',
	timeout: 60_000,
	expect: { timeout: 20_000 },
	workers: 1,
	forbidOnly: Boolean(process.env['CI']),
	reporter: process.env['CI'] ? [['list'], ['html', { open: 'never' }]] : 'list',
	use: {
		locale: 'en-GB',
		// No traces: recording one fetches blob: addresses, which the content security policy forbids.
		trace: 'off',
		launchOptions: {
			...(existsSync(chromium) ? { executablePath: chromium } : {}),
			args: isRoot ? ['--no-sandbox'] : []
		}
	},
	projects: [
		{
			name: 'desk',
			testIgnore: '**/*screenshots.spec.ts'
		},
		{ name: 'screenshots', testMatch: '**/*screenshots.spec.ts' }
	]
});
