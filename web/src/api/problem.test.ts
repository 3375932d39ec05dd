import { afterEach, expect, it, vi } from 'vitest';
import { en } from '../i18n/en';
import { sentence } from '../i18n/problems';
import { asProblem } from './problem';

afterEach(() => vi.restoreAllMocks());

it('a request that reached nobody is put down to the network where there is none', () => {
	const failed = () => sentence(asProblem(new TypeError('Failed to fetch')), en);
	expect(failed()).toMatch(/lookdesk is running/);
	vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
	expect(failed()).toBe('This device has no network. Try again when it is back.');
});
