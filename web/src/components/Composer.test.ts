import { fireEvent, render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { Tray } from '../state/tray.svelte';
import Composer from './Composer.svelte';

function shown(more: Record<string, unknown> = {}) {
	const on = { onFiles: vi.fn(), onSend: vi.fn(), onStop: vi.fn(), onShow: vi.fn() };
	render(Composer, {
		draft: '',
		tray: new Tray(),
		isAnswering: false,
		isReady: true,
		isLoading: false,
		hasPictures: false,
		...on,
		...more
	});
	return { ...on, box: screen.getByRole('textbox') };
}

describe('files that were left out', () => {
	const refusal = (key: number, name: string, problem: Problem) => ({ key, name, problem });

	it('are told once for each reason, however many they are', async () => {
		const tray = new Tray();
		const full = new Problem('too_many_pictures', '', { details: { limit: 8 } });
		const names = Array.from({ length: 12 }, (_, index) => `IMG_${index}.jpg`);
		tray.refusals = [
			refusal(100, `${'long '.repeat(30)}.pdf`, new Problem('picture_empty')),
			...names.map((name, index) => refusal(index, name, full))
		];
		shown({ tray });
		const told = screen.getAllByRole('alert');
		expect(told).toHaveLength(2);
		expect(told[0]).toHaveTextContent(/^long .{10,50}….*\.pdf This file is empty/);
		expect(told[1]).toHaveTextContent('IMG_0.jpg and 11 more: One question takes up to 8 pictures');
		const close = screen.getAllByRole('button', { name: 'Close this message' });
		await userEvent.click(close[1] as HTMLElement);
		expect(tray.refusals).toHaveLength(1);
	});
});

describe('the question box', () => {
	it('does not say that Enter sends while an answer is on its way', () => {
		const { box } = shown({ isAnswering: true });
		expect(box).toHaveAccessibleDescription('Answering. You can write on; Esc stops.');
	});

	it('sends with Enter and breaks the line with Shift+Enter', async () => {
		const { box, onSend } = shown();
		await userEvent.type(box, 'one{Shift>}{Enter}{/Shift}two');
		expect(box).toHaveValue('one\ntwo');
		expect(onSend).not.toHaveBeenCalled();
		await userEvent.type(box, '{Enter}');
		expect(onSend).toHaveBeenCalledOnce();
	});

	it('leaves Enter to the input method while it composes', async () => {
		const { box, onSend } = shown({ draft: '型号' });
		box.dispatchEvent(
			new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true })
		);
		box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true }));
		expect(onSend).not.toHaveBeenCalled();
	});

	it.each([
		['is empty', { draft: '  ' }],
		['comes before the model is ready', { draft: 'x', isReady: false }],
		['comes during an answer', { draft: 'x', isAnswering: true }]
	])('does not send what %s', async (_, state) => {
		const { box, onSend } = shown(state);
		await userEvent.type(box, '{Enter}');
		expect(onSend).not.toHaveBeenCalled();
	});

	it('offers to stop while an answer is under way', async () => {
		const { onStop } = shown({ isAnswering: true });
		await userEvent.click(screen.getByRole('button', { name: 'Stop' }));
		expect(onStop).toHaveBeenCalledOnce();
	});

	it('is where one goes on after Stop', async () => {
		const { box } = shown({ isAnswering: true });
		await userEvent.click(screen.getByRole('button', { name: 'Stop' }));
		expect(box).toHaveFocus();
	});

	it('does not take the second half of a double click on Send for Stop', async () => {
		const { onStop } = shown({ isAnswering: true });
		const stop = screen.getByRole('button', { name: 'Stop' });
		await fireEvent.click(stop, { detail: 2 });
		expect(onStop).not.toHaveBeenCalled();
		await fireEvent.click(stop, { detail: 1 });
		expect(onStop).toHaveBeenCalledOnce();
	});

	it('takes several pictures from the dialog at once', async () => {
		const { onFiles } = shown();
		const files = [new File(['a'], 'a.png'), new File(['b'], 'b.png')];
		await userEvent.upload(screen.getByTestId('files'), files, { applyAccept: false });
		expect(onFiles).toHaveBeenCalledWith(files);
	});
});
