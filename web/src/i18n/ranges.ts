/** What a value may be, as the server says it in English, in the words of the page. */
import type { Messages } from './en';

type Words = Messages['refusals'];
type Say = (t: Words, name: string, ...figures: string[]) => string;

const number = '(-?[\\d.]+)';
const forms: [RegExp, Say][] = [
	[
		new RegExp(`^between ${number} and ${number}$`),
		(t, name, least = '', most = '') => t.between(name, least, most)
	],
	[
		new RegExp(`^above ${number} and at most ${number}$`),
		(t, name, least = '', most = '') => t.aboveAtMost(name, least, most)
	],
	[/^at most (\d+) characters$/, (t, name, most = '') => t.atMostCharacters(name, most)],
	[
		/^(\d+) to (\d+) characters$/,
		(t, name, least = '', most = '') => t.characters(name, least, most)
	],
	[new RegExp(`^at least ${number}$`), (t, name, least = '') => t.atLeast(name, least)],
	[/^at most (\d+); delete one first$/, (t, name, most = '') => t.fewer(name, most)],
	[/^a few words$/, (t, name) => t.notEmpty(name)]
];

/** `field`: as the server calls it. */
export function rangeSentence(field: unknown, allowed: unknown, t: Words): string {
	if (typeof field !== 'string') return t.mismatch;
	const name = t.names[field] ?? field;
	for (const [form, say] of forms) {
		const found = form.exec(String(allowed));
		if (found) return say(t, name, ...found.slice(1));
	}
	return t.otherwise(name);
}
