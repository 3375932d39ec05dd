/**
 * The files of a paste that are meant. Tables, letters and mails give words and a picture of them at once;
 * file managers give files and their names.
 */
const written = 'input:not([type=range], [type=checkbox], [type=radio], [type=file]), textarea';

function takesWords(target: EventTarget | null): boolean {
	if (!(target instanceof HTMLElement)) return false;
	return target.isContentEditable || target.matches(`:is(${written}):enabled:read-write`);
}

/** File names may be escaped where they are written as addresses. */
function named(line: string): string {
	const name = line.slice(Math.max(line.lastIndexOf('/'), line.lastIndexOf('\\')) + 1);
	try {
		return decodeURIComponent(name);
	} catch {
		return name;
	}
}

/** Nothing where the paste is to be left to the browser. */
export function pastedFiles(event: ClipboardEvent): File[] {
	const files = [...(event.clipboardData?.files ?? [])];
	if (files.length === 0 || document.querySelector('dialog[open]')) return [];
	if (!takesWords(event.target)) return files;
	const lines = (event.clipboardData?.getData('text/plain') ?? '').split(/[\r\n]+/).filter(Boolean);
	const areNames = lines.every((line) => files.some(({ name }) => name === named(line)));
	return areNames ? files : [];
}
