import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import DropZone from './DropZone.svelte';

afterEach(() => document.body.replaceChildren());

/** Pastes into an element of the page; returns what was taken as pictures, and whether the words were kept out. */
async function pasted(html: string, words: string, names = ['image.png']) {
	const onFiles = vi.fn();
	render(DropZone, { onFiles });
	document.body.insertAdjacentHTML('beforeend', html);
	const files = names.map((name) => new File(['x'], name, { type: 'image/png' }));
	const clipboardData = { files, getData: (kind: string) => (kind === 'text/plain' ? words : '') };
	const isLeft = await fireEvent.paste(screen.getByTestId('here'), { clipboardData });
	return { taken: onFiles.mock.calls.map(([what]) => what as unknown), isLeft };
}

const box = '<textarea data-testid="here"></textarea>';

describe('what is pasted', () => {
	it('is a picture, also into a box for words', async () => {
		const { taken, isLeft } = await pasted(box, '');
		expect(taken).toMatchObject([{ files: [{ name: 'image.png' }], empty: [] }]);
		expect(isLeft).toBe(false);
	});

	it.each([box, '<input type="search" data-testid="here">'])(
		'is words where a table or a mail gives a picture of them too: %s',
		async (html) => {
			expect(await pasted(html, 'Order 4711\tred')).toEqual({ taken: [], isLeft: true });
		}
	);

	it.each(['<div data-testid="here"></div>', '<input type="range" data-testid="here">'])(
		'is the picture where no words can be written: %s',
		async (html) => expect((await pasted(html, 'Order 4711')).taken).toHaveLength(1)
	);

	it.each(['a.png\nb.png', 'file:///home/ann/a.png\r\nfile:///home/ann/b.png\r\n', 'C:\\a.png'])(
		'is the picture where the words only name its file: %j',
		async (words) => expect((await pasted(box, words, ['a.png', 'b.png'])).taken).toHaveLength(1)
	);

	it('is left to a dialog that is open', async () => {
		const dialog = '<dialog open><textarea data-testid="here"></textarea></dialog>';
		expect(await pasted(dialog, '')).toEqual({ taken: [], isLeft: true });
	});
});
