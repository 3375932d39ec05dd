/** The mock's records: conversations in memory, with the list, search and filters of the contract. */
import { randomUUID } from 'node:crypto';
import type { Customer } from '../src/api/records.ts';
import type {
	RoundRequest,
	StoredAnswer,
	StoredRound,
	Summary,
	UploadedPicture,
	WholeConversation
} from '../src/api/types.ts';

export interface HeldPicture {
	bytes: Buffer;
	facts: UploadedPicture;
}

interface Kept extends Omit<WholeConversation, 'followed_by' | 'rounds' | 'round_count'> {
	rounds: (StoredRound & { replaced: boolean })[];
}

const titleLength = 60;
const around = 24;

export class MockRecords {
	readonly #kept = new Map<string, Kept>();
	/** Pictures a question has used: they outlive the program. */
	readonly pictures = new Map<string, HeldPicture>();
	create(made: { title?: string; customer?: string; follows?: string }, now = Date.now()): Kept {
		const kept: Kept = {
			id: randomUUID(),
			title: made.title ?? '',
			customer: made.customer ?? null,
			verdict: null,
			pinned: false,
			follows: made.follows ?? null,
			created_at: now,
			updated_at: now,
			picture: null,
			snippet: null,
			interrupted: false,
			deleted_at: null,
			rounds: []
		};
		this.#kept.set(kept.id, kept);
		return kept;
	}

	find(id: string): Kept | undefined {
		return this.#kept.get(id);
	}

	forget(id: string): void {
		this.#kept.delete(id);
	}

	get count(): number {
		return this.#kept.size;
	}

