/** What every part of the mock needs of a request and a reply. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

/** Always true: the request was answered. */
export function reply(response: ServerResponse, status: number, body?: unknown): true {
	if (body === undefined) response.writeHead(status).end();
	else {
		response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
	}
	return true;
}

export const refuse = (
	response: ServerResponse,
	status: number,
	code: string,
	details: object = {}
) => reply(response, status, { error: { code, message: code, details, request_id: 'mock' } });

/** Fixtures speak the reader's language. */
export const isChinese = (request: IncomingMessage) =>
	/^zh/i.test(request.headers['accept-language'] ?? '');
