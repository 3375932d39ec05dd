/**
 * What is on the desk, kept in this tab while the page is reloaded or the tab is brought back. Pictures
 * are kept by their id: the server still has them, and the page fetches its copies again.
 *
 * Nothing outlives the tab: other people may use this browser.
 */
import type { Piece } from '../answer/trust';
import { Problem } from '../api/problem';
import type { Conversation } from './conversation.svelte';
import { DeskPicture, type Held } from './picture.svelte';
import { Answer, Round, type Phase } from './round.svelte';
import type { Tray } from './tray.svelte';

const key = 'lookdesk.session';
const version = 1;

interface KeptAnswer {
	text: string;
	pieces: Piece[];
	ending: Extract<Phase, { kind: 'done' }> | null;
}

interface Kept {
	version: number;
	rounds: { question: string; pictures: Held[]; answers: KeptAnswer[]; shown: number }[];
	tray: Held[];
}

const held = (pictures: DeskPicture[]) =>
	pictures.flatMap((picture) => (picture.held ? [picture.held] : []));

export function keepSession(conversation: Conversation, tray: Tray): void {
	const kept: Kept = {
		version,
		rounds: conversation.rounds.map((round) => ({
			question: round.question,
			pictures: held(round.pictures),
			answers: round.answers.map(({ text, pieces, phase }) => ({
				text,
				pieces,
				ending: phase.kind === 'done' ? phase : null
			})),
			shown: round.shown
		})),
		tray: held(tray.pictures)
	};
	try {
		sessionStorage.setItem(key, JSON.stringify(kept));
	} catch {
		// Storage is full or forbidden: a reload will start with an empty desk.
	}
}

export function recallSession(conversation: Conversation, tray: Tray): void {
	try {
		const kept = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Kept | null;
		if (kept?.version !== version) return;
		const rounds = kept.rounds.map((round) => {
			const again = new Round(round.question, round.pictures.map(DeskPicture.fromHeld));
			again.answers = round.answers.map(
				({ text, pieces, ending }) =>
					new Answer(text, pieces, ending ?? { kind: 'failed', problem: new Problem('cut_short') })
			);
			again.shown = round.shown;
			return again;
		});
		const waiting = kept.tray.map(DeskPicture.fromHeld);
		conversation.rounds = rounds;
		tray.pictures = waiting;
	} catch {
		// Not ours, or from another version.
		sessionStorage.removeItem(key);
	}
}
