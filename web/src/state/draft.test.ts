import { beforeEach, describe, expect, it, vi } from 'vitest';
import { uploadPicture } from '../api/client';
import { Problem } from '../api/problem';
import { Draft, keepTrays, recallTray } from './draft.svelte';
import { DeskPicture } from './picture.svelte';
import { tabs } from './tabs';
import { forgetLive, leaveDrafts } from './unborn';

vi.mock('../api/client', async (original) => ({
	...(await original<typeof import('../api/client')>()),
	uploadPicture: vi.fn()
}));

/** What the page knew of itself is gone. */
const reload = forgetLive;
const facts = { id: 'p1', width: 9, height: 9, bytes: 9, tokens: 4, media_type: 'image/png' };

beforeEach(() => {
	localStorage.clear();
	sessionStorage.clear();
	reload();
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

	it('say after a reload which pictures had not arrived, until somebody has seen it', async () => {
		vi.mocked(uploadPicture).mockRejectedValue(new Problem('unreachable'));
		const draft = new Draft('a');
		const limits = { pictureBytes: 100, pictures: 3 };
		const file = new File(['x'], 'meter.jpg', { type: 'image/jpeg' });
		await draft.tray.add([file], limits);
		draft.tray.pictures = [...draft.tray.pictures, DeskPicture.fromStored(facts)];
		let again = draft;
		for (let times = 0; times < 2; times++) {
			keepTrays([again]);
			again = new Draft('a');
			recallTray(again);
			expect(again.tray.pictures.map(({ id }) => id)).toEqual(['p1']);
			const said = again.tray.refusals.map(({ name, problem }) => [name, problem.code]);
			expect(said).toEqual([['meter.jpg', 'picture_lost']]);
		}
		again.tray.dismiss(again.tray.refusals.map(({ key }) => key));
		keepTrays([again]);
		again = new Draft('a');
		recallTray(again);
		expect(again.tray.refusals).toEqual([]);
	});

	it('of conversations that were not opened since keep their pictures over the next reload too', () => {
		const draft = new Draft('a');
		draft.tray.pictures = [DeskPicture.fromStored(facts)];
		keepTrays([draft]);
		keepTrays([new Draft('b')]);
		const again = new Draft('a');
		recallTray(again);
		expect(again.tray.pictures.map(({ id }) => id)).toEqual(['p1']);
	});
});

describe('drafts of conversations that are not there yet', () => {
	const inTab = (name: string) => sessionStorage.setItem('lookdesk.tab', JSON.stringify(name));
	const newest = (follows?: string) => Draft.unborn(follows);

	it('of two tabs do not overwrite each other', () => {
		inTab('one');
		newest().words = 'about the router';
		inTab('two');
		const other = newest();
		expect(other.words).toBe('');
		other.words = 'about the kettle';
		reload();
		expect(newest().words).toBe('about the kettle');
		inTab('one');
		expect(newest().words).toBe('about the router');
	});

	it('of two chains do not, and each is there again for its chain', () => {
		inTab('one');
		newest().words = 'plain';
		newest('c1').words = 'another picture of the first';
		newest('c2').words = 'another picture of the second';
		reload();
		expect(newest('c1').words).toBe('another picture of the first');
		expect(newest('c2').words).toBe('another picture of the second');
		expect(newest().words).toBe('plain');
		expect(newest().words).toBe('');
	});

	it('of a tab that was closed waits for the next one', () => {
		inTab('one');
		newest().words = 'half a question';
		leaveDrafts();
		inTab('two');
		reload();
		const found = newest();
		expect(found.words).toBe('half a question');
		found.words = '';
		expect(localStorage.getItem('lookdesk.drafts')).toBe('{}');
	});

	it('of a tab that is only out of sight stays its own', () => {
		inTab('one');
		newest().words = 'half a question';
		leaveDrafts();
		inTab('two');
		reload();
		const open = vi.spyOn(tabs, 'isOpen').mockImplementation((name) => name === 'one');
		expect(newest().words).toBe('');
		open.mockRestore();
		inTab('three');
		expect(newest().words).toBe('half a question');
	});

	it('of a tab that broke without leaving anything waits for the next one too', () => {
		inTab('one');
		newest().words = 'half a question';
		inTab('two');
		reload();
		const gone = vi.spyOn(tabs, 'isGone').mockImplementation((name) => name === 'one');
		expect(newest().words).toBe('half a question');
		gone.mockRestore();
	});

	it('moves to its conversation, once that is there', () => {
		inTab('one');
		const draft = newest();
		draft.words = 'next?';
		draft.key = 'c1';
		expect(localStorage.getItem('lookdesk.drafts')).toBe('{"c1":"next?"}');
	});

	it('a picture that was asked about is in no other box', () => {
		inTab('one');
		const draft = newest('c0');
		draft.tray.pictures = [DeskPicture.fromStored(facts)];
		// Somebody looks at another tab for a moment.
		keepTrays([draft]);
		const sent = { question: 'what?' };
		draft.send(sent, draft.tray.take());
		draft.settle(sent);
		draft.key = 'c1';
		for (const other of [newest('c0'), new Draft('c1')]) {
			recallTray(other);
			expect(other.tray.pictures).toEqual([]);
		}
	});

	it('keeps its pictures over a reload, also without words', () => {
		inTab('one');
		const draft = newest();
		draft.tray.pictures = [DeskPicture.fromStored(facts)];
		keepTrays([draft]);
		reload();
		const again = newest();
		recallTray(again);
		expect(again.tray.pictures.map(({ id }) => id)).toEqual(['p1']);
	});
});
