import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import FilterChips from './FilterChips.svelte';

it('says in words what the list is narrowed to, and lets each go', async () => {
	const onChange = vi.fn();
	const filters = {
		verdict: 'handed_over',
		weekday: 0,
		hour: 9,
		doubtful: true,
		doubtful_string: 'E-102',
		solved_in: 3,
		unanswered: 'left',
		from: new Date(2026, 10, 1).getTime()
	} as const;
	render(FilterChips, { filters, onChange });
	const words = screen.getAllByRole('button').map((chip) => chip.textContent.trim());
	expect(words).toEqual([
		'Handed to a person',
		'asked on Monday',
		'asked from 9:00 to 9:59',
		'with doubtful answers',
		'“E-102” doubtful',
		'solved in 3 rounds or more',
		'with an answer nobody waited for',
		'from Nov 1, 2026'
	]);
	await userEvent.click(screen.getByRole('button', { name: /Monday/ }));
	const { weekday: _gone, ...rest } = filters;
	expect(onChange).toHaveBeenCalledWith(rest);
});

it('says which questions a group holds, as soon as that is known', async () => {
	const filters = { group: '0199' };
	const { rerender } = render(FilterChips, { filters, onChange: vi.fn() });
	expect(screen.getByRole('button')).toHaveTextContent('one group of questions');
	await rerender({ filters, groupLabel: 'Which error code is shown?', onChange: vi.fn() });
	expect(screen.getByRole('button')).toHaveTextContent(
		'questions like “Which error code is shown?”'
	);
});
