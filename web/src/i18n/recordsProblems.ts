/** Problems of records and role presets as sentences; undefined where the code is not theirs. */
import type { Problem } from '../api/problem';
import type { Messages } from './en';
import { megabytes } from './numbers';

export function recordsSentence(
	{ code, details, retryAfterSeconds }: Problem,
	{ records, roles }: Messages
): string | undefined {
	const { retry_after_s } = details;
	const why = (reason: unknown) =>
		typeof reason === 'string' && Object.hasOwn(records.problem.cutShortBy, reason)
			? records.problem.cutShortBy[reason]
			: undefined;
	const seconds =
		retryAfterSeconds ?? (typeof retry_after_s === 'number' ? retry_after_s : undefined);
	switch (code) {
		case 'import_unfit':
			return records.problem.unfit(typeof details['reason'] === 'string' ? details['reason'] : '');
		case 'import_cut_short': {
			const { conversations, rounds, reason } = details;
			const isTold = typeof conversations === 'number' && typeof rounds === 'number';
			return records.problem.cutShort(isTold ? { conversations, rounds } : undefined, why(reason));
		}
		case 'import_empty':
			return records.import.empty;
		case 'import_csv':
			return records.import.isCsv;
		case 'import_not_json':
			return records.import.notJson;
		case 'import_too_large': {
			const { bytes, limit } = details;
			if (typeof limit !== 'number') return records.import.largerUnknown;
			return typeof bytes === 'number'
				? records.import.tooLarge(megabytes(bytes), megabytes(limit))
				: records.import.larger(megabytes(limit));
		}
		case 'imports_busy':
			return records.problem.importsBusy(seconds);
		case 'customer_unknown':
			return records.problem.customerUnknown;
		case 'linked_changed':
			return records.problem.linkedChanged;
		case 'role_standard':
			return roles.problem.standard;
		case 'role_name_taken':
			return roles.problem.nameTaken;
		case 'role_unknown':
			return roles.problem.unknown;
		default:
			return undefined;
	}
}
