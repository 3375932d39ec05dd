/** A problem as a sentence that says what to do. Unknown codes fall back to the server's own words. */
import type { Problem } from '../api/problem';
import type { Messages } from './en';
import { megabytes } from './numbers';
import { recordsSentence } from './recordsProblems';

function count(details: Record<string, unknown>, name: string): number | undefined {
	const value = details[name];
	return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

const isHeic = (found: unknown) => typeof found === 'string' && /hei[cf]/i.test(found);

export function sentence(problem: Problem, words: Messages): string {
	const { code, details, message } = problem;
	const t = words.problem;
	switch (code) {
		case 'picture_too_large': {
			const bytes = count(details, 'bytes');
			const limit = count(details, 'limit');
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
		case 'records_failed':
			return t.recordsFailed;
		case 'conversation_unknown':
		case 'conversation_deleted':
		case 'round_unknown':
		case 'answer_unknown':
			return t.conversationUnknown;
		case 'picture_type':
			return isHeic(details['found']) ? t.heic : t.notAPicture;
		case 'picture_unreadable':
			return t.broken;
		case 'picture_empty':
			return t.empty;
		case 'picture_dimensions':
			return t.dimensions(String(details['width']), String(details['height']));
		case 'picture_unknown':
			return t.pictureUnknown;
		case 'pictures_full':
		case 'uploads_busy':
			return t.picturesBusy;
		case 'too_many_pictures':
			return t.tooManyPictures(count(details, 'limit') ?? 1);
		case 'key_missing':
		case 'invalid_api_key':
			return t.signIn;
		case 'rate_limit_exceeded':
		case 'too_many_at_once':
			return t.tooFast(problem.retryAfterSeconds ?? count(details, 'retry_after_s'));
		case 'queue_full':
			return t.queueFull(problem.retryAfterSeconds ?? count(details, 'retry_after_s'));
		case 'not_ready':
			return t.notReady;
		case 'model_failed':
			return t.modelFailed(String(details['reason'] ?? message));
		case 'shutting_down':
			return t.shuttingDown;
		case 'question_empty':
			return t.questionEmpty;
		case 'text_too_long':
			return t.textTooLong(count(details, 'limit') ?? 0);
		case 'question_too_long':
		case 'too_many_messages':
			return t.questionTooLong;
		case 'answer_failed':
		case 'internal':
			return t.answerFailed;
		case 'body_too_slow':
		case 'body_broken':
			return t.uploadBroken;
		case 'unreachable':
			return t.unreachable;
		case 'cut_short':
			return t.cutShort;
		default:
			return (
				recordsSentence(problem, words) ??
				t.unexpected(message || (problem.status ? `HTTP ${problem.status}` : code))
			);
	}
}
