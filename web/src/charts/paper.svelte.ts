/** Whether the page is being printed. What is drawn for the window's width is drawn anew for the paper's. */
import { flushSync } from 'svelte';

class Paper {
	#isPrinting = $state(false);

	constructor() {
		// At once: pages are counted right after, and what grows later is lost.
		addEventListener('beforeprint', () => flushSync(() => (this.#isPrinting = true)));
		addEventListener('afterprint', () => (this.#isPrinting = false));
	}

	get isPrinting(): boolean {
		return this.#isPrinting;
	}
}

export const paper = new Paper();
