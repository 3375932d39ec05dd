/** The mock behind Vite's development server. */
import type { Plugin } from 'vite';
import { MockDesk } from './desk.ts';
import { MockRecords } from './records.ts';
import { seed } from './seed.ts';

export function mockDesk(): Plugin {
	return {
		name: 'lookdesk-mock',
		configureServer(server) {
			const desk = new MockDesk(1, seed(new MockRecords()));
			server.middlewares.use((request, response, next) => {
				desk.handle(request, response).then((isDone) => (isDone ? undefined : next()), next);
			});
		}
	};
}
