import { describe, expect, it } from 'vitest';
import { conversationLink, conversationsLink, pageLink } from './links';
import { readPlace } from './place';

describe('the place in the address', () => {
	it.each([
		['', 'desk'],
		['#', 'desk'],
		['#/', 'desk'],
		['#/?group=7', 'desk'],
		['#/c/0192-a', 'desk'],
		['#/insights', 'insights'],
		['#/insights?days=7', 'insights'],
		['#/records', 'records'],
		['#/what-is-this', 'desk']
	])('%j is the %s', (hash, page) => expect(readPlace(hash)?.page).toBe(page));

	it('keeps its query, also with question marks in it', () => {
		expect(readPlace('#/?query=what?&hour=3')?.query.get('query')).toBe('what?');
	});

	it('is not changed by a jump inside the page', () => {
		expect(readPlace('#question')).toBeUndefined();
	});
});

describe('links', () => {
	it('leave out what is not asked for', () => {
		expect(conversationsLink({ hour: 0, weekday: 6, doubtful: true })).toBe(
			'#/?hour=0&weekday=6&doubtful=true'
		);
		expect(conversationsLink({})).toBe('#/');
		expect(pageLink('insights')).toBe('#/insights');
	});

	it('survive a way there and back', () => {
		const link = conversationsLink({ customer: '王芳 & Söhne?', group: 'a#b' });
		const query = readPlace(link)?.query;
		expect(query?.get('customer')).toBe('王芳 & Söhne?');
		expect(query?.get('group')).toBe('a#b');
		expect(readPlace(conversationLink('a/b'))?.path).toBe('/c/a%2Fb');
	});
});
