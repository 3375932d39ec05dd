/** A desk to test against: the real program with the embedded demo model, asking for keys, on a free port. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const root = resolve(import.meta.dirname, '../..');
const program = process.env.LOOKDESK_BIN ?? join(root, 'target/debug/lookdesk');

export const model = 'lookdesk-demo';
export const modelSchema = {
	type: 'object',
	properties: { model: { type: 'string', pattern: '^[A-Z]{2}[0-9]{4}$' } },
	required: ['model'],
	additionalProperties: false
};

function newKey(name) {
	const folder = mkdtempSync(join(tmpdir(), 'lookdesk-'));
	const said = join(folder, 'said');
	const line = execFileSync('sh', ['-c', '"$1" key new "$2" 2>"$3"', 'sh', program, name, said]);
	const secret = readFileSync(said, 'utf8').trim().split(' ').at(-1);
	rmSync(folder, { recursive: true });
	return { secret, line: line.toString() };
}

/** Starts the program; `stop` ends it. */
export async function start() {
	const { secret, line } = newKey('tests');
	const single = newKey('single');
	const folder = mkdtempSync(join(tmpdir(), 'lookdesk-'));
	const keys = join(folder, 'keys');
	writeFileSync(keys, `${line.trim()}\n${single.line.split(/\s+/).slice(0, 2).join(' ')} at_once=1\n`);
	const child = spawn(program, ['serve', '--port', '0', '--api-key-file', keys], {
		stdio: ['ignore', 'pipe', 'ignore']
	});
	const lines = createInterface({ input: child.stdout });
	const [first] = await Promise.race([
		lines[Symbol.asyncIterator]()
			.next()
			.then(({ value }) => [value]),
		new Promise((_, fail) => child.once('exit', () => fail(new Error('the desk did not start'))))
	]);
	const url = /http:\/\/\S+/.exec(first)[0];
	const until = Date.now() + 60_000;
	const headers = { authorization: `Bearer ${secret}` };
	while (!(await fetch(`${url}/readyz`, { headers })).ok) {
		if (Date.now() > until) throw new Error('the desk did not become ready');
		await new Promise((done) => setTimeout(done, 50));
	}
	const stop = async () => {
		const gone = new Promise((done) => child.once('exit', done));
		child.kill('SIGTERM');
		await gone;
		rmSync(folder, { recursive: true });
	};
	return { base: `${url}/v1`, key: secret, singleKey: single.secret, stop };
}

/** A sample picture as a data: URI. */
export function uri(name) {
	const data = readFileSync(join(root, 'demo/samples', name)).toString('base64');
	return `data:image/jpeg;base64,${data}`;
}

/** A conversation of one message in the form of chat completions. */
export function asked(question, ...names) {
	const pictures = names.map((name) => ({ type: 'image_url', image_url: { url: uri(name) } }));
	return [{ role: 'user', content: [...pictures, { type: 'text', text: question }] }];
}
