/** The roles a team has, and the one that is sent with the next question. */
import { fetchRoles } from '../api/conversations';
import type { Role } from '../api/types';
import { language } from '../i18n/language.svelte';
import { preferences } from './preferences.svelte';

const isChinese = (role: Role) => /[\u4e00-\u9fff]/.test(role.text);

class Roles {
	all = $state.raw<Role[]>([]);

	/** The chosen one; until one is chosen, the standard one in the page's language. */
	get current(): Role | undefined {
		const standard = this.all.filter((role) => role.standard);
		return (
			this.all.find(({ id }) => id === preferences.role) ??
			standard.find((role) => isChinese(role) === (language.code === 'zh')) ??
			standard[0] ??
			this.all[0]
		);
	}

	/** What is sent, word for word. */
	get text(): string {
		return this.current?.text ?? language.words.standardRole;
	}

	async refresh(): Promise<void> {
		try {
			const all = await fetchRoles();
			this.all = all.toSorted((a, b) => a.position - b.position);
		} catch {
			// The standard role of the page goes on; the next start asks again.
		}
	}
}

export const roles = new Roles();
