/** The mock's pictures: the samples, and what was uploaded. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Sample } from '../src/api/types.ts';
import type { HeldPicture } from './records.ts';

const samplesFolder = resolve(import.meta.dirname, '../../demo/samples');
export const pictureLimit = 20 * 1024 * 1024;

interface SampleFile {
	file?: string;
	files?: string[];
	question_en: string;
	question_zh: string;
	answer: string;
	answer_zh?: string;
}

export class MockPictures {
	readonly #held = new Map<string, HeldPicture>();
	readonly #answers = new Map<string, SampleFile>();
	readonly samples: Sample[] = [];

	constructor() {
		const list = resolve(samplesFolder, 'samples.json');
		const known = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as SampleFile[]) : [];
		for (const sample of known) {
			const files = sample.files ?? (sample.file === undefined ? [] : [sample.file]);
			const pictures = files.flatMap((file) => {
				const held = this.take(readFileSync(resolve(samplesFolder, file)));
				if (!held) return [];
				const { id, width, height } = held.facts;
				this.#answers.set(id, sample);
				return [{ id, url: `/api/pictures/${id}`, width, height }];
			});
			const question = { en: sample.question_en, zh: sample.question_zh };
			this.samples.push({ id: files.join('+'), pictures, question });
		}
	}

	find(id: string): HeldPicture | undefined {
		return this.#held.get(id);
	}

	/** Keeps a picture by the hash of its bytes; nothing for other files. */
	take(bytes: Buffer): HeldPicture | undefined {
		const media_type = mediaType(bytes);
		if (!media_type) return undefined;
		const id = createHash('sha256').update(bytes).digest('hex');
		const { width, height } = media_type === 'image/png' ? pngSize(bytes) : jpegSize(bytes);
		const tokens = Math.max(1, Math.round((width * height) / 1024));
		const held = { bytes, facts: { id, width, height, bytes: bytes.length, tokens, media_type } };
		this.#held.set(id, held);
		return held;
	}

	knownAnswer(id: string | undefined, question: string): string | undefined {
		const sample = this.#answers.get(id ?? '');
		return /[\u4e00-\u9fff]/.test(question)
			? (sample?.answer_zh ?? sample?.answer)
			: sample?.answer;
	}
}

function mediaType(bytes: Buffer): string | undefined {
	if (bytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]))) return 'image/png';
	return bytes[0] === 0xff && bytes[1] === 0xd8 ? 'image/jpeg' : undefined;
}

const pngSize = (bytes: Buffer) => ({
	width: bytes.readUInt32BE(16),
	height: bytes.readUInt32BE(20)
});

/** From the frame header (ITU-T T.81, B.2.2). */
function jpegSize(bytes: Buffer): { width: number; height: number } {
	let at = 2;
	while (at + 9 < bytes.length) {
		const marker = bytes[at + 1] ?? 0;
		if (marker >= 0xc0 && marker <= 0xc2) {
			return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
		}
		at += 2 + bytes.readUInt16BE(at + 2);
	}
	return { width: 640, height: 480 };
}
