/**
 * The mock as a server of its own, with the built page and the headers the real one sends, so that a
 * breach of the content security policy shows here too.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { MockDesk } from './desk.ts';
import type { MockRecords } from './records.ts';

const dist = join(import.meta.dirname, '../dist');
const policy =
	"default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const types: Record<string, string> = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript',
	'.css': 'text/css',
	'.svg': 'image/svg+xml'
};

/** `records`: those of an earlier server, which was killed. */
export function serveMock(port: number, pace: number, records: MockRecords): Promise<Server> {
	const desk = new MockDesk(pace, records);
	const server = createServer((request, response) => {
		void desk.handle(request, response).then((isDone) => {
			if (isDone) return;
			const path = normalize(new URL(request.url ?? '/', 'http://desk').pathname);
			const wanted = join(dist, path);
			const file = extname(path) !== '' && existsSync(wanted) ? wanted : join(dist, 'index.html');
			response.writeHead(200, {
				'content-type': types[extname(file)] ?? 'application/octet-stream',
				'content-security-policy': policy
			});
			response.end(readFileSync(file));
		});
	});
	return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}
