/**
 * One way to say that something went wrong, whether the server refused, the network failed or the page
 * itself refused before sending. `code` chooses the sentence (i18n/problems.ts); `message` is the
 * server's own wording, used when the page does not know the code.
 */
export class Problem extends Error {
	readonly code: string;
	readonly details: Record<string, unknown>;
	readonly status: number | undefined;
	readonly requestId: string | undefined;
	readonly retryAfterSeconds: number | undefined;

	constructor(
		code: string,
		message = '',
		more: {
			details?: Record<string, unknown>;
			status?: number;
			requestId?: string | undefined;
			retryAfterSeconds?: number | undefined;
		} = {}
	) {
		super(message);
		this.name = 'Problem';
		this.code = code;
		this.details = more.details ?? {};
		this.status = more.status;
		this.requestId = more.requestId;
		this.retryAfterSeconds = more.retryAfterSeconds;
	}

	/** The server has said no, and done nothing; where it failed it may have done something before. */
	get isRefusal(): boolean {
		return this.status !== undefined && this.status >= 400 && this.status < 500;
	}
}

/** Nobody answers: the server is not there, or this device has no network. */
export const unreached = (message = ''): Problem =>
	new Problem(navigator.onLine ? 'unreachable' : 'offline', message);

/** Whatever was thrown, as a problem. A failed fetch throws `TypeError`: the server is not there. */
export function asProblem(error: unknown): Problem {
	if (error instanceof Problem) return error;
	if (error instanceof TypeError) return unreached(error.message);
	return new Problem('unexpected', error instanceof Error ? error.message : String(error));
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The problem in a refusal's body. A body in another form (a proxy's page) keeps only the status. */
export function problemFromBody(status: number, body: string, retryAfter: string | null): Problem {
	let parsed: unknown;
	try {
		parsed = JSON.parse(body);
	} catch {
		parsed = undefined;
	}
	const error = isRecord(parsed) && isRecord(parsed['error']) ? parsed['error'] : {};
	const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
	const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
	return new Problem(text(error['code']) ?? 'unexpected_status', text(error['message']) ?? '', {
		status,
		details: isRecord(error['details']) ? error['details'] : { status },
		requestId: text(error['request_id']),
		retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined
	});
}
