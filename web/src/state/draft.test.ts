import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Draft, keepTrays, recallTray } from './draft.svelte';
import { DeskPicture } from './picture.svelte';

const facts = { id: 'p1', width: 9, height: 9, bytes: 9, tokens: 4, media_type: 'image/png' };

beforeEach(() => {
	localStorage.clear();
	sessionStorage.clear();
	vi.stubGlobal('fetch', () => Promise.resolve(new Response(null, { status: 404 })));
});

describe('drafts', () => {
	it('are kept for each conversation, and forgotten when they are sent', () => {
		new Draft('a').words = 'one';
		new Draft('b').words = 'two';
		expect([new Draft('a').words, new Draft('b').words, new Draft('c').words]).toEqual([
			'one',
			'two',
			''
		]);
		new Draft('a').words = '';
		expect(localStorage.getItem('lookdesk.drafts')).toBe('{"b":"two"}');
	});

	it('are not kept without end', () => {
		for (let at = 0; at < 80; at++) new Draft(`c${at}`).words = 'x';
		const kept = JSON.parse(localStorage.getItem('lookdesk.drafts') ?? '{}') as object;
		expect(Object.keys(kept)).toHaveLength(50);
		expect(new Draft('c79').words).toBe('x');
	});

	it('survive storage that somebody has edited', () => {
		localStorage.setItem('lookdesk.drafts', '{"a":5}');
		sessionStorage.setItem('lookdesk.tray', '{"a":5');
		const draft = new Draft('a');
		recallTray(draft);
		expect(draft.isEmpty).toBe(true);
	});

	it('bring their pictures over a reload', () => {
		const draft = new Draft('a');
		draft.tray.pictures = [DeskPicture.fromStored(facts)];
		keepTrays([draft, new Draft('b')]);
		const again = new Draft('a');
		recallTray(again);
		expect(again.tray.pictures.map(({ id }) => id)).toEqual(['p1']);
		expect(again.isEmpty).toBe(false);
	});
});
