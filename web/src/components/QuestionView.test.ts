import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Round } from '../state/round.svelte';
import QuestionView from './QuestionView.svelte';

beforeAll(() => {
	// jsdom knows no modal dialogs.
	HTMLDialogElement.prototype.showModal = function () {
		this.open = true;
	};
	HTMLDialogElement.prototype.close = function () {
		this.open = false;
		this.dispatchEvent(new Event('close'));
	};
});

beforeEach(() => localStorage.clear());

let leave: () => void;

function shown(after: number) {
	const round = new Round('model?', []);
	round.id = 'r1';
	const onAskInstead = vi.fn();
	({ unmount: leave } = render(QuestionView, {
		round,
		before: 0,
		shown: undefined,
		onShow: vi.fn(),
		after,
		onAskInstead
	}));
	return onAskInstead;
}

async function change(to: string) {
	await userEvent.click(screen.getByRole('button', { name: 'Edit and ask again' }));
	const box = screen.getByRole('textbox', { name: 'The question' });
	await userEvent.clear(box);
	await userEvent.type(box, `${to}{Enter}`);
}

describe('a question asked differently', () => {
	it('goes at once where no round comes after it', async () => {
		const onAskInstead = shown(0);
		await change('code?');
		expect(onAskInstead).toHaveBeenCalledWith('code?');
	});

	it('is there again, half written, when one comes back to it, and takes no focus', async () => {
		shown(0);
		await userEvent.click(screen.getByRole('button', { name: 'Edit and ask again' }));
		await userEvent.type(screen.getByRole('textbox'), ' or code?');
		leave();
		const onAskInstead = shown(0);
		const box = screen.getByRole('textbox');
		expect(box).toHaveValue('model? or code?');
		expect(box).not.toHaveFocus();
		await userEvent.type(box, '{Enter}');
		expect(onAskInstead).toHaveBeenCalledWith('model? or code?');
		leave();
		shown(0);
		expect(screen.queryByRole('textbox')).toBeNull();
	});

	it('is not lost by Esc, but given up with Cancel', async () => {
		shown(0);
		const edit = () => userEvent.click(screen.getByRole('button', { name: 'Edit and ask again' }));
		await edit();
		await userEvent.type(screen.getByRole('textbox'), ' or code?{Escape}');
		expect(screen.queryByRole('textbox')).toBeNull();
		await edit();
		expect(screen.getByRole('textbox')).toHaveValue('model? or code?');
		await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
		await edit();
		expect(screen.getByRole('textbox')).toHaveValue('model?');
	});

	it('asks first where one round would leave, and says so of one', async () => {
		const onAskInstead = shown(1);
		await change('code?');
		expect(screen.getByRole('dialog')).toHaveTextContent('The round after it leaves');
		expect(onAskInstead).not.toHaveBeenCalled();
	});

	it('asks first where more would leave, and takes no for an answer', async () => {
		const onAskInstead = shown(3);
		await change('code?');
		expect(screen.getByRole('dialog')).toHaveTextContent('The 3 rounds after it leave');
		await userEvent.click(screen.getAllByRole('button', { name: 'Cancel' }).at(-1) as Element);
		expect(onAskInstead).not.toHaveBeenCalled();
		expect(screen.getByRole('textbox')).toHaveValue('code?');
		await userEvent.click(screen.getByRole('button', { name: 'Ask again' }));
		await userEvent.click(screen.getAllByRole('button', { name: 'Ask again' }).at(-1) as Element);
		expect(onAskInstead).toHaveBeenCalledWith('code?');
	});

	it('is as it was after Esc, with the focus where it began', async () => {
		const onAskInstead = shown(0);
		await userEvent.click(screen.getByRole('button', { name: 'Edit and ask again' }));
		await userEvent.keyboard('something else{Escape}');
		expect(screen.getByText('model?')).toBeInTheDocument();
		expect(screen.getByRole('button', { name: 'Edit and ask again' })).toHaveFocus();
		expect(onAskInstead).not.toHaveBeenCalled();
	});

	it('cannot be empty', async () => {
		const onAskInstead = shown(0);
		await change('  ');
		expect(onAskInstead).not.toHaveBeenCalled();
	});
});
