/** The role presets a team shares. */
import { getJson, sendJson } from './http';
import type { Schemas } from './types';

export type RolePreset = Schemas['RolePreset'];
export type RoleChange = Partial<Pick<RolePreset, 'name' | 'text' | 'position'>>;

const one = (id: string) => `/api/roles/${encodeURIComponent(id)}`;

export const fetchRoles = (signal?: AbortSignal) => getJson<RolePreset[]>('/api/roles', signal);

export const addRole = (role: Pick<RolePreset, 'name' | 'text'>) =>
	sendJson<RolePreset>('POST', '/api/roles', role, { outlives: true });

export const changeRole = (id: string, change: RoleChange) =>
	sendJson<RolePreset>('PATCH', one(id), change);

export const deleteRole = (id: string) => sendJson<unknown>('DELETE', one(id));
