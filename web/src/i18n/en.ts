/**
 * Every word of the page, in English. The Chinese catalogue has the same type, so a key missing there is
 * a type error. Sentences with something to fill in are functions.
 */
import { insights } from './en/insights';
import { live } from './en/live';
import { pages } from './en/pages';
import { records } from './en/records';
import { roles } from './en/roles';

const pictures = (n: number) => (n === 1 ? '1 picture' : `${n} pictures`);

export const en = {
	insights,
	live,
	pages,
	records,
	roles,

	skipToQuestion: 'Skip to the question',

	status: {
		label: 'State of the desk',
		ready: 'ready',
		busy: 'busy',
		loading: (percent: number) => `loading ${percent}%`,
		loadingWhat: (what: string) => `Loading: ${what}`,
		failed: 'cannot answer',
		unreachable: 'no connection',
		connecting: 'connecting',
		model: 'Model',
		device: 'Device',
		threads: (n: number) => (n === 1 ? '1 thread' : `${n} threads`),
		memory: 'Memory',
		memoryUsed: (used: string, total: string) => `${used} of ${total} GB`,
		waiting: 'Waiting',
		waitingCount: (n: number) => `${n} waiting`
	},

	demo: {
		badge: 'demo',
		title: 'The demo model is answering.',
		reads:
			'It reads only small, clear labels and panels: model, content, date, error code, lights.',
		start: 'For real pictures:',
		copy: 'Copy the command',
		copied: 'Copied',
		hide: 'Hide this note',
		show: 'About the demo model'
	},

	welcome: {
		title: 'What does the picture show?',
		nowAsk: 'Now ask about it, below.',
		sentence: 'Drop, paste or photograph a picture, then ask. Nothing leaves this machine.',
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
		removed: 'Picture removed.'
	},

	conversation: {
		label: 'Conversation',
		you: 'You',
		desk: 'Answer',
		showPicture: (index: number) => `Show picture ${index} large`,
		copy: 'Copy',
		copied: 'Copied',
		again: 'Ask again',
		retry: 'Try again',
		version: (shown: number, of: number) => `Answer ${shown} of ${of}`,
		previousVersion: 'Previous answer',
		nextVersion: 'Next answer',
		toEnd: 'To the newest words'
	},

	progress: {
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
		length: 'Cut off at the length limit. Raise “Length” in the panel for more.',
		repetition: 'Stopped: it began to repeat itself.',
		cancelled: 'You stopped it here.',
		empty: 'The model had nothing to say. Try other words.',
		details: 'Where the time went',
		timings: (image: string, vision: string, prefill: string, decode: string) =>
			`prepare ${image} s, look ${vision} s, take in ${prefill} s, write ${decode} s`,
		usage: (prompt: number, cached: number, answer: number) =>
			`${prompt} tokens in (${cached} remembered), ${answer} out`
	},

	trust: {
		check: 'check',
		pleaseCheck: 'please check',
		checkHint: (percent: number) =>
			`Compare with the picture: the model is ${percent}% sure of these characters.`,
		doubtHint: (percent: number) =>
			`Please check against the picture: the model is only ${percent}% sure of these characters.`
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
		title: 'Panel',
		open: 'Open the panel',
		close: 'Close the panel',
		fresh: 'New conversation',
		cleared: 'Conversation cleared.',
		undo: 'Undo',
		rigour: 'Rigour',
		rigourStrict: 'to the letter',
		rigourFree: 'freely worded',
		rigourHint: 'Low keeps to the likeliest characters; 0.25 suits labels and screens.',
		length: 'Length',
		lengthValue: (n: number) => `up to ${n} tokens`,
		lengthHint: 'Where an answer is cut off. 256 is about a paragraph.',
		rounds: 'Memory',
		roundsValue: (n: number) => (n === 0 ? 'none' : n === 1 ? 'last round' : `last ${n} rounds`),
		roundsHint: 'Earlier questions and answers sent along. The pictures always stay.',
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
		question: 'To the question box',
		help: 'This list'
	},

	problem: {
		pictureTooLarge: (have: string, limit: string) =>
			`This picture is ${have} MB; the limit is ${limit} MB. Try a smaller one.`,
		heic: 'HEIC pictures from an iPhone cannot be read yet. Share or export it as JPEG, or choose Settings › Camera › Formats › Most Compatible.',
		notAPicture:
			'This file is not a picture that can be read here. Use JPEG, PNG, WebP, GIF or BMP.',
		pictureTooLargeUnknown: 'This picture is too large. Try a smaller one.',
		broken: 'This picture is damaged or incomplete. Open it elsewhere, save it again and retry.',
		empty: 'This file is empty. Choose another.',
		dimensions: (width: string, height: string) =>
			`This picture, ${width} × ${height} pixels, is too large or too long and thin. Cut out the part in question.`,
		pictureUnknown: 'The server no longer has this picture. Add it again.',
		picturesBusy: 'Many pictures are being read right now. Try again in a few seconds.',
		tooManyPictures: (limit: number) =>
			`One question takes up to ${pictures(limit)}. Remove some or start a new conversation.`,
		signIn: 'You are no longer signed in. Reload this page and bring your key.',
		tooFast: (seconds: number | undefined) =>
			seconds === undefined
				? 'That was a lot at once. Try again in a moment.'
				: `That was a lot at once. Try again in ${seconds} s.`,
		queueFull: (seconds: number | undefined) =>
			seconds === undefined
				? 'Many people are asking. Try again in a moment.'
				: `Many people are asking. Try again in ${seconds} s.`,
		notReady: 'The model is still loading. Try again when the line at the top says ready.',
		modelFailed: (message: string) => `The model could not be started: ${message}`,
		shuttingDown: 'The desk is shutting down. Try again when it is back.',
		questionEmpty: 'There is nothing to answer yet. Write a question or add a picture.',
		textTooLong: (limit: number) => `The text is longer than ${limit} characters. Shorten it.`,
		questionTooLong:
			'This conversation has grown too long for the model. Lower “Memory”, use fewer pictures or start a new conversation.',
		answerFailed: 'The answer failed inside the desk; its log says why. Try again.',
		uploadBroken: 'The upload broke off. Check the connection and try again.',
		away: 'The desk does not answer. Check that lookdesk is running; the page goes on by itself when it is back.',
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
