/**
 * Small things the browser keeps between visits. Storage may be full, forbidden or edited by hand: then
 * the page goes on without it.
 */
const prefix = 'lookdesk.';

export function recall<T>(key: string, accept: (value: unknown) => value is T): T | undefined {
	try {
		const value: unknown = JSON.parse(localStorage.getItem(prefix + key) ?? 'null');
		return accept(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

export function keep(key: string, value: unknown): void {
	try {
		if (value === undefined) localStorage.removeItem(prefix + key);
		else localStorage.setItem(prefix + key, JSON.stringify(value));
	} catch {
		// Nothing is lost but convenience.
	}
}
