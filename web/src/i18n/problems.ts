/** A problem as a sentence that says what to do. Unknown codes fall back to the server's own words. */
import type { Problem } from '../api/problem';
import type { Messages } from './en';
import { fileSize, megabytes } from './numbers';
import { rangeSentence } from './ranges';
import { recordsSentence } from './recordsProblems';

function count(details: Record<string, unknown>, name: string): number | undefined {
	const value = details[name];
	return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(details: Record<string, unknown>, name: string): string | undefined {
	const value = details[name];
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function dimensions(details: Record<string, unknown>, t: Messages['problem']): string {
	const [width, height, limit] = ['width', 'height', 'limit'].map((name) => count(details, name));
	if (width === undefined || height === undefined) return t.dimensionsUnknown;
	if (limit === undefined) return t.dimensions(width, height);
	return details['reason'] === 'too_thin'
		? t.tooThin(width, height, limit)
		: t.tooManyPixels(width, height, Math.round(limit / 1e6));
}

/** Kinds the server knows and does not read, as its words name them ("an SVG drawing"). */
const kinds: [RegExp, kind: string][] = [
	[/avif/i, 'AVIF'],
	[/tiff|\braw\b/i, 'TIFF'],
	[/jpeg.?xl/i, 'JPEG XL'],
	[/svg/i, 'SVG'],
	[/photoshop/i, 'PSD'],
	[/icon/i, 'ICO'],
	[/zip|archive/i, 'ZIP'],
	[/web.?page/i, 'HTML']
];

const isHeic = (found: unknown) => typeof found === 'string' && /hei[cf]/i.test(found);

export function sentence(problem: Problem, words: Messages): string {
	const { code, details, message } = problem;
	const t = words.problem;
	const r = words.refusals;
	const seconds = problem.retryAfterSeconds ?? count(details, 'retry_after_s');
	const limit = count(details, 'limit');
	switch (code) {
		case 'picture_too_large': {
			const bytes = count(details, 'bytes');
			return bytes !== undefined && limit !== undefined
				? t.pictureTooLarge(megabytes(bytes), megabytes(limit))
				: t.pictureTooLargeUnknown;
		}
		case 'picture_heic':
			return t.heic;
		case 'picture_pdf':
			return t.pdf;
		case 'picture_video':
			return t.video;
		case 'picture_kind':
			return t.otherKind(String(details['kind']));
		case 'no_place':
			return words.closer.noPlace;
		case 'answer_running':
			return t.answerRunning;
		case 'round_not_newest':
			return t.roundNotNewest;
		case 'records_full':
			return t.recordsFull;
		case 'records_busy':
			return r.recordsBusy(seconds);
		case 'records_failed':
			return t.recordsFailed;
		case 'conversation_unknown':
			return t.conversationUnknown;
		case 'conversation_deleted':
			return r.binned;
		case 'round_unknown':
			return r.roundUnknown;
		case 'answer_unknown':
			return r.answerUnknown;
		case 'picture_type': {
			const found = text(details, 'found') ?? '';
			if (isHeic(found)) return t.heic;
			if (/pdf/i.test(found)) return t.pdf;
			if (/video/i.test(found)) return t.video;
			const kind = kinds.find(([name]) => name.test(found))?.[1];
			return kind === undefined ? t.notAPicture : t.otherKind(kind);
		}
		case 'picture_unreadable':
			return t.broken;
		case 'picture_lost':
			return t.pictureLost;
		case 'picture_empty':
			return t.empty;
		case 'folder_without_pictures':
			return t.folder;
		case 'picture_dimensions':
			return dimensions(details, t);
		case 'picture_unknown':
			return t.pictureUnknown;
		case 'pictures_full':
		case 'uploads_busy':
			return t.picturesBusy(seconds);
		case 'too_many_pictures':
			return t.tooManyPictures(limit);
		case 'key_missing':
		case 'invalid_api_key':
			return t.signIn;
		case 'rate_limit_exceeded':
			return t.tooFast(seconds);
		case 'too_many_at_once':
			return r.tooManyAtOnce(limit);
		case 'queue_full':
			return t.queueFull(count(details, 'waiting'), seconds);
		case 'share_full':
			return r.shareFull(count(details, 'held'), seconds);
		case 'timed_out':
			return r.timedOut;
		case 'not_ready':
			return t.notReady(count(details, 'percent'));
		case 'model_failed':
			return t.modelFailed(text(details, 'reason'));
		case 'shutting_down':
			return t.shuttingDown;
		case 'question_empty':
			return t.questionEmpty;
		case 'text_too_long':
			return t.textTooLong(count(details, 'characters'), limit);
		case 'question_too_long':
			return t.questionTooLong(count(details, 'tokens'), limit);
		case 'too_many_messages':
			return t.tooManyMessages(count(details, 'count'), limit);
		case 'setting_out_of_range':
			return rangeSentence(details['setting'], details['allowed'], r);
		case 'field_out_of_range':
			return rangeSentence(details['field'], details['allowed'], r);
		case 'not_offered':
			return r.notOffered;
		case 'body_too_large':
			return r.bodyTooLarge(limit === undefined ? undefined : fileSize(limit));
		case 'host_not_allowed':
			return r.host(text(details, 'host'));
		case 'origin_not_allowed':
			return r.origin;
		// The page asks for nothing of this kind: it is older or newer than the desk.
		case 'question_order':
		case 'shape_unsupported':
		case 'invalid_json':
		case 'not_json':
		case 'body_packed':
		case 'too_many_values':
		case 'not_found':
		case 'method_not_allowed':
		case 'invalid_field':
		case 'unsupported':
		case 'model_not_found':
		case 'garbled':
			return r.mismatch;
		case 'unexpected':
			return r.fault;
		case 'unexpected_status':
			return problem.status === undefined ? r.mismatch : r.proxy(problem.status);
		case 'answer_failed':
		case 'internal':
			return t.answerFailed;
		case 'body_too_slow':
		case 'body_broken':
			return t.uploadBroken;
		case 'offline':
			return t.offlineNow;
		case 'unreachable':
			return t.unreachable;
		case 'cut_short':
		case 'answer_unread':
			return t.cutShort;
		default:
			return recordsSentence(problem, words) ?? t.unexpected(message || code);
	}
}
