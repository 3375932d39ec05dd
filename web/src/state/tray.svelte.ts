/** The pictures waiting for the next question, and the files that could not be taken. */
import { Problem } from '../api/problem';
import { refusal } from './admit';
import { DeskPicture } from './picture.svelte';

/** A file left out, and why. */
export interface Refusal {
	key: number;
	name: string;
	problem: Problem;
}

export interface TrayLimits {
	pictureBytes: number;
	pictures: number;
}

let refused = 0;

export class Tray {
	pictures = $state.raw<DeskPicture[]>([]);
	refusals = $state.raw<Refusal[]>([]);
	/** Refusals under which somebody has written on, and those of a question that is gone. */
	#seen: ReadonlySet<number> = new Set();
	#past: ReadonlySet<number> = new Set();

	/**
	 * Takes files in the order given; what is taken shows and uploads at once. Returns what was taken. Of
	 * folders without a picture the tray only says so.
	 */
	async add(
		files: Iterable<File>,
		limits: TrayLimits,
		emptyFolders: string[] = []
	): Promise<DeskPicture[]> {
		const taken: DeskPicture[] = [];
		this.refusals = [];
		emptyFolders.forEach((name) => this.#refuse(name, new Problem('folder_without_pictures')));
		for (const file of files) {
			const unfit = await refusal(file, limits.pictureBytes);
			// Counted after the wait: other files may have come meanwhile.
			const isFull = this.pictures.length >= limits.pictures;
			const problem = isFull
				? new Problem('too_many_pictures', '', { details: { limit: limits.pictures } })
				: unfit;
			if (problem) {
				this.#refuse(file.name, problem);
				continue;
			}
			const picture = DeskPicture.fromFile(file);
			this.pictures = [...this.pictures, picture];
			taken.push(picture);
			this.send(picture);
		}
		return taken;
	}

	/** Uploads ahead of the question. A picture the server will never take leaves the tray. */
	send(picture: DeskPicture): void {
		picture.ready().catch(() => {
			const { gone } = picture;
			if (!gone || !this.pictures.includes(picture)) return;
			this.remove(picture);
			this.#refuse(picture.name, gone);
		});
	}

	/** Takes a picture out; returns how to put it back where it was. */
	remove(picture: DeskPicture): () => void {
		const at = this.pictures.indexOf(picture);
		if (at < 0) return () => undefined;
		this.pictures = this.pictures.filter((other) => other !== picture);
		return () => {
			this.pictures = this.pictures.toSpliced(at, 0, picture);
		};
	}

	/** These had not arrived at the desk, and their files are not here any more. */
	lose(names: string[]): void {
		names.forEach((name) => this.#refuse(name, new Problem('picture_lost')));
	}

	/** What somebody must give again, as long as that is said. */
	get lost(): string[] {
		const lost = this.refusals.filter(({ problem }) => problem.code === 'picture_lost');
		return lost.map(({ name }) => name);
	}

	/** Moves a picture to another place; a place outside the tray is the nearest one in it. */
	move(picture: DeskPicture, to: number): void {
		const rest = this.pictures.filter((other) => other !== picture);
		if (rest.length === this.pictures.length) return;
		this.pictures = rest.toSpliced(Math.max(0, Math.min(to, rest.length)), 0, picture);
	}

	/** Somebody writes: what was left out of an earlier question is of no more use. */
	written(): void {
		this.#drop(this.#past);
		this.#seen = this.#keys();
	}

	/**
	 * Hands the pictures over to a question. What was left out goes with it where somebody has written under
	 * it; else it stays said until the next question is begun, for this one goes without it.
	 */
	take(): DeskPicture[] {
		this.#drop(new Set([...this.#seen, ...this.#past]));
		this.#past = this.#keys();
		const pictures = this.pictures;
		this.pictures = [];
		return pictures;
	}

	/** Empties the tray; returns the pictures that were in it. */
	clear(): DeskPicture[] {
		this.refusals = [];
		return this.take();
	}

	dismiss(keys: number[]): void {
		this.#drop(new Set(keys));
	}

	#keys(): ReadonlySet<number> {
		return new Set(this.refusals.map(({ key }) => key));
	}

	#drop(keys: ReadonlySet<number>): void {
		if (this.refusals.some(({ key }) => keys.has(key)))
			this.refusals = this.refusals.filter(({ key }) => !keys.has(key));
	}

	#refuse(name: string, problem: Problem): void {
		this.refusals = [...this.refusals, { key: ++refused, name, problem }];
	}
}
