import { existsSync } from 'node:fs';
import { defineConfig, type Project } from '@playwright/test';
import { everywhere, type Look } from './e2e/items.ts';

// Debian's Chromium where there is one, rather without windows; otherwise the browser Playwright installs.
const installed = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];
const chromium = process.env['CHROMIUM'] ?? installed.find(existsSync) ?? '';
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
	// Each has a desk and a browser of its own; more than two leave a small machine no time to answer.
	workers: 2,
	fullyParallel: true,
	// What fails once is a fault of the page or of its test.
	retries: 0,
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
