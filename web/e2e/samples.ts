/** The sample pictures of the demo model, and what it answers about them. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const samples = resolve(import.meta.dirname, '../../demo/samples');
export const picture = (file: string) => resolve(samples, file);

interface SampleFile {
	file: string;
	question_en: string;
	question_zh: string;
	answer: string;
	answer_zh: string;
}
const known = JSON.parse(readFileSync(picture('samples.json'), 'utf8')) as SampleFile[];

export function sample(file: string): SampleFile {
	const found = known.find((s) => s.file === file);
	if (!found) throw new Error(`samples.json has no ${file}`);
	return found;
}

/** A name no other test has used on this desk. */
let made = 0;
export const unique = (name: string) => `${name} ${Date.now().toString(36)}${++made}`;
