/** What the server says of itself, asked every two seconds while the page can be seen. */
import { fetchStatus } from '../api/client';
import type { Status } from '../api/types';

const everyMs = 2000;
const giveUpMs = 8000;

export type Mood = 'connecting' | 'unreachable' | 'loading' | 'failed' | 'busy' | 'ready';

export class Health {
	status = $state.raw<Status>();
	isReachable = $state<boolean>();

	get mood(): Mood {
		if (this.isReachable === false) return 'unreachable';
		if (!this.status) return 'connecting';
		const { state, queue } = this.status;
		if (state.kind !== 'ready') return state.kind;
		return queue.running > 0 ? 'busy' : 'ready';
	}

	/** Asks at once: something has just begun or ended. */
	async refresh(): Promise<void> {
		await this.#ask();
	}

	/** Starts asking; returns how to end it. */
	watch(): () => void {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let isOver = false;
		const ask = async () => {
			clearTimeout(timer);
			if (!document.hidden) await this.#ask();
			if (!isOver) timer = setTimeout(ask, everyMs);
		};
		const onVisible = () => void (document.hidden ? undefined : ask());
		document.addEventListener('visibilitychange', onVisible);
		void ask();
		return () => {
			isOver = true;
			clearTimeout(timer);
			document.removeEventListener('visibilitychange', onVisible);
		};
	}

	async #ask(): Promise<void> {
		try {
			this.status = await fetchStatus(AbortSignal.timeout(giveUpMs));
			this.isReachable = true;
		} catch {
			this.isReachable = false;
		}
	}
}
