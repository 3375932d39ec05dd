/** The role presets a team shares. */
import { getJson, refused } from './client';

export interface RolePreset {
	id: string;
	name: string;
	/** The system text, exactly as sent. */
	text: string;
	/** Came with the program: can be reworded, not deleted. */
	standard: boolean;
	/** Its place in the list, counted from 0. */
	position: number;
}

export type RoleChange = Partial<Pick<RolePreset, 'name' | 'text' | 'position'>>;

async function send(method: string, path: string, body?: unknown): Promise<Response> {
	const response = await fetch(path, {
		method,
		...(body === undefined
			? {}
			: { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
	});
	if (!response.ok) throw await refused(response);
	return response;
}

const one = (id: string) => `/api/roles/${encodeURIComponent(id)}`;

export const fetchRoles = (signal?: AbortSignal) => getJson<RolePreset[]>('/api/roles', signal);

export const addRole = async (role: { name: string; text: string }) =>
	(await (await send('POST', '/api/roles', role)).json()) as RolePreset;

export const changeRole = async (id: string, change: RoleChange) =>
	(await (await send('PATCH', one(id), change)).json()) as RolePreset;

export async function deleteRole(id: string): Promise<void> {
	await send('DELETE', one(id));
}
