import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';
import { mockDesk } from './mock/plugin.ts';

// `LOOKDESK_MOCK=1 npm run dev` answers from the mock; otherwise a running desk does.
const mocked = process.env['LOOKDESK_MOCK'] === '1';
const desk = process.env['LOOKDESK_URL'] ?? 'http://127.0.0.1:8501';
// Under the page's own name: the desk refuses what another site's page sends.
const toDesk = { target: desk, changeOrigin: false };

export default defineConfig({
	plugins: [svelte(), svelteTesting(), ...(mocked ? [mockDesk()] : [])],
	build: {
		target: 'es2022',
		// A data: font or script would need a looser content security policy.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false }
	},
	server: mocked ? {} : { proxy: { '/api': toDesk, '/healthz': toDesk, '/readyz': toDesk } },
	test: {
		environment: 'jsdom',
		testTimeout: 30_000,
		include: ['src/**/*.test.ts', 'mock/**/*.test.ts'],
		setupFiles: ['src/test-setup.ts']
	}
});
