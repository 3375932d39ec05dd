import { readFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';
import { expect, it } from 'vitest';

it('schema.ts was generated from the openapi.json beside it; if not: npm run types', async () => {
	const generated = astToString(await openapiTS(JSON.parse(readFileSync('openapi.json', 'utf8'))));
	const withoutHeader = (text: string) => text.replace(/^\/\*\*[\s\S]*?\*\/\n*/, '').trim();
	expect(withoutHeader(readFileSync('src/api/schema.ts', 'utf8'))).toBe(withoutHeader(generated));
});
