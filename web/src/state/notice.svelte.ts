/**
 * One short message at a time. A way back stays open for ten seconds, longer while somebody is at it; what
 * only tells something goes sooner.
 */
export interface Notice {
	text: string;
	undo?: () => void;
}

const staysMs = 10_000;
const toldMs = 6_000;

class Notices {
	current = $state.raw<Notice>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#onGone: (() => void) | undefined;
	/** Where messages can be shown; the last one is in front. */
	#places = $state.raw<symbol[]>([]);

	/** `onGone` runs when the way back is closed for good. */
	show(notice: Notice, onGone?: () => void): void {
		this.dismiss();
		this.current = notice;
		this.#onGone = onGone;
		this.release();
	}

	undo(): void {
		const undo = this.current?.undo;
		this.#onGone = undefined;
		this.dismiss();
		undo?.();
	}

	dismiss(): void {
		this.hold();
		this.current = undefined;
		const onGone = this.#onGone;
		this.#onGone = undefined;
		onGone?.();
	}

	/** Somebody points at it, or is in it by keys. */
	hold(): void {
		clearTimeout(this.#timer);
	}

	release(): void {
		this.hold();
		if (!this.current) return;
		this.#timer = setTimeout(() => this.dismiss(), this.current.undo ? staysMs : toldMs);
	}

	/** A place to show messages at, in front of those before; returns how to leave it. */
	offer(place: symbol): () => void {
		this.#places = [...this.#places, place];
		return () => {
			this.#places = this.#places.filter((other) => other !== place);
		};
	}

	isInFront(place: symbol): boolean {
		return this.#places.at(-1) === place;
	}
}

export const notices = new Notices();
