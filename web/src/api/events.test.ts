import { describe, expect, it } from 'vitest';
import { roundEvent } from './events';
import { Problem, problemFromBody } from './problem';

describe('roundEvent', () => {
	it('names an event and keeps its fields', () => {
		expect(roundEvent({ event: 'queued', data: '{"position":2}' })).toEqual({
			type: 'queued',
			position: 2
		});
	});

	it('skips an event it does not know', () => {
		expect(roundEvent({ event: 'weather', data: '{}' })).toBeUndefined();
	});

	it.each(['{', '{}', 'null', '{"position":"2"}'])('says that %s is garbled', (data) => {
		expect(() => roundEvent({ event: 'queued', data })).toThrow(Problem);
	});
});

describe('problemFromBody', () => {
	it('reads code, message, details and the time to wait', () => {
		const body =
			'{"error":{"code":"queue_full","message":"m","details":{"waiting":8},"request_id":"r"}}';
		expect(problemFromBody(429, body, '3')).toMatchObject({
			code: 'queue_full',
			details: { waiting: 8 },
			requestId: 'r',
			retryAfterSeconds: 3
		});
	});

	it.each(['<html>502</html>', 'null', '[]', '{"error":"x"}'])('keeps the status of %s', (body) => {
		expect(problemFromBody(502, body, null)).toMatchObject({
			code: 'unexpected_status',
			status: 502
		});
	});
});
