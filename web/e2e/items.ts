/**
 * What the page must do, item by item, and in which languages and at which sizes it must be shown. A test
 * names its items with `shows`; `coverage.ts` fails a whole run that leaves one of them unshown somewhere.
 */
import type { TestDetails } from '@playwright/test';

/** A language and a size; the names of the projects in `playwright.config.ts`. */
export const everywhere = ['en-desktop', 'zh-desktop', 'en-phone', 'zh-phone'] as const;
export type Look = (typeof everywhere)[number];
const keyboards: readonly Look[] = ['en-desktop', 'zh-desktop'];
const fingers: readonly Look[] = ['en-phone', 'zh-phone'];
/** What no language changes, but what one sees at once or one after the other does. */
const either: readonly Look[] = ['en-desktop', 'zh-phone'];
const once: readonly Look[] = ['en-desktop'];

const all = (words: string) => ({ words, looks: everywhere as readonly Look[] });
const only = (looks: readonly Look[], words: string) => ({ words, looks });

export const items = {
	machine: all('device, memory, temperature, utilisation, model and precision of the machine'),
	state: all('ready, busy, loading with percent, people waiting'),
	stream: all('figures of every second over one event stream'),

	drop: all('pictures dropped anywhere'),
	paste: all('pictures pasted'),
	choose: all('pictures chosen in a dialog, several at once'),
	photograph: only(fingers, 'pictures photographed with the phone'),
	kinds: all('JPEG, PNG, BMP and WebP'),
	tooLarge: all('more than 20 MB is a sentence'),
	unsupported: all('HEIC and other kinds are a sentence that says how to convert'),
	preview: all('preview at once with size and tokens'),
	order: all('pictures removed, brought back and put in another order'),

	role: all('role presets: the standard one, shown as it is sent'),
	roleEdit: all('role presets written, chosen, ordered, deleted'),
	settings: all('rigour, length, rounds kept and picture detail: explained, sent as shown'),
	language: all('the browser’s language, and the other one when told'),
	theme: all('light and dark'),

	asked: all('thumbnail and question stay with the answer'),
	streaming: all('words stream, and Markdown is shown'),
	sanitised: all('nothing an answer says is fetched or run'),
	stop: all('stop keeps what was said'),
	regenerate: all('ask again, and both answers are there'),
	edit: all('an earlier question edited and asked again'),
	copy: all('copy'),
	viewer: all('a thumbnail opens the picture; zoom and pan'),
	smallPrint: all('time to the first word and tokens per second'),
	queue: all('the place in the queue'),
	errors: all('errors as sentences, with a retry'),

	marks: all('certain, check and doubtful strings, by more than colour'),
	closerByHand: all('look closer at a place drawn by hand'),
	closerByModel: all('look closer at the model’s own box'),
	agreement: all('whether both readings agree'),
	evidence: all('boxes of the evidence on the right picture'),
	orientation: only(once, 'boxes and crops on every EXIF orientation and odd aspect ratio'),
	noEvidence: all('where the model has no box, the page says so'),

	another: all('another picture: typed or pressed, linked to the old conversation'),
	clear: all('clear asks first, and can be undone'),
	drafts: all('drafts outlive a reload'),

	search: all('conversations found in Chinese and English'),
	rename: all('conversations renamed and pinned'),
	remove: all('conversations deleted, and brought back'),
	verdict: all('solved, handed to a person, wrong; a customer'),
	feedback: all('thumbs and a correction'),
	interrupted: all('a question in flight when the program dies is there, marked interrupted'),

	export: all('records taken out as JSON and CSV'),
	import: all('records brought in; wrong files are sentences'),
	bin: all('restored from the bin, deleted for good'),
	customer: all('everything about one customer deleted'),
	audit: all('the log of exports and deletions'),

	figures: all('every figure of the insights opens its conversations'),
	groups: all('most frequent questions, grouped, with examples'),
	doubts: all('uncertain answers and thumbs'),
	hours: all('time to the first word over time, busiest hours; as tables'),
	period: all('the period of the insights'),
	paper: all('insights on paper'),

	keyboard: only(keyboards, 'used by keyboard alone'),
	screenReader: all('axe finds nothing on any page, sheet, dialog, menu or viewer, in both themes'),
	narrow: all('nothing runs off the side'),
	alone: all('nothing is fetched from elsewhere'),
	weight: only(once, 'first load of at most 150 KB of compressed script'),
	planted: only(either, 'planted words in imported records are words, on every page'),
	signIn: only(once, 'keys: the way in and out'),
	signInLanguage: only(
		either,
		'the way in speaks the browser’s language, and the other one when told'
	),
	api: only(once, 'the description of the interface')
} satisfies Record<string, { words: string; looks: readonly Look[] }>;

export type Item = keyof typeof items;

export const isItem = (name: string): name is Item => name in items;

/** The details of a test that shows these items. Told in both languages and at both sizes where an item needs it. */
export function shows(...shown: [Item, ...Item[]]): TestDetails {
	const looks = new Set(shown.flatMap((item) => items[item].looks));
	return {
		tag: everywhere.filter((look) => looks.has(look)).map((look) => `@${look}`),
		annotation: shown.map((description) => ({ type: 'shows', description }))
	};
}
