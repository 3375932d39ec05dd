/**
 * What can be said about a file before a byte of it is sent: size, emptiness and HEIC. Everything else
 * is the server's to judge, from the bytes.
 */
import { Problem } from '../api/problem';

/** Major brands of the HEIF family. Source: ISO/IEC 23008-12, and the MP4 registration authority. */
const heifBrands = ['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'mif1', 'msf1'];

/** `head`: at least the first 12 bytes. */
export function looksLikeHeic(name: string, type: string, head: Uint8Array): boolean {
	const ascii = String.fromCharCode(...head.subarray(4, 12));
	if (ascii.startsWith('ftyp') && heifBrands.includes(ascii.slice(4))) return true;
	const isKnownOther =
		(head[0] === 0xff && head[1] === 0xd8) || (head[0] === 0x89 && head[1] === 0x50);
	return !isKnownOther && (/\.hei[cf]$/i.test(name) || /^image\/hei[cf]/.test(type));
}

/** Why a file cannot be taken; `undefined` when it can be sent. */
export async function refusal(file: File, limitBytes: number): Promise<Problem | undefined> {
	if (file.size === 0) return new Problem('picture_empty');
	if (file.size > limitBytes) {
		return new Problem('picture_too_large', '', {
			details: { bytes: file.size, limit: limitBytes }
		});
	}
	let head: Uint8Array;
	try {
		head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
	} catch {
		// It was moved or deleted since it was chosen, or its drive is gone.
		return new Problem('picture_unreadable');
	}
	return looksLikeHeic(file.name, file.type, head) ? new Problem('picture_heic') : undefined;
}
