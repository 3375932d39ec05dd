import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { route } from './route.svelte';

let end: () => void;
beforeEach(() => {
	end = route.watch();
});
afterEach(() => {
	end();
	route.go('#/');
});

const told = () => new Promise((done) => setTimeout(done, 20));

it('one change of the address is told once', async () => {
	let reads = 0;
	const stop = $effect.root(() => {
		$effect(() => {
			void route.query;
			reads += 1;
		});
	});
	flushSync();
	route.go('#/insights?days=7');
	flushSync();
	await told();
	flushSync();
	expect(route.page).toBe('insights');
	expect(route.query.get('days')).toBe('7');
	expect(reads).toBe(2);
	stop();
});

it('a jump inside the page leaves the place as it is', async () => {
	route.go('#/records');
	location.hash = '#content';
	await told();
	expect(route.page).toBe('records');
});

it('replacing makes no entry in the history', () => {
	const before = history.length;
	route.replace('#/insights?days=90');
	expect(history.length).toBe(before);
	expect(route.query.get('days')).toBe('90');
});
