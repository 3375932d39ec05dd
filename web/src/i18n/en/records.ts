/** The records page. Numbers come ready to read. */
const things = (n: number | string, one: string, many: string) =>
	`${n} ${String(n) === '1' ? one : many}`;

const exported: Record<string, string> = {
	csv: 'CSV table',
	json: 'JSON without pictures',
	'json with pictures': 'JSON with pictures'
};

export const records = {
	title: 'Records',
	sentence: 'Everything that was asked and answered here lies on this machine.',
	keptFor: (days: string) => `Conversations are kept for ${days} days, then deleted for good.`,
	keptForever: 'Conversations are kept until somebody deletes them.',
	notKept: 'Records are off: everything here is forgotten when Lookdesk ends.',
	joined: (one: string, other: string) => `${one} ${other}`,
	failed: 'This could not be fetched.',

	export: {
		title: 'Take records out',
		hint: 'One file with conversations, answers, settings and feedback.',
		format: 'Format',
		jsonHint: 'Complete. Can be brought back in.',
		csvHint: 'A table of questions and answers for a spreadsheet. Cannot be brought back in.',
		span: 'From when',
		pictures: 'Pictures',
		bytes: 'Included',
		bytesHint: 'The file holds the pictures themselves and can be large.',
		hash: 'By fingerprint only',
		hashHint: 'Small file. The pictures stay here; it names them by their hash.',
		download: 'Download'
	},

	import: {
		title: 'Bring records in',
		hint: 'A JSON file that was taken out of Lookdesk. What is here already stays as it is.',
		choose: 'Choose a file',
		drop: 'or drop it here',
		sending: (name: string, percent: string) => `Sending ${name}: ${percent}%`,
		writing: (name: string) => `Writing what is in ${name}…`,
		stop: 'Stop',
		stopped: 'Stopped. Nothing was brought in.',
		stoppedLate:
			'The file had arrived whole, so it is brought in all the same. The log below says how that ended.',
		damaged: (n: number) =>
			`${things(n, 'picture', 'pictures')} could not be read and ${n === 1 ? 'was' : 'were'} left out. What was asked and answered about ${n === 1 ? 'it' : 'them'} is here:`,
		done: (
			conversations: number,
			rounds: number,
			answers: number,
			pictures: number,
			skipped: number
		) =>
			`Brought in: ${things(conversations, 'conversation', 'conversations')}, ${things(rounds, 'round', 'rounds')}, ${things(answers, 'answer', 'answers')}, ${things(pictures, 'picture', 'pictures')}.${
				skipped > 0
					? ` ${things(skipped, 'conversation was', 'conversations were')} here already.`
					: ''
			}`,
		nothing: 'Everything in this file was here already. Nothing was changed.',
		isCsv:
			'This is a table (CSV). Only JSON files can be brought in; take the records out again as JSON.',
		notJson:
			'This is not a file of Lookdesk. Choose a JSON file that was downloaded from a records page.',
		tooLarge: (have: string, limit: string) =>
			`This file is ${have} MB; this desk takes ${limit} MB. Take out a shorter time, or start Lookdesk with a larger --import-megabytes.`,
		largerUnknown:
			'This file is larger than this desk takes. Take out a shorter time, or start Lookdesk with a larger --import-megabytes.',
		larger: (limit: string) =>
			`This file is larger than the ${limit} MB this desk takes. Take out a shorter time, or start Lookdesk with a larger --import-megabytes.`,
		empty: 'This file is empty. Choose another one.'
	},

	bin: {
		title: 'Bin',
		hint: 'Deleted conversations stay here for a day.',
		empty: 'The bin is empty.',
		conversation: 'Conversation',
		customer: 'Customer',
		deleted: 'Deleted',
		goes: 'Gone for good',
		actions: 'What can be done',
		restore: 'Restore',
		restoreOne: (title: string) => `Restore ${title}`,
		restored: (title: string) => `“${title}” is back on the desk.`,
		forGood: 'Delete for good',
		forGoodOne: (title: string) => `Delete ${title} for good`,
		ask: (title: string) => `Delete “${title}” for good?`,
		askWhy:
			'Its rounds, answers and all pictures that no other conversation uses are deleted now. This cannot be undone.',
		deletedForGood: (title: string) => `“${title}” is deleted for good.`,
		more: 'Show more'
	},

	customer: {
		title: 'Delete everything about one customer',
		hint: 'When somebody asks for their data to be deleted.',
		name: 'Customer',
		namePlaceholder: 'Name as it stands on the conversations',
		look: 'Look up',
		looking: 'Looking…',
		none: (name: string) => `No conversation belongs to “${name}”.`,
		willGo: 'This will be deleted for good:',
		conversations: (n: number) => things(n, 'conversation', 'conversations'),
		rounds: (n: number) => `${things(n, 'round', 'rounds')} with every answer, mark and correction`,
		inBin: (n: number) => `, of them ${n} in the bin`,
		pictures: 'every picture that only these conversations use',
		search: 'their words in the search',
		takeLinked: (n: number) =>
			`Also delete ${n === 1 ? 'the linked conversation that names' : `the ${n} linked conversations that name`} nobody`,
		linkedToOthers: 'Linked with theirs, but naming somebody else. They stay:',
		alike: 'Names that look alike. They stay unless you look them up and delete them too:',
		alikeName: (name: string, n: number) => `${name} (${n})`,
		importing:
			'An import is under way. What it still brings of this customer is left out once you delete.',
		leftOut: 'What the import still brings of them is left out.',
		stays: 'One line stays in the log below: that it was done, and when.',
		confirm: (name: string) => `Type ${name} to confirm`,
		delete: 'Delete for good',
		deleting: 'Deleting…',
		done: (name: string, n: number) =>
			`${things(n, 'conversation', 'conversations')} of “${name}” ${n === 1 ? 'is' : 'are'} deleted for good.`,
		keptLinked: (n: number) =>
			`${things(n, 'linked conversation that names nobody was', 'linked conversations that name nobody were')} kept.`,
		keptAlike: (...names: string[]) =>
			`Not touched, because the name is written otherwise: ${names.map((name) => `“${name}”`).join(', ')}.`
	},

	audit: {
		title: 'Log',
		hint: 'The newest 500 exports, imports and deletions.',
		at: 'When',
		action: 'What',
		subject: 'Of what',
		detail: 'How much',
		/** The server says what an export held in a word, all else as counts. */
		detailWords: (detail: string) =>
			exported[detail] ??
			detail
				.replace('begun: a file of', 'not ended; a file of')
				.replaceAll(/\b1 (conversation|round|answer|picture)s/g, '1 $1'),
		asker: 'Who',
		empty: 'Nothing has been taken out, brought in or deleted yet.',
		desk: 'the desk itself',
		nobody: 'no name',
		actions: {
			export: 'Export',
			import: 'Import',
			bin: 'Laid into the bin',
			delete_conversation: 'Conversation deleted',
			delete_customer: 'Customer deleted',
			empty_bin: 'Bin emptied',
			retention: 'Old conversations deleted'
		} as Record<string, string>
	},

	problem: {
		unfit: (reason: string) =>
			`This file cannot be brought in: ${reason || 'it is not an export of Lookdesk'}. Nothing was changed.`,
		cutShort: (
			came: { conversations: number; rounds: number } | undefined,
			why: string | undefined
		) =>
			`The import was cut short${came ? `: ${things(came.conversations, 'conversation', 'conversations')} with ${things(came.rounds, 'question', 'questions')} came in, the rest did not` : ''}. ${why === undefined ? '' : `${why} `}Bring the same file in again; what is here already stays as it is.`,
		/** What stood in the way, by the server's code. */
		cutShortBy: {
			records_full: 'The disk of the desk is full; tell whoever runs it.',
			records_busy: 'The records were busy or could not be reached.',
			records_failed: 'The records could not be written; the log of the desk says why.'
		} as Record<string, string>,
		importsBusy: (seconds: number | undefined) =>
			`Another file is being brought in. Try again when it is done${seconds === undefined ? '' : `, about ${seconds} s from now`}.`,
		customerUnknown: 'No conversation belongs to this customer any more.',
		linkedChanged:
			'Other conversations are linked with this customer’s than were shown. Nothing was deleted. Look at what is shown now, and confirm again.'
	}
};
