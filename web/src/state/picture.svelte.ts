/**
 * A picture on the desk: shown at once from the browser's own copy, known to the server once uploaded.
 *
 * The copy is kept as long as the picture is on the page: a server restarted before any question used the
 * picture has forgotten it, and can be given it again without asking anyone.
 */
import { fetchPictureFacts, pictureUrl, uploadPicture } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import type { Sample, UploadedPicture } from '../api/types';

export type Upload =
	| { kind: 'idle' }
	| { kind: 'sending'; share: number }
	| { kind: 'held' }
	| { kind: 'refused'; problem: Problem };

/** A picture as the server knows it. */
export type Held = Pick<UploadedPicture, 'id' | 'width' | 'height' | 'bytes'> & {
	name: string;
	tokens: number | undefined;
};

let made = 0;

export class DeskPicture {
	readonly key = `picture-${++made}`;
	readonly name: string;
	readonly url: string;
	readonly bytes: number;
	#blob: Blob | undefined;
	#sending: Promise<string> | undefined;

	id = $state<string>();
	width = $state(0);
	height = $state(0);
	/** What it costs in the next question, as far as that is known. */
	tokens = $state<number>();
	/** What it costs where nothing is held back. */
	#whole: number | undefined;
	/** What it was last asked to cost at most. */
	#most: number | undefined;
	upload = $state.raw<Upload>({ kind: 'idle' });

	constructor(source: { name: string; url: string; bytes?: number; blob?: Blob }) {
		this.name = source.name;
		this.url = source.url;
		this.#blob = source.blob;
		this.bytes = source.blob?.size ?? source.bytes ?? 0;
	}

	static fromFile(file: File): DeskPicture {
		return new DeskPicture({ name: file.name, url: URL.createObjectURL(file), blob: file });
	}

	/** A sample lies in the program itself: the server always has it. */
	static fromSample(picture: Sample['pictures'][number], name: string): DeskPicture {
		const sample = new DeskPicture({ name, url: picture.url });
		sample.id = picture.id;
		sample.width = picture.width;
		sample.height = picture.height;
		sample.upload = { kind: 'held' };
		return sample;
	}

	/** A picture of a stored question: the server keeps it. */
	static fromStored(stored: UploadedPicture): DeskPicture {
		const picture = new DeskPicture({ name: '', url: pictureUrl(stored.id), bytes: stored.bytes });
		picture.#hold(stored);
		return picture;
	}

	/** A picture of before the page was reloaded. Its copy is fetched, should the server be restarted later. */
	static fromHeld(held: Held): DeskPicture {
		const picture = new DeskPicture({ ...held, url: pictureUrl(held.id) });
		picture.#hold(held);
		fetch(picture.url)
			.then(async (response) => {
				if (response.ok) picture.#blob = await response.blob();
			})
			.catch(() => undefined);
		return picture;
	}

	get held(): Held | undefined {
		const { id, name, width, height, bytes } = this;
		if (id === undefined || this.upload.kind !== 'held') return undefined;
		return { id, name, width, height, bytes, tokens: this.#whole };
	}

	/** Why no question can hold this picture any more: the file is no good, or nobody has it. */
	get gone(): Problem | undefined {
		const { upload } = this;
		if (upload.kind !== 'refused' || !upload.problem.code.startsWith('picture_')) return undefined;
		return upload.problem;
	}

	/** Learns what it costs where it gets at most so many tokens; nothing said, as many as it can. */
	async weigh(imageTokens: number | undefined): Promise<void> {
		const { id } = this;
		const whole = this.#whole;
		this.#most = imageTokens;
		if (id === undefined || whole === undefined) return;
		if (imageTokens === undefined || whole <= imageTokens) {
			this.tokens = whole;
			return;
		}
		// Rather no figure than a wrong one.
		const facts = await fetchPictureFacts(id, imageTokens).catch(() => undefined);
		if (this.#most === imageTokens) this.tokens = facts?.tokens;
	}

	/** The id the server knows the picture by; uploads it first where that has not happened yet. */
	ready(): Promise<string> {
		if (this.gone) return Promise.reject(this.gone);
		if (this.upload.kind === 'held' && this.id !== undefined) return Promise.resolve(this.id);
		this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
		return this.#sending;
	}

	/** The server does not know a picture: the next `ready` sends this one again, if the page has it. */
	forgotten(problem: Problem): void {
		if (this.#blob) this.upload = { kind: 'idle' };
		else if (problem.details['id'] === this.id) this.upload = { kind: 'refused', problem };
	}

	release(): void {
		if (this.url.startsWith('blob:')) URL.revokeObjectURL(this.url);
	}

	async #send(): Promise<string> {
		if (!this.#blob) throw new TypeError('a sample is never sent');
		this.upload = { kind: 'sending', share: 0 };
		try {
			const held = await uploadPicture(this.#blob, (share) => {
				this.upload = { kind: 'sending', share };
			});
			this.#hold(held);
			return held.id;
		} catch (error) {
			const problem = asProblem(error);
			this.upload = { kind: 'refused', problem };
			throw problem;
		}
	}

	#hold(held: Pick<Held, 'id' | 'width' | 'height' | 'tokens'>): void {
		this.id = held.id;
		this.width = held.width;
		this.height = held.height;
		this.#whole = held.tokens;
		this.tokens = held.tokens;
		this.upload = { kind: 'held' };
	}
}
