/** Numbers and sizes as people read them. */
const MEGA = 1024 * 1024;

/** Rounded up, so that a file just over a limit does not claim to be at it. */
export function megabytes(bytes: number): string {
	const tenths = Math.ceil((bytes * 10) / MEGA);
	return tenths % 10 === 0 ? String(tenths / 10) : (tenths / 10).toFixed(1);
}

export const gigabytes = (bytes: number) => rounded(bytes / (MEGA * 1024), 1);

export const seconds = (ms: number) => rounded(ms / 1000, ms < 100 ? 2 : 1);

export const rate = (perSecond: number) => rounded(perSecond, perSecond < 10 ? 1 : 0);

export function fileSize(bytes: number): string {
	return bytes < MEGA ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${megabytes(bytes)} MB`;
}

function rounded(value: number, digits: number): string {
	return Number.isFinite(value) ? value.toFixed(digits) : '–';
}
