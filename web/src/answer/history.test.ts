import { describe, expect, it } from 'vitest';
import type { Message } from '../api/types';
import { messages, pictureOrder, type Said } from './history';

const said = (question: string, pictures: string[] = [], answer = `${question}!`): Said => ({
	question,
	pictures,
	answer
});

const short = (sent: Message[]) =>
	sent.map(
		(m) =>
			`${m.role[0]}:${m.content.map((p) => (p.type === 'text' ? p.text : `<${p.id}>`)).join('')}`
	);

describe('messages', () => {
	it('sends role, rounds and question, each picture where it was added', () => {
		const sent = messages(
			'role',
			[said('a', ['1']), said('b')],
			{
				question: 'c',
				pictures: ['2']
			},
			{ rounds: 5, pictures: 8 }
		);
		expect(short(sent)).toEqual(['s:role', 'u:<1>a', 'a:a!', 'u:b', 'a:b!', 'u:<2>c']);
	});

	it('sends no system message for an empty role', () => {
		expect(
			short(messages('  ', [], { question: 'a', pictures: [] }, { rounds: 5, pictures: 8 }))
		).toEqual(['u:a']);
	});

	it('remembers only the newest rounds', () => {
		const sent = messages(
			'',
			[said('a'), said('b'), said('c')],
			{
				question: 'd',
				pictures: []
			},
			{ rounds: 2, pictures: 8 }
		);
		expect(short(sent)).toEqual(['u:b', 'a:b!', 'u:c', 'a:c!', 'u:d']);
	});

	it('keeps the pictures of a forgotten round, in front of the oldest remembered question', () => {
		const sent = messages(
			'',
			[said('a', ['1', '2']), said('b', ['3'])],
			{
				question: 'c',
				pictures: ['4']
			},
			{ rounds: 1, pictures: 8 }
		);
		expect(short(sent)).toEqual(['u:<1><2><3>b', 'a:b!', 'u:<4>c']);
	});

	it('keeps the pictures with the question when no round is remembered', () => {
		expect(
			short(
				messages(
					'',
					[said('a', ['1'])],
					{ question: 'b', pictures: [] },
					{ rounds: 0, pictures: 8 }
				)
			)
		).toEqual(['u:<1>b']);
	});

	it('leaves a failed round out but not its pictures', () => {
		const sent = messages(
			'',
			[said('a', ['1'], ''), said('b')],
			{
				question: 'c',
				pictures: []
			},
			{ rounds: 5, pictures: 8 }
		);
		expect(short(sent)).toEqual(['u:<1>b', 'a:b!', 'u:c']);
	});

	it('does not move a failed round’s pictures past a round that came before it', () => {
		const sent = messages(
			'',
			[said('a'), said('b', ['1'], '')],
			{
				question: 'c',
				pictures: []
			},
			{ rounds: 5, pictures: 8 }
		);
		expect(short(sent)).toEqual(['u:a', 'a:a!', 'u:<1>c']);
	});

	it('lets the oldest pictures go where a question would hold too many', () => {
		const sent = messages(
			'',
			[said('a', ['1', '2'])],
			{ question: 'b', pictures: ['3'] },
			{ rounds: 0, pictures: 2 }
		);
		expect(pictureOrder(sent)).toEqual(['2', '3']);
	});
});
