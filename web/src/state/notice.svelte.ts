/** One short message at a time, with a way back that stays open for ten seconds. */
export interface Notice {
	text: string;
	undo?: () => void;
}

const staysMs = 10_000;

class Notices {
	current = $state.raw<Notice>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#onGone: (() => void) | undefined;

	/** `onGone` runs when the way back is closed for good. */
	show(notice: Notice, onGone?: () => void): void {
		this.dismiss();
		this.current = notice;
		this.#onGone = onGone;
		this.#timer = setTimeout(() => this.dismiss(), staysMs);
	}

	undo(): void {
		const undo = this.current?.undo;
		this.#onGone = undefined;
		this.dismiss();
		undo?.();
	}

	dismiss(): void {
		clearTimeout(this.#timer);
		this.current = undefined;
		const onGone = this.#onGone;
		this.#onGone = undefined;
		onGone?.();
	}
}

export const notices = new Notices();
