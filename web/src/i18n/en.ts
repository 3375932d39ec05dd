/**
 * Every word of the page, in English. The Chinese catalogue has the same type, so a key missing there is
 * a type error. Sentences with something to fill in are functions.
 */
import { insights } from './en/insights';
import { live } from './en/live';
import { pages } from './en/pages';
import { records } from './en/records';
import { refusals } from './en/refusals';
import { roles } from './en/roles';

const pictures = (n: number) => (n === 1 ? '1 picture' : `${n} pictures`);

export const en = {
	insights,
	live,
	pages,
	records,
	refusals,
	roles,

	skipToQuestion: 'Skip to the question',

	status: {
		label: 'State of the desk',
		ready: 'ready',
		busy: 'busy',
		loading: (percent: number) => `loading ${percent}%`,
		loadingShort: 'loading the model',
		loadingWhat: (what: string) => `Loading: ${what}`,
		failed: 'cannot answer',
		unreachable: 'no connection',
		connecting: 'connecting',
		model: 'Model',
		device: 'Device',
		threads: (n: number) => (n === 1 ? '1 thread' : `${n} threads`),
		memory: 'Lookdesk uses',
		memoryUsed: (used: string, total: string) => `${used} of ${total} GB`,
		waiting: 'Waiting',
		waitingCount: (n: number) => `${n} waiting`
	},

	demo: {
		badge: 'demo',
		title: 'The demo model is answering.',
		reads:
			'It reads only small, clear labels and panels: model, content, date, error code, lights. It cannot point to places.',
		start:
			'For real pictures, fetch Qwen3-VL on the machine of this desk (8.9 GB; it takes 4 to 6 GB of memory), then start the desk with it:',
		fetch: 'hf download Qwen/Qwen3-VL-4B-Instruct --local-dir qwen3-vl-4b',
		copy: (command: string) => `Copy the command: ${command}`,
		copied: 'Copied',
		hide: 'Hide this note',
		show: 'About the demo model'
	},

	welcome: {
		title: 'What does the picture show?',
		nowAsk: 'Now ask about it, below.',
		sentence: 'Drop, paste or photograph a picture, then ask. Nothing leaves this machine.',
		nextPicture: 'Add the next picture, then ask.',
		samples: 'Or try one of these',
		ask: (question: string) => `Ask about this sample: ${question}`,
		answers: (model: string) => `${model} answers.`
	},

	composer: {
		label: 'Your question',
		placeholder: 'Ask about the picture…',
		placeholderEmpty: 'Add a picture, then ask…',
		send: 'Send',
		stop: 'Stop',
		add: 'Add pictures',
		photograph: 'Take a photo',
		hint: 'Enter sends, Shift+Enter starts a new line',
		answering: 'Answering. You can write on; Esc stops.',
		modelLoading: 'The model is still loading; you can prepare your question.'
	},

	tray: {
		label: 'Pictures for the next question',
		drop: 'Drop the pictures here',
		sending: (percent: number) => `sending ${percent}%`,
		tokens: (n: number) => `${n} tokens`,
		tokensHint: 'How much of the model’s attention this picture takes',
		remove: (name: string) => `Remove ${name}`,
		earlier: (name: string) => `Move ${name} to the left`,
		later: (name: string) => `Move ${name} to the right`,
		removed: 'Picture removed.',
		several: (name: string, n: number) => `${name} and ${n - 1} more:`
	},

	conversation: {
		label: 'Conversation',
		you: 'You',
		desk: 'Answer',
		said: (answer: string) => `Answer: ${answer}`,
		showPicture: (index: number) => `Show picture ${index} large`,
		copy: 'Copy',
		copied: 'Copied',
		again: 'Ask again',
		retry: 'Try again',
		version: (shown: number, of: number) => `Answer ${shown} of ${of}`,
		previousVersion: 'Previous answer',
		nextVersion: 'Next answer',
		toEnd: 'To the newest words',
		interrupted: 'The desk stopped here in the middle of the answer. The words so far are kept.',
		left: 'The answer ended here: its page was closed or the connection broke. The words so far are kept.',
		endUnkept:
			'The answer broke off here. Its last words were not kept; only this page still shows them.',
		elsewhere: 'Being answered on another screen…',
		earlier: (n: number) => (n === 1 ? 'Show 1 earlier round' : `Show ${n} earlier rounds`),
		droppedRounds: (n: number) =>
			n === 1
				? 'The oldest round was not sent along: the conversation is long.'
				: `The ${n} oldest rounds were not sent along: the conversation is long.`,
		droppedPictures: (which: string, n: number) =>
			n === 1
				? `Picture ${which} was not sent along: the conversation holds too many.`
				: `Pictures ${which} were not sent along: the conversation holds too many.`
	},

	progress: {
		begun: 'The answer is on its way.',
		sending: 'Sending the pictures',
		asking: 'Asking',
		next: 'Next in line',
		queued: (before: number) =>
			before === 1 ? '1 question before yours' : `${before} questions before yours`,
		reading: (picture: number, of: number) =>
			of === 1 ? 'Reading the picture' : `Reading the picture, ${picture} of ${of}`,
		prefill: (percent: number) => `Taking in the question, ${percent}%`
	},

	done: {
		firstWord: (seconds: string) => `first word ${seconds} s`,
		speed: (rate: string) => `${rate} tokens/s`,
		length: 'Cut off at the length limit. Raise “Length” in the settings for more.',
		repetition: 'Stopped: it began to repeat itself.',
		cancelled: 'It was stopped here.',
		timed_out: 'Its time was up. The words so far are kept.',
		empty: 'The model had nothing to say. Try other words.',
		details: 'Where the time went',
		timings: (image: string, vision: string, prefill: string, decode: string) =>
			`prepare ${image} s, look ${vision} s, take in ${prefill} s, write ${decode} s`,
		usage: (prompt: number, cached: number, answer: number) =>
			`${prompt} tokens in (${cached} remembered), ${answer} out`,
		written: (seconds: string) => `wrote for ${seconds} s`,
		seen: (prompt: number, answer: number) => `${prompt} tokens in, ${answer} out so far`
	},

	marks: {
		check: 'check',
		pleaseCheck: 'please check',
		sure: (percent: number) => `The model is ${percent}% sure of these characters.`,
		unsure: (percent: number) => `The model is only ${percent}% sure of these characters.`,
		copied: ' (please check)',
		copiedOr: (text: string) => ` (please check: or ${text}?)`,
		compare: 'Compare them with the picture.',
		about: (text: string) => `About ${text}`
	},

	closer: {
		look: 'Look closer',
		again: 'Look again',
		lookOn: (index: number) => `Look closer on picture ${index}`,
		byHand: 'Show where it is',
		looking: 'Looking closer…',
		noPlace: 'The model cannot point to it. Draw a box around it on the picture.',
		draw: (text: string) => `Draw a box around “${text}” on the picture.`,
		drawKeys: 'Arrow keys move the box, Shift with them sizes it, Enter looks, Esc leaves it.',
		confirm: 'Look here',
		cancel: 'Leave it',
		box: (left: number, top: number, right: number, bottom: number) =>
			`Box from ${left}% across and ${top}% down to ${right}% across and ${bottom}% down`,
		title: 'A closer look',
		crop: (text: string) => `The part of the picture where “${text}” was read again`,
		first: 'First',
		second: 'At full size',
		nothing: 'nothing readable',
		agrees: 'Both readings agree.',
		differs: 'The readings differ. Trust your eyes.',
		sure: (percent: number) => `${percent}% sure`,
		show: 'Show on the picture',
		agreesShort: 'read twice',
		differsShort: (text: string) => `or ${text}?`,
		differsPlain: 'read differently'
	},

	evidence: {
		where: 'Where?',
		whereHint: 'Show on the picture where the answer has this from',
		asking: 'Looking for the places…',
		none: 'No place was found on the pictures for this answer. Please look for yourself.',
		noneDemo: 'The demo model cannot point to places; the real one can. Please look for yourself.',
		label: 'Places on the pictures',
		one: (number: number, label: string) => `Place ${number}: ${label}`,
		onPicture: (number: number) => `picture ${number}`
	},

	feedback: {
		up: 'Good answer',
		down: 'Bad answer',
		correct: 'Correct',
		label: 'What would have been right?',
		placeholder: 'The right answer, or what was wrong with this one…',
		save: 'Save',
		cancel: 'Cancel',
		was: 'Corrected:'
	},

	list: {
		title: 'Conversations',
		open: 'Conversations and settings',
		close: 'Close',
		fresh: 'New conversation',
		search: 'Search…',
		searchLabel: 'Search conversations',
		clearSearch: 'Clear the search',
		pinned: 'Pinned',
		today: 'Today',
		yesterday: 'Yesterday',
		week: 'This week',
		older: 'Older',
		found: 'Found',
		none: 'Conversations you have will be kept here.',
		noHits: 'Nothing found. Try fewer or other words.',
		noneLeft: 'No conversation fits these filters.',
		more: 'Loading more…',
		loading: 'Loading…',
		untitled: 'Untitled',
		rename: 'Rename',
		renameLabel: 'New title',
		pin: 'Pin',
		unpin: 'Unpin',
		save: 'Save as a file',
		remove: 'Delete',
		actions: (title: string) => `What to do with “${title}”`,
		deleted: 'Conversation moved to the bin.',
		deletedMany: (n: string) => `${n} conversations moved to the bin.`,
		interrupted: 'interrupted',
		answering: 'answering',
		retry: 'Try again',
		count: (n: number) => (n === 1 ? '1 conversation' : `${n} conversations`),
		countMore: (n: number) => `more than ${n} conversations`
	},

	filters: {
		label: 'Filters',
		remove: (filter: string) => `Remove the filter “${filter}”`,
		customer: (name: string) => `Customer: ${name}`,
		pinned: 'pinned',
		notPinned: 'not pinned',
		from: (date: string) => `from ${date}`,
		to: (date: string) => `before ${date}`,
		group: (label: string) => `questions like “${label}”`,
		anyGroup: 'one group of questions',
		solvedIn: (rounds: number): string =>
			rounds === 1
				? 'solved in round 1'
				: rounds === 2
					? 'solved in round 2'
					: 'solved in 3 rounds or more',
		doubtful: 'with doubtful answers',
		doubtfulString: (text: string) => `“${text}” doubtful`,
		certain: 'without doubtful answers',
		unanswered: {
			cancelled: 'with a stopped answer',
			left: 'with an answer nobody waited for',
			interrupted: 'with an answer the desk cut off',
			failed: 'with a failed answer'
		},
		up: 'thumbs up',
		down: 'thumbs down',
		hour: (hour: number) => `asked from ${hour}:00 to ${hour}:59`,
		weekday: (name: string) => `asked on ${name}`
	},

	chain: {
		title: 'Title',
		customer: 'Customer',
		customerPlaceholder: 'Customer, order or ticket',
		verdict: 'How it ended',
		solved: 'Solved',
		handedOver: 'Handed to a person',
		wrong: 'Wrong',
		another: 'Another picture',
		anotherHint: 'Start a linked conversation about another picture',
		begun: 'New conversation, linked to the last.',
		continues: 'continues',
		continuedIn: 'continued in',
		earlier: 'the conversation before',
		later: 'the conversation after',
		clear: 'Clear',
		clearTitle: 'Clear this conversation?',
		clearWords: 'It goes to the bin with its pictures, and is deleted for good after 24 hours.',
		keep: 'Keep it',
		gone: 'This conversation is not here any more. It may have been deleted.',
		loading: 'Fetching the conversation…'
	},

	edit: {
		edit: 'Edit and ask again',
		label: 'The question',
		ask: 'Ask again',
		cancel: 'Cancel',
		title: 'Ask this again?',
		confirm: (n: number) =>
			n === 1
				? 'The round after it leaves the conversation. It stays in the records.'
				: `The ${n} rounds after it leave the conversation. They stay in the records.`,
		takeBack: 'Back to the question box'
	},

	settings: {
		title: 'Settings',
		rounds: (n: number) => (n === 1 ? '1 round' : `${n} rounds`)
	},

	viewer: {
		label: 'Picture',
		pictureOf: (index: number, of: number) => `Picture ${index} of ${of}`,
		zoomIn: 'Zoom in',
		zoomOut: 'Zoom out',
		fit: 'Fit',
		previous: 'Previous picture',
		next: 'Next picture',
		help: 'Zoom with the wheel or + and -, move by dragging or with the arrow keys, 0 fits.',
		fold: 'Fold the picture away',
		unfold: 'Show the picture',
		size: (width: number, height: number) => `${width} × ${height}`
	},

	panel: {
		undo: 'Undo',
		rigour: 'Rigour',
		rigourHint: 'Low: to the letter. 0.25 suits labels.',
		length: 'Length',
		lengthValue: (n: number) => `up to ${n} tokens`,
		lengthHint: 'Answers end here. 256 is a paragraph.',
		detail: 'Picture detail',
		detailValue: (n: number) => `up to ${n} tokens`,
		detailHint: 'Less is quicker; small print needs more.',
		rounds: 'Memory',
		roundsValue: (n: number) => (n === 0 ? 'none' : n === 1 ? 'last round' : `last ${n} rounds`),
		roundsHint: 'Sent along. Pictures always stay.',
		standard: (value: string) => `Standard: ${value}`,
		language: 'Language',
		theme: 'Colours',
		themeAuto: 'As the system',
		themeLight: 'Light',
		themeDark: 'Dark'
	},

	shortcuts: {
		title: 'Shortcuts',
		open: 'Keyboard shortcuts',
		close: 'Close',
		send: 'Send the question',
		newLine: 'New line',
		stop: 'Stop the answer',
		paste: 'Add a copied picture',
		fresh: 'New conversation',
		search: 'Search conversations',
		question: 'To the question box',
		help: 'This list'
	},

	problem: {
		pictureTooLarge: (have: string, limit: string) =>
			`This picture is ${have} MB; the limit is ${limit} MB. Try a smaller one.`,
		heic: 'HEIC pictures from an iPhone cannot be read yet. Share or export it as JPEG, or choose Settings › Camera › Formats › Most Compatible.',
		pdf: 'A PDF cannot be read here. Take a screenshot of the page in question, or export it as PNG or JPEG.',
		otherKind: (kind: string) =>
			`${kind} files cannot be read here. Open the picture, save it as PNG or JPEG and add that.`,
		video: 'Videos cannot be read here. Pause at the right moment, take a screenshot and add that.',
		conversationUnknown: 'This conversation is not here any more. It may have been deleted.',
		answerRunning:
			'Another question in this conversation is being answered. Wait for it, then ask again.',
		roundNotNewest: 'Somebody has asked on in this conversation; you see it as it is now.',
		recordsFull: 'The disk of the desk is full: nothing can be kept. Tell whoever runs it.',
		recordsFailed: 'The records could not be reached; the log of the desk says why. Try again.',
		notAPicture:
			'This file is not a picture that can be read here. Use JPEG, PNG, WebP, GIF or BMP.',
		pictureTooLargeUnknown: 'This picture is too large. Try a smaller one.',
		broken: 'This picture is damaged or incomplete. Open it elsewhere, save it again and retry.',
		pictureLost: 'This picture could not be uploaded and is no longer here. Choose it again.',
		empty: 'This file is empty. Choose another.',
		folder: 'There is no picture in this folder. Choose another, or open it and pick the files.',
		dimensions: (width: number, height: number) =>
			`This picture, ${width} × ${height} pixels, is too large or too long and thin. Cut out the part in question.`,
		dimensionsUnknown:
			'This picture is too large or too long and thin. Cut out the part in question.',
		tooThin: (width: number, height: number, limit: number) =>
			`This picture, ${width} × ${height} pixels, is more than ${limit} times as long as it is wide. Cut out the part in question.`,
		tooManyPixels: (width: number, height: number, limit: number) =>
			`This picture, ${width} × ${height} pixels, has more than ${limit} million of them. Cut out the part in question, or make it smaller.`,
		pictureUnknown: 'The server no longer has this picture. Add it again.',
		picturesBusy: (seconds: number | undefined) =>
			`Many pictures are being read right now. Try again in ${seconds === undefined ? 'a few seconds' : `${seconds} s`}.`,
		tooManyPictures: (limit: number | undefined) =>
			limit === undefined
				? 'These are too many pictures for one question. Remove some or start a new conversation.'
				: `One question takes up to ${pictures(limit)}. Remove some or start a new conversation.`,
		signIn: 'You are no longer signed in. Reload this page and bring your key.',
		tooFast: (seconds: number | undefined) =>
			seconds === undefined
				? 'That was a lot at once. Try again in a moment.'
				: `That was a lot at once. Try again in ${seconds} s.`,
		queueFull: (waiting: number | undefined, seconds: number | undefined) =>
			`${waiting === undefined ? 'Many people are asking' : `${waiting} questions are waiting already`}. Try again in ${seconds === undefined ? 'a moment' : `${seconds} s`}.`,
		notReady: (percent: number | undefined) =>
			`The model is still loading${percent === undefined ? '' : ` (${percent}%)`}. Try again when the line at the top says ready.`,
		modelFailed: (reason: string | undefined) =>
			reason === undefined
				? 'The model could not be started. Tell whoever runs the desk.'
				: `The model could not be started. Tell whoever runs the desk. (${reason})`,
		shuttingDown: 'The desk is shutting down. Try again when it is back.',
		questionEmpty: 'There is nothing to answer yet. Write a question or add a picture.',
		textTooLong: (have: number | undefined, limit: number | undefined) =>
			have === undefined || limit === undefined
				? 'The text is too long. Shorten it.'
				: `The text has ${have} characters; the limit is ${limit}. Shorten it.`,
		questionTooLong: (tokens: number | undefined, limit: number | undefined) =>
			`This conversation has grown too long for the model${tokens === undefined || limit === undefined ? '' : ` (${tokens} tokens of ${limit})`}. Shorten the question, lower “Memory”, use fewer pictures or start a new conversation.`,
		tooManyMessages: (have: number | undefined, limit: number | undefined) =>
			`This conversation has too many messages${have === undefined || limit === undefined ? '' : ` (${have}; the limit is ${limit})`}. Lower “Memory” or start a new conversation.`,
		answerFailed: 'The answer failed inside the desk; its log says why. Try again.',
		uploadBroken: 'The upload broke off. Check the connection and try again.',
		away: 'The desk does not answer. Check that lookdesk is running; the page goes on by itself when it is back.',
		offline: 'This device has no network. The page goes on by itself when it is back.',
		offlineNow: 'This device has no network. Try again when it is back.',
		unreachable: 'The desk does not answer. Check that lookdesk is running, then try again.',
		cutShort: 'The connection broke in the middle of the answer. Try again.',
		unexpected: (message: string) => `Something went wrong: ${message}`,
		samples: 'The samples could not be loaded.',
		request: (id: string) => `Request ${id}`
	},

	toast: { close: 'Close this message' },

	standardRole:
		'You are an after-sales assistant. You answer questions about the picture. Only use what the picture shows. If it is not readable, say so. Answer in the language of the question.'
};

export type Messages = typeof en;