	customers(query: string): string[] {
		const wanted = query.toLowerCase();
		const names = [...this.#kept.values()].flatMap(({ customer }) => customer ?? []);
		return [...new Set(names)].filter((name) => name.toLowerCase().includes(wanted)).toSorted();
	}

	/** The mock links nothing, and finds alike what differs in capitals only. */
	customer(name: string): Customer {
		const names = [...this.#kept.values()].flatMap(({ customer }) => customer ?? []);
		const counted = (wanted: string) => names.filter((other) => other === wanted).length;
		const alike = [...new Set(names)]
			.filter((other) => other !== name && other.toLowerCase() === name.toLowerCase())
			.map((other) => ({ name: other, conversations: counted(other) }));
		return { name, conversations: counted(name), alike, linked: [], importing: false };
	}

	/** How many conversations went. */
	forgetCustomer(name: string): number {
		const gone = [...this.#kept.values()].filter(({ customer }) => customer === name);
		gone.forEach(({ id }) => this.#kept.delete(id));
		return gone.length;
	}

	ask(
		kept: Kept,
		asked: RoundRequest,
		pictures: UploadedPicture[],
		now = Date.now()
	): { round: StoredRound; answer: StoredAnswer } {
		const from = kept.rounds.findIndex(({ id }) => id === asked.replaces);
		if (from >= 0) kept.rounds.slice(from).forEach((round) => (round.replaced = true));
		const earlier = kept.rounds.filter(({ replaced }) => !replaced).length;
		const round: Kept['rounds'][number] = {
			id: randomUUID(),
			asked_at: now,
			question: asked.question,
			pictures,
			answers: [],
			role: asked.role,
			settings: asked.settings,
			remembered_rounds: Math.min(earlier, asked.remember),
			asker: null,
			replaced: false
		};
		kept.rounds.push(round);
		kept.title ||= asked.question.slice(0, titleLength);
		kept.picture ??= pictures[0]?.id ?? null;
		kept.updated_at = now;
		return { round, answer: this.again(round, now) };
	}

	again(round: StoredRound, now = Date.now()): StoredAnswer {
		const answer: StoredAnswer = {
			id: randomUUID(),
			created_at: now,
			state: 'running',
			text: '',
			marks: [],
			finish_reason: null,
			usage: null,
			timings: null,
			problem: null,
			settings: null,
			feedback: { thumb: null, correction: null },
			evidence: [],
			readings: []
		};
		round.answers.push(answer);
		return answer;
	}

	round(id: string): { kept: Kept; round: StoredRound } | undefined {
		for (const kept of this.#kept.values()) {
			const round = kept.rounds.find((one) => one.id === id);
			if (round) return { kept, round };
		}
		return undefined;
	}

	answer(id: string): { round: StoredRound; answer: StoredAnswer } | undefined {
		for (const { rounds } of this.#kept.values()) {
			for (const round of rounds) {
				const answer = round.answers.find((one) => one.id === id);
				if (answer) return { round, answer };
			}
		}
		return undefined;
	}

	/** The program was killed: what was running is now interrupted. */
	interrupt(): void {
		for (const kept of this.#kept.values()) {
			const answers = kept.rounds.flatMap((round) => round.answers);
			answers
				.filter(({ state }) => state === 'running')
				.forEach((answer) => (answer.state = 'interrupted'));
		}
	}

	whole(kept: Kept): WholeConversation {
		const followed_by = [...this.#kept.values()]
			.filter(({ follows, deleted_at }) => follows === kept.id && deleted_at === null)
			.map(({ id }) => id);
		const rounds = kept.rounds
			.filter(({ replaced }) => !replaced)
			.map(({ replaced: _replaced, ...round }) => round);
		const { interrupted, round_count } = this.summary(kept);
		return { ...kept, interrupted, round_count, followed_by, rounds };
	}

	summary(kept: Kept, words: string[] = []): Summary {
		const { rounds: all, ...rest } = kept;
		const rounds = all.filter(({ replaced }) => !replaced);
		const interrupted = rounds.at(-1)?.answers.at(-1)?.state === 'interrupted';
		return { ...rest, round_count: rounds.length, interrupted, snippet: snippet(kept, words) };
	}

	list(wanted: URLSearchParams): { conversations: Summary[]; next_cursor: string | null } {
		const words = (wanted.get('query') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
		const is = (name: string, value: unknown) =>
			!wanted.has(name) || wanted.get(name) === String(value);
		const found = [...this.#kept.values()]
			.filter((kept) => (wanted.get('deleted') === 'true') === (kept.deleted_at !== null))
			.filter((kept) => is('verdict', kept.verdict) && is('customer', kept.customer))
			.filter((kept) => is('pinned', kept.pinned) && is('doubtful', isDoubtful(kept)))
			.filter((kept) => {
				const text = textOf(kept).toLowerCase();
				return words.every((word) => text.includes(word));
			})
			.toSorted(
				(a, b) =>
					(words.length > 0 ? 0 : Number(b.pinned) - Number(a.pinned)) ||
					b.updated_at - a.updated_at
			);
		const from = Number(wanted.get('cursor') ?? 0);
		const limit = Number(wanted.get('limit') ?? 50);
		const next = from + limit < found.length ? String(from + limit) : null;
		const conversations = found.slice(from, from + limit).map((kept) => this.summary(kept, words));
		return { conversations, next_cursor: next };
	}
}

function isDoubtful(kept: Kept): boolean {
	const marks = kept.rounds.flatMap((round) => round.answers.flatMap((answer) => answer.marks));
	return marks.some(({ certainty }) => certainty === 'doubtful');
}

function textOf(kept: Kept): string {
	const said = kept.rounds.flatMap((round) => [
		round.question,
		...round.answers.map(({ text }) => text)
	]);
	return [kept.title, kept.customer ?? '', ...said].join('\n');
}

function snippet(kept: Kept, words: string[]): Summary['snippet'] {
	const text = textOf(kept);
	const first = words[0] === undefined ? -1 : text.toLowerCase().lastIndexOf(words[0]);
	if (first < 0) return null;
	const from = Math.max(0, first - around);
	const part = text.slice(from, first + 2 * around).replaceAll('\n', ' ');
	const hits = words.flatMap((word): [number, number][] => {
		const at = part.toLowerCase().indexOf(word);
		return at < 0 ? [] : [[at, at + word.length]];
	});
	return { text: part, hits };
}
