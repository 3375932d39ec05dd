/**
 * The place in the address bar, as state. Going somewhere makes an entry in the browser's history;
 * replacing does not. `watch` is called once, by the page's root.
 */
import { readPlace, type Page, type Place } from './place';

const desk: Place = { page: 'desk', path: '/', query: new URLSearchParams() };

class Route {
	#hash = location.hash;
	#place = $state.raw<Place>(readPlace(location.hash) ?? desk);

	get page(): Page {
		return this.#place.page;
	}

	get path(): string {
		return this.#place.path;
	}

	get query(): URLSearchParams {
		return this.#place.query;
	}

	go(href: string): void {
		location.hash = href;
		this.#read();
	}

	replace(href: string): void {
		history.replaceState(history.state, '', href);
		this.#read();
	}

	watch(): () => void {
		const read = () => this.#read();
		addEventListener('hashchange', read);
		addEventListener('popstate', read);
		this.#read();
		return () => {
			removeEventListener('hashchange', read);
			removeEventListener('popstate', read);
		};
	}

	/** Told of the same change twice, by `go` and by the browser, it changes once. */
	#read(): void {
		if (location.hash === this.#hash) return;
		this.#hash = location.hash;
		this.#place = readPlace(location.hash) ?? this.#place;
	}
}

export const route = new Route();
