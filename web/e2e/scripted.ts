/**
 * An answer in the hands of the test: the page's own request for it gets a stream that stays open, into
 * which the test says what it wants, when it wants.
 */
import type { Page } from '@playwright/test';
import { asked, done, type Told } from './told.ts';

interface Stage {
	say: (text: string) => void;
	end: () => void;
	/** The body of the request that is being answered. */
	asked: string;
}

type Held = Window & { stage?: Stage };

export interface Script {
	/** Waits until the page has asked, then says one event. */
	say(event: Told): Promise<void>;
	end(): Promise<void>;
}

/** To be called before the page is opened. */
export async function holdAnswers(page: Page): Promise<Script> {
	await page.addInitScript(
		(stored) => {
			const real = window.fetch;
			window.fetch = async (input, init) => {
				const url = input instanceof Request ? input.url : String(input);
				const conversation = /\/api\/conversations\/([^/]+)\/rounds$/.exec(url)?.[1];
				if (conversation === undefined) return real(input, init);
				const encoder = new TextEncoder();
				const body = new ReadableStream<Uint8Array>({
					start(controller) {
						init?.signal?.addEventListener('abort', () => {
							try {
								controller.error(new DOMException('stopped', 'AbortError'));
							} catch {
								// It has ended already.
							}
						});
						const say = (event: object) =>
							controller.enqueue(
								encoder.encode(
									`event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`
								)
							);
						say(JSON.parse(stored.replaceAll('CONVERSATION', conversation)) as object);
						(window as Held).stage = {
							say: (text) => say(JSON.parse(text) as object),
							end: () => {
								try {
									controller.close();
								} catch {
									// The page has left the stream: the answer was complete.
								}
							},
							asked: String(init?.body)
						};
					}
				});
				return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
			};
		},
		JSON.stringify(asked('CONVERSATION', 'Scripted'))
	);
	const onStage = () => page.waitForFunction(() => (window as Held).stage !== undefined);
	const say: Script['say'] = async (event) => {
		await onStage();
		await page.evaluate((text) => (window as Held).stage?.say(text), JSON.stringify(event));
	};
	return {
		say,
		end: async () => {
			await say(done('stop'));
			await page.evaluate(() => (window as Held).stage?.end());
		}
	};
}
