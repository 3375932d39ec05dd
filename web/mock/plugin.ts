/** The mock behind Vite's development server. */
import type { Plugin } from 'vite';
import { MockDesk } from './desk.ts';

export function mockDesk(): Plugin {
	return {
		name: 'lookdesk-mock',
		configureServer(server) {
			const desk = new MockDesk();
			server.middlewares.use((request, response, next) => {
				desk.handle(request, response).then((isDone) => (isDone ? undefined : next()), next);
			});
		}
	};
}
