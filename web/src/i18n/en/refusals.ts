/** Refusals that are rare on the page, and what a value may be. */
export const refusals = {
	mismatch:
		'This page and the desk do not understand each other; the desk may have been updated. Reload the page and try again.',
	proxy: (status: number) =>
		`Something between this page and the desk answered with HTTP ${status}. Try again; if it stays, tell whoever runs the desk.`,
	fault: 'Something went wrong in this page. Reload it and try again.',
	notOffered: 'What answers at this desk cannot cut pictures out, so there is no closer look.',
	binned: 'This conversation lies in the bin. Take it out on the records page, then ask.',
	roundUnknown:
		'Somebody has changed or deleted this question; you see the conversation as it is now.',
	answerUnknown: 'This answer is not here any more. Reload the page.',
	bodyTooLarge: (limit: string | undefined) =>
		limit === undefined
			? 'That is too much at once. Send less text.'
			: `That is more than the ${limit} the desk takes at once. Send less text.`,
	host: (name: string | undefined) =>
		name === undefined
			? 'The desk does not answer at this address. Ask whoever runs it for the right one.'
			: `The desk does not answer to the name ${name}. Use its usual address, or ask whoever runs it to start it with --allow-host ${name}.`,
	origin: 'Another web site’s page tried to use the desk. Open the desk’s own page.',
	tooManyAtOnce: (limit: number | undefined) =>
		limit === undefined
			? 'Too many of your questions are being answered. Wait until one has ended.'
			: `Up to ${limit} of your questions are answered at the same time. Wait until one has ended.`,
	shareFull: (held: number | undefined, seconds: number | undefined) =>
		`You have ${held === undefined ? 'enough' : held} questions being answered or waiting already; the places left are kept for others. Try again in ${seconds === undefined ? 'a moment' : `${seconds} s`}.`,
	timedOut: 'The time for this answer was over before its first word. Ask again later.',
	recordsBusy: (seconds: number | undefined) =>
		seconds === undefined
			? 'The records are busy or cannot be reached; nothing was stored. Try again in a moment.'
			: `The records are busy or cannot be reached; nothing was stored. Try again in ${seconds} s.`,

	between: (name: string, least: string, most: string) =>
		`“${name}” must lie between ${least} and ${most}.`,
	aboveAtMost: (name: string, least: string, most: string) =>
		`“${name}” must be above ${least} and at most ${most}.`,
	atMostCharacters: (name: string, most: string) => `“${name}” takes up to ${most} characters.`,
	characters: (name: string, least: string, most: string) =>
		`“${name}” takes ${least} to ${most} characters.`,
	atLeast: (name: string, least: string) => `“${name}” must be ${least} or more.`,
	fewer: (name: string, most: string) => `“${name}”: at most ${most}. Delete one first.`,
	notEmpty: (name: string) => `“${name}” must not be empty.`,
	otherwise: (name: string) => `The desk does not take this value of “${name}”. Change it.`,
	names: {
		question: 'Question',
		role: 'Role',
		roles: 'Role presets',
		name: 'Name',
		text: 'Text',
		title: 'Title',
		customer: 'Customer',
		correction: 'Correction',
		query: 'Search',
		was: 'String',
		about: 'String',
		rounds: 'Rounds',
		remember: 'Memory',
		temperature: 'Rigour',
		max_tokens: 'Length',
		image_tokens: 'Picture detail'
	} as Record<string, string>
};
