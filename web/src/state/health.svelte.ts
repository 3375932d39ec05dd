/**
 * What the server says of itself: told every second over one stream while the page can be seen, asked
 * every two seconds where there is no stream.
 *
 * A hidden page holds no connection: a browser has only a few for one server.
 */
import { fetchStatus } from '../api/client';
import { watchStatus } from '../api/live';
import type { Status } from '../api/types';
import { Problem } from '../api/problem';

const everyMs = 2000;
const giveUpMs = 8000;
/** About a minute of the processor's load. */
const historyLength = 60;

export type Mood = 'connecting' | 'unreachable' | 'loading' | 'failed' | 'busy' | 'ready';

export class Health {
	#status = $state.raw<Status>();
	isReachable = $state<boolean>();
	/** The processor's load, newest last. */
	cpuHistory = $state.raw<number[]>([]);

	get status(): Status | undefined {
		return this.#status;
	}
	set status(status: Status | undefined) {
		this.#status = status;
		const percent = status?.readings?.cpu_percent;
		if (percent !== undefined) {
			this.cpuHistory = [...this.cpuHistory.slice(1 - historyLength), percent];
		}
	}

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

	/** Starts listening; returns how to end it. */
	watch(): () => void {
		const over = new AbortController();
		void this.#listen(over.signal);
		return () => over.abort();
	}

	async #listen(over: AbortSignal): Promise<void> {
		let hasStream = true;
		while (!over.aborted) {
			await visible(over);
			if (hasStream) hasStream = await this.#follow(over);
			if (over.aborted || document.hidden) continue;
			// The stream has ended: an answer says at once whether the server is there.
			await this.#ask();
			await pause(everyMs, over);
		}
	}

	/** Takes what the stream says until it ends; whether it is worth trying again. */
	async #follow(over: AbortSignal): Promise<boolean> {
		const ended = new AbortController();
		const end = () => ended.abort();
		const onHidden = () => void (document.hidden ? end() : undefined);
		over.addEventListener('abort', end, { once: true });
		document.addEventListener('visibilitychange', onHidden);
		// A connection may stay open and say nothing: a laptop that slept, a cable that was pulled.
		let silence = setTimeout(end, giveUpMs);
		try {
			for await (const status of watchStatus(ended.signal)) {
				clearTimeout(silence);
				silence = setTimeout(end, giveUpMs);
				this.status = status;
				this.isReachable = true;
			}
			return true;
		} catch (error) {
			return !(error instanceof Problem && error.status === 404);
		} finally {
			clearTimeout(silence);
			over.removeEventListener('abort', end);
			document.removeEventListener('visibilitychange', onHidden);
		}
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

/** Resolves when the page can be seen, or when it is over. */
function visible(over: AbortSignal): Promise<void> {
	if (!document.hidden) return Promise.resolve();
	return new Promise((done) => {
		const look = () => {
			if (document.hidden && !over.aborted) return;
			document.removeEventListener('visibilitychange', look);
			over.removeEventListener('abort', look);
			done();
		};
		document.addEventListener('visibilitychange', look);
		over.addEventListener('abort', look);
	});
}

function pause(ms: number, over: AbortSignal): Promise<void> {
	return new Promise((done) => {
		const end = () => {
			clearTimeout(timer);
			over.removeEventListener('abort', end);
			done();
		};
		const timer = setTimeout(end, ms);
		over.addEventListener('abort', end);
	});
}

/** The one the pages share. */
export const health = new Health();
