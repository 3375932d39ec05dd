/**
 * What is sent with a question: the role, the rounds still remembered, the question itself.
 *
 * A picture stays with the question it was added to. When that round is no longer remembered its
 * pictures move to the front of the oldest question that is: the conversation is about them, and the
 * server finds the same prefix again. Where a question would then hold more than it may, the oldest
 * pictures go.
 */
import type { Message, Part } from '../api/types';

export interface Said {
	question: string;
	/** Ids of the pictures added with the question. */
	pictures: string[];
	/** Empty where the answer failed: the round is not sent, its pictures are. */
	answer: string;
}

const text = (words: string): Part => ({ type: 'text', text: words });

/** How much of a conversation is sent. */
export interface Memory {
	/** Answered rounds, the newest ones. */
	rounds: number;
	/** Pictures in one question. */
	pictures: number;
}

/** The messages of a request. */
export function messages(
	role: string,
	earlier: Said[],
	now: { question: string; pictures: string[] },
	memory: Memory
): Message[] {
	const { rounds } = memory;
	const asked = (pictures: string[], question: string): Message => {
		const parts: Part[] = pictures.slice(-memory.pictures).map((id) => ({ type: 'picture', id }));
		return { role: 'user', content: [...parts, text(question)] };
	};
	const answered = earlier.filter((said) => said.answer !== '');
	const remembered = new Set(rounds > 0 ? answered.slice(-rounds) : []);
	const sent: Message[] = [];
	if (role.trim() !== '') sent.push({ role: 'system', content: [text(role.trim())] });

	let carried: string[] = [];
	for (const said of earlier) {
		if (!remembered.has(said)) {
			carried.push(...said.pictures);
			continue;
		}
		sent.push(asked([...carried, ...said.pictures], said.question));
		sent.push({ role: 'assistant', content: [text(said.answer)] });
		carried = [];
	}
	sent.push(asked([...carried, ...now.pictures], now.question));
	return sent;
}

/** The ids of a request's pictures in the order the server counts them. */
export function pictureOrder(sent: Message[]): string[] {
	return sent
		.flatMap((m) => m.content)
		.flatMap((part) => (part.type === 'picture' ? [part.id] : []));
}
