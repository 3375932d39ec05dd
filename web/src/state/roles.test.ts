import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RolePreset } from '../api/roles';
import { Problem } from '../api/problem';
import { language } from '../i18n/language.svelte';
import { Roles } from './roles.svelte';

const role = (id: string, text: string, position: number, standard = false): RolePreset => ({
	id,
	name: id,
	text,
	standard,
	position
});
const zh = role('zh', '你是客服。', 0, true);
const en = role('en', 'You are support.', 1, true);
const own = role('own', 'Be brief.', 2);

function server(list: RolePreset[]) {
	return {
		fetchRoles: vi.fn(() => Promise.resolve(list)),
		addRole: vi.fn(() => Promise.resolve(own)),
		changeRole: vi.fn((id: string, change: object) =>
			Promise.resolve({ ...list.find((one) => one.id === id)!, ...change })
		),
		deleteRole: vi.fn(() => Promise.resolve())
	};
}

beforeEach(() => {
	localStorage.clear();
	language.code = 'en';
});

describe('the role that is sent', () => {
	it('is the standard one of the page’s language until one is chosen', async () => {
		const roles = new Roles(server([zh, en, own]));
		await roles.refresh();
		expect(roles.text).toBe('You are support.');
		language.code = 'zh';
		expect(roles.text).toBe('你是客服。');
		roles.choose('own');
		expect(roles.text).toBe('Be brief.');
	});

	it('is known before the list has come', async () => {
		const before = new Roles(server([zh, en, own]));
		await before.refresh();
		before.choose('own');
		expect(new Roles(server([])).text).toBe('Be brief.');
	});

	it('is the standard one again when somebody deletes the chosen one', async () => {
		const before = new Roles(server([zh, en, own]));
		await before.refresh();
		before.choose('own');
		const after = new Roles(server([zh, en]));
		await after.refresh();
		expect(after.text).toBe('You are support.');
	});

	it('is still sent when the presets cannot be fetched', async () => {
		const roles = new Roles({
			...server([]),
			fetchRoles: () => Promise.reject(new Problem('unreachable'))
		});
		await roles.refresh();
		expect(roles.problem?.code).toBe('unreachable');
		expect(roles.text).toMatch(/after-sales/);
	});
});

describe('presets', () => {
	it('move at once, and back when the server says no', async () => {
		const api = server([zh, en, own]);
		api.changeRole.mockRejectedValueOnce(new Problem('unreachable'));
		const roles = new Roles(api);
		await roles.refresh();
		await expect(roles.move('own', -1)).rejects.toThrow();
		expect(roles.all.map(({ id }) => id)).toEqual(['zh', 'en', 'own']);
		await roles.move('zh', -1);
		expect(api.changeRole).toHaveBeenCalledTimes(1);
	});

	it('keep what was written and not saved, until it is what was there before', async () => {
		const roles = new Roles(server([own]));
		await roles.refresh();
		roles.write('own', { name: 'own', text: 'Be very brief.' });
		expect(roles.drafts['own']?.text).toBe('Be very brief.');
		roles.write('own', { name: 'own', text: 'Be brief.' });
		expect(roles.drafts).toEqual({});
	});
});
