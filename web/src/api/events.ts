/**
 * From a server-sent event to what it tells: its data, checked as far as the page relies on it.
 *
 * An event of an unknown name is skipped, so that a newer server can say more; a known one that lacks
 * what it promises is a problem.
 */
import type { ServerEvent } from '../stream';
import { Problem } from './problem';
import type { RoundEvent } from './types';

/** The fields each event promises, with an example of their type. */
const promises: Record<RoundEvent['type'], Record<string, unknown>> = {
	asked: { conversation: '', round: '', answer: '', title: '' },
	queued: { position: 0 },
	reading: { picture: 0, of: 0, cached: false },
	prefill: { done: 0, total: 0 },
	delta: { text: '', tokens: [] },
	mark: { marks: [] },
	done: { finish_reason: '', usage: {}, timings: {} },
	error: { code: '', message: '', details: {} }
};

const isKnown = (name: string): name is RoundEvent['type'] => Object.hasOwn(promises, name);

export function roundEvent(event: ServerEvent): RoundEvent | undefined {
	if (!isKnown(event.event)) return undefined;
	let data: Record<string, unknown> | null;
	try {
		data = JSON.parse(event.data) as Record<string, unknown> | null;
	} catch {
		throw new Problem('garbled', `${event.event}: not JSON`);
	}
	for (const [field, example] of Object.entries(promises[event.event])) {
		const value = data?.[field];
		if (typeof value !== typeof example || value === null) {
			throw new Problem('garbled', `${event.event}: no ${field}`);
		}
	}
	return { ...data, type: event.event } as RoundEvent;
}
