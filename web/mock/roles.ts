/** The role presets of the mock, kept as long as it runs. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RoleChange, RolePreset } from '../src/api/roles.ts';
import { bodyOf, refuse, reply } from './http.ts';

export class MockRoles {
	#made = 0;
	#list: RolePreset[] = [
		{
			id: 'standard-zh',
			name: '售后客服',
			text: '【客服角色】你是售后支持助手。请只根据图片回答。看不清的就说看不清。不要编造。用提问的语言回答。',
			standard: true,
			position: 0
		},
		{
			id: 'standard-en',
			name: 'After-sales support',
			text: 'You are an after-sales assistant. You answer questions about the picture. Only use what the picture shows. If it is not readable, say so. Answer in the language of the question.',
			standard: true,
			position: 1
		},
		{
			id: 'parts',
			name: 'Spare parts / 配件',
			text: 'You help the spare parts counter. Read part numbers character by character. Name the part and where it sits. 逐字读出零件编号。',
			standard: false,
			position: 2
		}
	];

	async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
		if (url.pathname === '/api/roles') {
			if (request.method !== 'POST') return reply(response, 200, this.#list);
			const { name, text } = JSON.parse((await bodyOf(request)).toString()) as RolePreset;
			if (this.#list.some((role) => role.name === name)) {
				return refuse(response, 409, 'role_name_taken');
			}
			const position = this.#list.length;
			const role = { id: `role-${++this.#made}`, name, text, standard: false, position };
			this.#list.push(role);
			return reply(response, 201, role);
		}
		if (!url.pathname.startsWith('/api/roles/')) return false;
		const id = decodeURIComponent(url.pathname.slice('/api/roles/'.length));
		const role = this.#list.find((preset) => preset.id === id);
		if (!role) return refuse(response, 404, 'role_unknown');
		if (request.method === 'DELETE') {
			if (role.standard) return refuse(response, 409, 'role_standard');
			this.#list = this.#list.filter((preset) => preset !== role);
			return reply(response, 204);
		}
		const { position, ...words } = JSON.parse((await bodyOf(request)).toString()) as RoleChange;
		const others = this.#list.filter((preset) => preset !== role);
		const changed = { ...role, ...words };
		others.splice(position ?? role.position, 0, changed);
		this.#list = others.map((preset, at) => ({ ...preset, position: at }));
		return reply(response, 200, { ...changed, position: position ?? role.position });
	}
}
