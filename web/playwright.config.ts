import { existsSync } from 'node:fs';
import { defineConfig, type Project } from '@playwright/test';
import { everywhere, type Look } from './e2e/items.ts';

// Debian's Chromium where there is one; otherwise the browser Playwright installs.
const chromium = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const isRoot = process.getuid?.() === 0;

const screenshots = '**/*screenshots.spec.ts';

/** The tests that say `shows` are told in both languages and at both sizes; the others once. */
function look(name: Look): Project {
	const isPhone = name.endsWith('phone');
	const isTold = new RegExp(`@${name}(?![\\w-])`);
	return {
		name,
		testIgnore: screenshots,
		...(name === 'en-desktop'
			? { grepInvert: /^(?!.*@en-desktop).*@(?:en|zh)-(?:desktop|phone)/ }
			: { grep: isTold }),
		use: {
			locale: name.startsWith('zh') ? 'zh-CN' : 'en-GB',
			...(isPhone ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } : {})
		}
	};
}

export default defineConfig({
	testDir: 'e2e',
	timeout: 60_000,
	expect: { timeout: 20_000 },
	workers: 1,
	// What needs its second try is listed as flaky: a fault to be found, not a reason to stop the rest.
	retries: process.env['CI'] ? 1 : 0,
	forbidOnly: Boolean(process.env['CI']),
	reporter: [
		['list'],
		...(process.env['CI'] ? [['html', { open: 'never' }] as ['html', object]] : []),
		['./e2e/coverage.ts']
	],
	use: {
		// No traces: recording one fetches blob: addresses, which the content security policy forbids.
		trace: 'off',
		screenshot: 'only-on-failure',
		launchOptions: {
			...(existsSync(chromium) ? { executablePath: chromium } : {}),
			args: isRoot ? ['--no-sandbox'] : []
		}
	},
	projects: [...everywhere.map(look), { name: 'screenshots', testMatch: screenshots }]
});
