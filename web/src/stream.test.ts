import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventReader, readEvents, type ServerEvent } from './stream';

const encoder = new TextEncoder();

function parse(chunks: Uint8Array[]): ServerEvent[] {
	const read = eventReader();
	return chunks.flatMap(read);
}

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
	const borders = [
		0,
		...places.map((p) => p % (bytes.length + 1)).sort((a, b) => a - b),
		bytes.length
	];
	return borders.slice(1).map((end, index) => bytes.slice(borders[index], end));
}

const one = (text: string) => parse([encoder.encode(text)]);

describe('eventReader', () => {
	const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n\u0000]/g, ' '));
	const sent = fc.record({
		event: line.map((text) => text.trim() || 'delta'),
		data: fc.array(line, { minLength: 1, maxLength: 3 })
	});

	it('gives the same events wherever the bytes are cut, inside characters too', () => {
		fc.assert(
			fc.property(
				fc.array(sent, { maxLength: 6 }),
				fc.array(fc.nat(), { maxLength: 40 }),
				fc.constantFrom('\n', '\r\n', '\r'),
				(events, places, end) => {
					const text = events
						.map(
							(e) =>
								`: ping${end}event: ${e.event}${end}${e.data.map((d) => `data: ${d}${end}`).join('')}${end}`
						)
						.join('');
					const expected = events.map((e) => ({ event: e.event, data: e.data.join('\n') }));
					expect(parse(cut(encoder.encode(text), places))).toEqual(expected);
				}
			)
		);
	});

	it('gives the same events byte by byte', () => {
		const text = 'event: delta\r\ndata: {"text":"错误码是 E102 😀"}\r\n\r\n';
		const bytes = encoder.encode(text);
		expect(parse([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual([
			{ event: 'delta', data: '{"text":"错误码是 E102 😀"}' }
		]);
	});

	it('never fails on bytes that are not text', () => {
		fc.assert(fc.property(fc.array(fc.uint8Array()), (chunks) => void parse(chunks)));
	});

	it('skips comments, unknown fields and events without data', () => {
		expect(one(': ping\n\nid: 4\nretry: 10\nevent: done\n\ndata: x\n\n')).toEqual([
			{ event: 'message', data: 'x' }
		]);
	});

	it('takes one space after the colon away and keeps the rest', () => {
		expect(one('data:a\ndata:  b\ndata\n\n')).toEqual([{ event: 'message', data: 'a\n b\n' }]);
	});

	it('drops an event that the end of the stream cut short', () => {
		expect(one('data: whole\n\ndata: half\n')).toEqual([{ event: 'message', data: 'whole' }]);
	});

	it('ignores a byte order mark at the start', () => {
		expect(one('\uFEFFdata: x\n\n')).toEqual([{ event: 'message', data: 'x' }]);
	});
});

describe('readEvents', () => {
	it('closes the connection when the reader leaves early', async () => {
		let cancelled = false;
		const body = new ReadableStream<Uint8Array>({
			pull(controller) {
				controller.enqueue(encoder.encode('data: x\n\n'));
			},
			cancel() {
				cancelled = true;
			}
		});
		for await (const event of readEvents(body)) {
			expect(event.data).toBe('x');
			break;
		}
		expect(cancelled).toBe(true);
	});
});
