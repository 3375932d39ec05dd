/**
 * Server-sent events as a plain function: bytes in, events out.
 *
 * Knows nothing of the page, of fetch or of what the events mean. Bytes may be cut anywhere, inside a
 * character or between CR and LF; the events are the same. Facts: the WHATWG HTML standard, "Parsing
 * an event stream". `id` and `retry` are dropped: an answer is never resumed.
 */

export interface ServerEvent {
	event: string;
	data: string;
}

/** Takes the next bytes and returns the events they complete. */
export type EventReader = (chunk: Uint8Array) => ServerEvent[];

/**
 * A reader for one stream. What has not been closed by an empty line when the stream ends is not an
 * event: the connection broke inside it.
 */
export function eventReader(): EventReader {
	// A decoder that streams keeps half characters, and drops a byte order mark at the start.
	const decoder = new TextDecoder('utf-8');
	let line = '';
	let afterCarriageReturn = false;
	let event = '';
	let data: string[] = [];

	function take(ended: string): ServerEvent | undefined {
		if (ended === '') {
			const complete =
				data.length > 0 ? { event: event || 'message', data: data.join('\n') } : undefined;
			event = '';
			data = [];
			return complete;
		}
		const colon = ended.indexOf(':');
		if (colon === 0) return undefined;
		const field = colon < 0 ? ended : ended.slice(0, colon);
		const raw = colon < 0 ? '' : ended.slice(colon + 1);
		const value = raw.startsWith(' ') ? raw.slice(1) : raw;
		if (field === 'event') event = value;
		else if (field === 'data') data.push(value);
		return undefined;
	}

	return (chunk) => {
		const text = decoder.decode(chunk, { stream: true });
		const events: ServerEvent[] = [];
		let start = 0;
		for (let at = 0; at < text.length; at++) {
			const char = text[at];
			if (char !== '\n' && char !== '\r') {
				afterCarriageReturn = false;
				continue;
			}
			const closesPair = char === '\n' && afterCarriageReturn;
			afterCarriageReturn = char === '\r';
			if (!closesPair) {
				const complete = take(line + text.slice(start, at));
				if (complete) events.push(complete);
				line = '';
			}
			start = at + 1;
		}
		line += text.slice(start);
		return events;
	};
}

/** The events of a response body, until it ends. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
	const read = eventReader();
	const reader = body.getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			yield* read(value);
		}
	} finally {
		// Leaving early must close the connection: that is how the server learns to stop.
		await reader.cancel().catch(() => undefined);
	}
}
