/** Query strings, of the page's own addresses and of the server's. */

/** What is set, with its question mark; empty where nothing is. */
export function queryString(wanted: object): string {
	const set = Object.entries(wanted as Record<string, unknown>).filter(
		([, value]) => value !== undefined && value !== null && value !== ''
	);
	const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
	return text === '' ? '' : `?${text}`;
}
