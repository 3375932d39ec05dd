import { describe, expect, it, vi } from 'vitest';
import * as api from '../api/records';
import { Problem } from '../api/problem';
import { Bin, refuseEarly } from './records.svelte';

const one = (id: string) => ({
	id,
	title: id,
	customer: null,
	created_at: 0,
	updated_at: 0,
	round_count: 1,
	picture: null,
	interrupted: false,
	pinned: false,
	follows: null,
	verdict: null,
	snippet: null,
	deleted_at: 0
});

describe('a file is refused before it is sent', () => {
	const refusal = (file: File, limit?: number) =>
		refuseEarly(file, limit).then(
			() => undefined,
			(problem: Problem) => problem.code
		);

	it.each([
		['{"schema":"lookdesk.export"}', 'desk.json', undefined],
		['\ufeff \n{"a":1}', 'desk.json', undefined],
		['', 'desk.json', 'import_empty'],
		['question,answer\n', 'desk.csv', 'import_csv'],
		['PK\u0003\u0004', 'desk.zip', 'import_not_json'],
		['[1,2]', 'list.json', 'import_not_json']
	])('%j as %s: %s', async (text, name, code) => {
		expect(await refusal(new File([text], name))).toBe(code);
	});

	it('when it is larger than the server takes', async () => {
		expect(await refusal(new File(['{"a": 1}'], 'a.json'), 4)).toBe('import_too_large');
		expect(await refusal(new File(['{"a": 1}'], 'a.json'), 400)).toBeUndefined();
	});
});

describe('the bin', () => {
	it('shows page after page', async () => {
		const fetchConversations = vi
			.fn()
			.mockResolvedValueOnce({ conversations: [one('a')], next_cursor: 'x' })
			.mockResolvedValueOnce({ conversations: [one('b')], next_cursor: null });
		const bin = new Bin({ ...api, fetchConversations });
		await bin.load();
		expect(bin.hasMore).toBe(true);
		await bin.more();
		expect(bin.conversations.map(({ id }) => id)).toEqual(['a', 'b']);
		expect(bin.hasMore).toBe(false);
	});

	it('takes it calmly when somebody else was quicker, and tells other problems', async () => {
		const bin = new Bin({
			...api,
			restoreConversation: () =>
				Promise.reject(new Problem('conversation_unknown', '', { status: 404 })),
			deleteForGood: () => Promise.reject(new Problem('unreachable'))
		});
		bin.conversations = [one('a'), one('b')];
		await bin.restore('a');
		expect(bin.conversations.map(({ id }) => id)).toEqual(['b']);
		await expect(bin.deleteForGood('b')).rejects.toThrow();
		expect(bin.conversations).toHaveLength(1);
	});
});
