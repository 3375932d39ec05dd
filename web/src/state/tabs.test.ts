import { afterEach, describe, expect, it } from 'vitest';
import { Tabs } from './tabs';

/** What a browser keeps for one tab. */
class Session {
	readonly kept: Map<string, string>;
	constructor(from?: Session) {
		this.kept = new Map(from?.kept);
	}
	getItem = (key: string) => this.kept.get(key) ?? null;
	setItem = (key: string, value: string) => void this.kept.set(key, value);
}

const opened: Tabs[] = [];
/** A tab with what its session holds; `drafts` are the tabs whose drafts are kept, its own besides. */
async function open(session: Session, drafts: string[] = []): Promise<Tabs> {
	const tabs = new Tabs(() => session);
	opened.push(tabs);
	await tabs.meet(new Set([tabs.name, ...drafts]));
	return tabs;
}
afterEach(() => opened.splice(0).forEach((tabs) => tabs.end()));

describe('a tab', () => {
	it('keeps its name over a reload', async () => {
		const session = new Session();
		const before = await open(session);
		const { name } = before;
		before.leave();
		before.end();
		expect((await open(session)).name).toBe(name);
	});

	it('that is a copy of an open one takes a name of its own', async () => {
		const session = new Session();
		const first = await open(session);
		const { name } = first;
		const copy = await open(new Session(session));
		expect(copy.name).not.toBe(name);
		expect(first.name).toBe(name);
		expect(copy.isOpen(name)).toBe(true);
	});

	it('knows who is there, also who came later, and who has gone', async () => {
		const first = await open(new Session());
		const second = await open(new Session(), [first.name]);
		expect(second.isOpen(first.name)).toBe(true);
		expect([second.isGone(first.name), second.isGone('crashed')]).toEqual([false, true]);
		await expect.poll(() => first.isOpen(second.name)).toBe(true);
		second.leave();
		await expect.poll(() => first.isOpen(second.name)).toBe(false);
		second.stay();
		await expect.poll(() => first.isOpen(second.name)).toBe(true);
	});

	it('waits for nobody where nothing is kept', async () => {
		const tabs = new Tabs(() => new Session());
		opened.push(tabs);
		const began = performance.now();
		await tabs.meet(new Set());
		expect(performance.now() - began).toBeLessThan(90);
	});

	it('does without storage', async () => {
		const tabs = new Tabs(() => {
			throw new DOMException('forbidden', 'SecurityError');
		});
		opened.push(tabs);
		const { name } = tabs;
		expect(tabs.isGone('another')).toBe(false);
		await tabs.meet(new Set([name]));
		expect(tabs.name).toBe(name);
	});

	it('does not mind what else is said there', async () => {
		const tabs = await open(new Session());
		const stranger = new BroadcastChannel('lookdesk.tabs');
		[null, 5, 'x', { here: 7 }, { gone: null }].forEach((said) => stranger.postMessage(said));
		await new Promise((done) => setTimeout(done, 50));
		expect(tabs.isOpen('7')).toBe(false);
		stranger.close();
	});
});
