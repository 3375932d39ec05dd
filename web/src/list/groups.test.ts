import { describe, expect, it } from 'vitest';
import type { Summary } from '../api/types';
import { grouped, groupOf } from './groups';

const summary = (updated_at: Date, more: Partial<Summary> = {}) =>
	({ id: String(updated_at.getTime()), updated_at: updated_at.getTime(), ...more }) as Summary;
/** A Thursday, just after midnight. */
const now = new Date(2026, 10, 19, 0, 10);

describe('the list in groups', () => {
	it.each([
		['today', new Date(2026, 10, 19, 0, 1)],
		['yesterday', new Date(2026, 10, 18, 23, 59)],
		['yesterday', new Date(2026, 10, 18, 0, 0)],
		['week', new Date(2026, 10, 16, 0, 0)],
		['older', new Date(2026, 10, 15, 23, 59)],
		['older', new Date(2020, 0, 1)]
	] as const)('puts into %s: %s', (name, at) => {
		expect(groupOf(summary(at), now)).toBe(name);
	});

	it('counts Sunday to the week that began on Monday', () => {
		const sunday = new Date(2026, 10, 22, 12);
		expect(groupOf(summary(new Date(2026, 10, 16)), sunday)).toBe('week');
		expect(groupOf(summary(new Date(2026, 10, 15)), sunday)).toBe('older');
	});

	it('shows pinned ones first, the newest on top, and no empty group', () => {
		const old = summary(new Date(2026, 9, 1), { pinned: true });
		const early = summary(new Date(2026, 10, 19, 0, 2));
		const late = summary(new Date(2026, 10, 19, 0, 9));
		expect(grouped([early, old, late], now)).toEqual([
			{ name: 'pinned', conversations: [old] },
			{ name: 'today', conversations: [late, early] }
		]);
	});
});
