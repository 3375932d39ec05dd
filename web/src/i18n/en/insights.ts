/** A number that comes ready to read, and what it counts. */
const counted = (n: string, one: string) => `${n} ${one}${n === '1' ? '' : 's'}`;

/** The insights page. Numbers come ready to read. */
export const insights = {
	title: 'Insights',
	sentence:
		'What people ask, and how far the answers carried. Every figure opens its conversations.',
	print: 'Print',
	printed: (period: string, now: string) => `${period}. Printed ${now}.`,

	period: {
		label: 'Period',
		last: (days: number) => `${days} days`,
		lastLong: (days: number) => `The last ${days} days`,
		all: 'All',
		allLong: 'Everything so far',
		between: 'From – to',
		betweenLong: (from: string, to: string) => `${from} to ${to}`,
		from: 'From',
		to: 'To'
	},

	loading: 'Counting…',
	failed: 'The figures could not be fetched.',
	empty: 'No questions in this period',
	emptyHint: 'Figures appear as soon as somebody asks about a picture.',
	emptyAll: 'Look at everything so far',
	toDesk: 'Go to the desk',

	asTable: 'As a table',
	asChart: 'As a chart',
	opens: (what: string) => `${what}: open the conversations`,

	figures: {
		label: 'At a glance',
		questions: 'Questions',
		questionsIn: (conversations: string) => `in ${counted(conversations, 'conversation')}`,
		solved: 'Solved in round 1',
		solvedCount: (count: string, of: string) => `${count} of ${of} with a mark`,
		solvedNone: 'of those with a mark',
		doubtful: 'Doubtful answers',
		doubtfulCount: (count: string) => `${counted(count, 'answer')} to check`,
		firstWord: 'First word (median)',
		seconds: (n: string) => `${n} s`,
		firstWordHint: 'half of the answers began sooner',
		none: '–'
	},

	groups: {
		title: 'What people ask',
		hint: 'Questions of the same meaning, counted together.',
		question: 'Question',
		count: 'Asked',
		share: 'Share',
		trend: 'Over time',
		trendWords: (first: string, last: string) =>
			`${first} in the first half, ${last} in the second`,
		examples: 'For example',
		more: (n: string) => `Show all ${n}`,
		fewer: 'Show fewer',
		none: 'No question was asked more than once.'
	},

	doubts: {
		title: 'Where answers were doubtful',
		hint: 'Codes, numbers and names the model was not sure of.',
		hintNewest: (n: string) =>
			`Codes, numbers and names the model was not sure of, in the newest ${n} such answers.`,
		text: 'Read as',
		certainty: 'Certainty',
		check: 'to check',
		doubtful: 'doubtful',
		count: 'Times',
		times: (n: string) => `${n} ×`,
		none: 'No doubtful strings: every code and number was read with certainty.'
	},

	rounds: {
		title: 'Rounds to the solution',
		hint: 'Of the conversations marked as solved.',
		rounds: 'Rounds',
		name: (n: 1 | 2 | 3): string => (n === 1 ? '1 round' : n === 2 ? '2 rounds' : '3 or more'),
		conversations: 'Conversations',
		none: 'No conversation is marked as solved yet. Marks are set on the desk, above each conversation.'
	},

	unanswered: {
		title: 'Questions without a whole answer',
		hint: 'How the newest answer to them ended.',
		how: 'Ended',
		cancelled: 'Stopped by hand',
		left: 'Page closed or connection lost',
		interrupted: 'The desk itself stopped',
		failed: 'Failed',
		none: 'Every question got a whole answer.'
	},

	thumbs: {
		title: 'Thumbs',
		hint: 'What people thought of the answers.',
		up: 'Helpful',
		down: 'Not helpful',
		answers: 'Answers',
		none: 'No thumbs yet. They stand below each answer on the desk.'
	},

	firstWord: {
		title: 'Time to the first word',
		hint: 'From sending to the first word, each day.',
		day: 'Day',
		median: 'Median',
		p90: '9 of 10 began within',
		band: 'the slowest tenth begins here',
		questions: 'Questions',
		seconds: (n: string) => `${n} s`,
		read: (day: string, median: string, p90: string, questions: string) =>
			`${day}: median ${median} s, 9 of 10 within ${p90} s, ${counted(questions, 'question')}`,
		none: 'No answers to measure yet.'
	},

	hours: {
		title: 'Busiest hours',
		hint: 'Questions by weekday and hour, on this computer’s clock.',
		hour: 'Hour',
		weekday: 'Weekday',
		cell: (weekday: string, hour: string, count: string) => `${weekday}, ${hour}:00: ${count}`,
		questions: (n: string) => counted(n, 'question'),
		few: 'few',
		many: 'many',
		keys: 'Arrow keys move, Enter opens the conversations.',
		busiest: (weekday: string, hour: string, count: string) =>
			`Busiest: ${weekday} at ${hour}:00 with ${counted(count, 'question')}.`,
		none: 'No questions yet.'
	}
};
