/**
 * What can be said about a file before a byte of it is sent: size, emptiness, and kinds people often have
 * that no model here reads, each with its way out. Everything else is the server's to judge, from the bytes.
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

/** Kinds people drop that look like pictures to them: by their first bytes, and by name where bytes do not tell. */
const others: { kind: string; bytes?: RegExp; name: RegExp }[] = [
	{ kind: 'TIFF', bytes: /^(?:II\*\0|MM\0\*)/, name: /\.tiff?$/i },
	{ kind: 'PSD', bytes: /^8BPS/, name: /\.psd$/i },
	{ kind: 'AVIF', bytes: /^.{4}ftypavi[fs]/s, name: /\.avif$/i },
	{ kind: 'SVG', name: /\.svgz?$/i },
	{ kind: 'RAW', name: /\.(?:dng|cr2|cr3|nef|arw|raf|orf|rw2)$/i },
	{ kind: 'Word', name: /\.docx?$/i },
	{ kind: 'ZIP', name: /\.(?:zip|rar|7z)$/i }
];

function otherKind(file: File, head: Uint8Array): Problem | undefined {
	const ascii = String.fromCharCode(...head);
	if (ascii.startsWith('%PDF')) return new Problem('picture_pdf');
	const isKnown =
		/^(?:\xff\xd8|\x89PNG|GIF8|BM)/.test(ascii) || /^RIFF.{4}WEBP/s.test(ascii.slice(0, 12));
	if (isKnown) return undefined;
	const found = others.find(({ bytes, name }) => bytes?.test(ascii) || name.test(file.name));
	if (found) return new Problem('picture_kind', '', { details: { kind: found.kind } });
	if (/\.pdf$/i.test(file.name)) return new Problem('picture_pdf');
	const isVideo = file.type.startsWith('video/') || /\.(?:mp4|mov|avi|mkv|webm)$/i.test(file.name);
	return isVideo ? new Problem('picture_video') : undefined;
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
	if (looksLikeHeic(file.name, file.type, head)) return new Problem('picture_heic');
	return otherKind(file, head);
}
