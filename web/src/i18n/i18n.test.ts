import { describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { en } from './en';
import { preferred } from './language.svelte';
import { fileSize, megabytes, seconds } from './numbers';
import { sentence } from './problems';
import { zh } from './zh';

function* sentences(messages: object, path = ''): Generator<[string, string]> {
	for (const [key, value] of Object.entries(messages)) {
		const at = `${path}${key}`;
		if (typeof value === 'string') yield [at, value];
		else if (typeof value === 'function')
			yield [at, String((value as (...filled: string[]) => string)('3', '4', '5', '6'))];
		else yield* sentences(value as object, `${at}.`);
	}
}

describe('the Chinese catalogue', () => {
	it.each([...sentences(zh)])('uses Chinese punctuation: %s', (_, words) => {
		expect(words).not.toMatch(/[\u4e00-\u9fff”][,.;:!?](?:\s|$|[\u4e00-\u9fff])/);
		expect(words).not.toMatch(/[\u4e00-\u9fff]\.\.\./);
	});

	it('leaves no English sentence behind', () => {
		const same = new Map(sentences(en));
		const left = [...sentences(zh)].filter(
			([key, words]) => same.get(key) === words && /[a-z]{3}/i.test(words)
		);
		expect(left).toEqual([]);
	});
});

describe('what the log says of an export, an import or a deletion', () => {
	it.each([
		['csv', 'CSV table', 'CSV 表格'],
		['json', 'JSON without pictures', 'JSON，不含图片'],
		['json with pictures', 'JSON with pictures', 'JSON，含图片'],
		['1 conversations', '1 conversation', '1 个对话'],
		[
			'21 conversations, 1 rounds, 3 answers, 0 pictures',
			'21 conversations, 1 round, 3 answers, 0 pictures',
			'21 个对话，1 轮提问，3 个回答，0 张图片'
		],
		[
			'cut short: 2 conversations, 1 rounds, 3 answers, 0 pictures',
			'cut short: 2 conversations, 1 round, 3 answers, 0 pictures',
			'中断，已导入 2 个对话，1 轮提问，3 个回答，0 张图片'
		],
		[
			'4 conversations, 5 rounds, 6 answers, 0 pictures; 1 conversations deleted meanwhile left out',
			'4 conversations, 5 rounds, 6 answers, 0 pictures; 1 conversation deleted meanwhile left out',
			'4 个对话，5 轮提问，6 个回答，0 张图片；导入期间已删除的 1 个对话没有导入'
		],
		[
			'begun: a file of 2 conversations, 1 rounds',
			'not ended; a file of 2 conversations, 1 round',
			'未完成，文件含 2 个对话，1 轮提问'
		],
		['', '', '']
	])('%s', (detail, english, chinese) => {
		expect(en.records.audit.detailWords(detail)).toBe(english);
		expect(zh.records.audit.detailWords(detail)).toBe(chinese);
	});
});

describe('the first language the page speaks', () => {
	it.each([
		[['zh-TW', 'en'], 'zh'],
		[['fr', 'en-US'], 'en'],
		[['fr', 'zh-Hans-CN', 'en'], 'zh'],
		[['fr'], 'en'],
		[[], 'en']
	])('of %j is %s', (languages, code) => expect(preferred(languages)).toBe(code));
});

describe('a problem in words', () => {
	const MB = 1024 * 1024;

	it('says how large a picture is and may be', () => {
		const problem = new Problem('picture_too_large', '', {
			details: { bytes: 27 * MB, limit: 20 * MB }
		});
		expect(sentence(problem, en)).toBe(
			'This picture is 27 MB; the limit is 20 MB. Try a smaller one.'
		);
		expect(sentence(problem, zh)).toBe('图片有 27 MB，超过 20 MB，请换一张或压缩后再传。');
	});

	it('sends whoever lost the key to the sign-in, and whoever hurries to wait', () => {
		expect(sentence(new Problem('key_missing', ''), en)).toContain('Reload this page');
		const slowed = new Problem('rate_limit_exceeded', '', { details: { retry_after_s: 7 } });
		expect(sentence(slowed, en)).toContain('7 s');
	});

	it('falls back to the server’s words for a code it does not know', () => {
		expect(sentence(new Problem('new_code', 'Do this.'), en)).toContain('Do this.');
		expect(sentence(new Problem('unexpected_status', '', { status: 502 }), en)).toContain(
			'HTTP 502'
		);
	});

	it('survives details of the wrong type', () => {
		const problem = new Problem('picture_too_large', 'm', { details: { bytes: 'x', limit: null } });
		expect(sentence(problem, en)).toBe('This picture is too large. Try a smaller one.');
	});
});

it('a size just over a limit does not claim to be at it', () => {
	expect(megabytes(20 * 1024 * 1024)).toBe('20');
	expect(megabytes(20 * 1024 * 1024 + 1)).toBe('20.1');
	expect(fileSize(300)).toBe('1 KB');
	expect(seconds(Number.NaN)).toBe('–');
});

describe('figures in words', () => {
	it('are one question, and more questions', () => {
		expect(en.insights.hours.questions('1')).toBe('1 question');
		expect(en.insights.hours.questions('2')).toBe('2 questions');
		expect(en.insights.figures.questionsIn('1')).toBe('in 1 conversation');
	});

	it('say a hundred million pixels as Chinese counts them', () => {
		expect(zh.problem.tooManyPixels(20_000, 6_000, 100)).toContain('超过 1 亿像素');
		expect(zh.problem.tooManyPixels(9_000, 6_000, 50)).toContain('超过 5000 万像素');
	});
});
