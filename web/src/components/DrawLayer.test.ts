import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import DrawLayer from './DrawLayer.svelte';

function shown() {
	const on = { onDrawn: vi.fn(), onLeave: vi.fn() };
	const view = { x: 0, y: 0, scale: 1 };
	render(DrawLayer, { text: 'E102', view, picture: { width: 200, height: 100 }, ...on });
	return on;
}

describe('a box drawn by keys', () => {
	it('begins in the middle, moves, grows, and says where it is', async () => {
		const { onDrawn } = shown();
		expect(screen.getByRole('application')).toHaveFocus();
		await userEvent.keyboard('{ArrowRight}');
		expect(screen.getByText(/^Box from 35% across and 43% down/)).toBeInTheDocument();
		await userEvent.keyboard('{ArrowRight}{ArrowUp}{Shift>}{ArrowDown}{/Shift}{Enter}');
		expect(onDrawn).toHaveBeenCalledWith([360, 420, 660, 570]);
	});

	it('takes the middle where nothing was drawn, and Esc leaves', async () => {
		const { onDrawn, onLeave } = shown();
		await userEvent.keyboard('{Enter}');
		expect(onDrawn).toHaveBeenCalledWith([350, 430, 650, 570]);
		await userEvent.keyboard('{Escape}');
		expect(onLeave).toHaveBeenCalledOnce();
	});
});
