/**
 * Every code the server can send has a sentence in both languages, with its figures. Which codes there are is
 * read from the OpenAPI document, so a new one fails here until somebody has found words for it.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { en } from './en';
import { sentence } from './problems';
import { zh } from './zh';

interface Enum {
	enum: string[];
}
const openapi = JSON.parse(
	readFileSync(resolve(import.meta.dirname, '../../openapi.json'), 'utf8')
) as { components: { schemas: { DeskCode: Enum; EdgeCode: Enum } } };
const { DeskCode, EdgeCode } = openapi.components.schemas;
const codes = [...DeskCode.enum, ...EdgeCode.enum];

const MB = 1024 * 1024;
/** What the server sends along, and what of it a reader is told. */
const facts: Record<string, [details: object, ...told: string[]]> = {
	question_empty: [{}],
	question_order: [{}],
	too_many_messages: [{ count: 71, limit: 64 }, '71', '64'],
	too_many_pictures: [{ count: 9, limit: 8 }, '8'],
	text_too_long: [{ characters: 70123, limit: 60000 }, '70123', '60000'],
	question_too_long: [{ tokens: 5011, limit: 4096 }, '5011', '4096'],
	setting_out_of_range: [{ setting: 'temperature', allowed: 'between 0 and 2' }, '0', '2'],
	picture_too_large: [{ bytes: 27 * MB, limit: 20 * MB }, '27 MB', '20 MB'],
	picture_empty: [{}],
	picture_type: [{ found: 'a JPEG XL picture', supported: ['image/png'] }, 'JPEG XL'],
	picture_unreadable: [{ reason: 'damaged' }],
	picture_dimensions: [
		{ width: 30000, height: 7, reason: 'too_thin', limit: 200 },
		'30000',
		'7',
		'200'
	],
	picture_unknown: [{ id: 'p1' }],
	pictures_full: [{ retry_after_s: 17 }, '17'],
	queue_full: [{ waiting: 33, retry_after_s: 17 }, '33', '17'],
	share_full: [{ held: 24, retry_after_s: 17 }, '24', '17'],
	timed_out: [{}],
	answer_unread: [{ bytes: 5 * MB }],
	shape_unsupported: [{ reason: 'it runs in a circle' }],
	not_ready: [{ percent: 37 }, '37'],
	model_failed: [{ reason: 'no such file' }, 'no such file'],
	shutting_down: [{}],
	answer_failed: [{}],
	conversation_unknown: [{ id: 'c1' }],
	round_unknown: [{ id: 'r1' }],
	answer_unknown: [{ id: 'a1' }],
	role_unknown: [{ id: 'o1' }],
	customer_unknown: [{}],
	linked_changed: [{ linked: ['c2'] }],
	role_standard: [{}],
	field_out_of_range: [{ field: 'correction', allowed: 'at most 4000 characters' }, '4000'],
	conversation_deleted: [{}],
	round_not_newest: [{}],
	answer_running: [{}],
	no_place: [{}],
	records_full: [{}],
	records_busy: [{ retry_after_s: 17 }, '17'],
	records_failed: [{}],
	import_unfit: [{ reason: 'the picture p1 is larger than 20 MB' }, '20 MB'],
	import_cut_short: [{ conversations: 1234, rounds: 5678, reason: 'records_full' }, '1234', '5678'],
	not_offered: [{}],
	invalid_json: [{ reason: 'expected value' }],
	not_json: [{}],
	body_packed: [{}],
	import_too_large: [{ limit: 512 * MB }, '512 MB'],
	imports_busy: [{ retry_after_s: 17 }, '17'],
	body_too_large: [{ limit: 3 * MB }, '3 MB'],
	too_many_values: [{ limit: 100_000 }],
	body_too_slow: [{}],
	body_broken: [{}],
	uploads_busy: [{ retry_after_s: 17 }, '17'],
	not_found: [{}],
	method_not_allowed: [{}],
	host_not_allowed: [{ host: 'desk.example' }, 'desk.example'],
	origin_not_allowed: [{}],
	invalid_field: [{ param: 'query' }],
	unsupported: [{ param: 'tools' }],
	model_not_found: [{ model: 'gpt', known: ['desk'] }],
	key_missing: [{}],
	invalid_api_key: [{}],
	rate_limit_exceeded: [{ retry_after_s: 17 }, '17'],
	too_many_at_once: [{ limit: 4 }, '4'],
	internal: [{}]
};
/** What the server says in English: whoever reads another language must not meet it. */
const wording = 'The desk refuses this in English';

describe('every refusal of the server', () => {
	it('is known here', () => {
		expect(codes.filter((code) => !(code in facts))).toEqual([]);
	});

	it.each(codes)('%s is told in both languages, with its figures', (code) => {
		const [details = {}, ...told] = facts[code] ?? [];
		const problem = new Problem(code, wording, { details: details as Record<string, unknown> });
		for (const words of [en, zh]) {
			const said = sentence(problem, words);
			expect(said).not.toContain(wording);
			expect(said).not.toMatch(/undefined|NaN|\[object/);
			expect(said).not.toBe(words.problem.unexpected(code));
			for (const figure of told) expect(said).toContain(figure);
		}
		expect(sentence(problem, zh)).toMatch(/[\u4e00-\u9fff]{2}.*[。）]$/);
		expect(sentence(problem, en)).toMatch(/^[A-Z“\d].*[.)]$/);
	});

	it.each(codes)('%s is a sentence also where a kept answer has lost the figures', (code) => {
		for (const words of [en, zh]) {
			const said = sentence(new Problem(code, wording), words);
			expect(said).not.toContain(wording);
			expect(said).not.toMatch(/undefined|NaN|null|\(\)|（）/);
		}
	});
});

it.each([
	['a HEIC photo', /HEIC/],
	['a PDF document', /PDF/],
	['a video', /视频/],
	['a TIFF or camera raw picture', /TIFF/],
	['an SVG drawing', /SVG/],
	['a zip archive or office document', /ZIP/],
	['a web page', /HTML/],
	['not a picture in a known format', /不是可以读取的图片/],
	[null, /不是可以读取的图片/]
])('a file the server knows as %s is told with its way out', (found, words) => {
	const problem = new Problem('picture_type', wording, { details: { found } });
	expect(sentence(problem, zh)).toMatch(words);
});

describe('an import that was cut short', () => {
	const said = (reason: unknown, words = zh) =>
		sentence(
			new Problem('import_cut_short', wording, {
				details: { conversations: 3, rounds: 5, reason }
			}),
			words
		);

	it.each([
		['records_full', /磁盘已满/, /disk of the desk is full/],
		['records_busy', /正忙/, /busy/],
		['records_failed', /服务日志/, /log of the desk/]
	])('by %s says so, and not that nothing was stored', (reason, chinese, english) => {
		expect(said(reason)).toMatch(chinese);
		expect(said(reason, en)).toMatch(english);
		expect(said(reason)).not.toMatch(/没有保存任何内容/);
		expect(said(reason, en)).not.toMatch(/nothing was stored/);
		expect(said(reason)).toMatch(/3 个对话.*再次导入同一个文件/);
	});

	it.each(['shutting_down', 'toString', 7])(
		'by something else (%s) is told without it',
		(reason) => {
			expect(said(reason)).toBe(said(undefined));
			expect(said(reason, en)).toBe(said(undefined, en));
		}
	);
});

describe('what the page itself finds', () => {
	it.each(['garbled', 'unexpected', 'unexpected_status', 'unreachable', 'cut_short'])(
		'%s is told without the words of programmers',
		(code) => {
			const problem = new Problem(code, 'Cannot read properties of null', { status: 502 });
			expect(sentence(problem, zh)).not.toMatch(/Cannot read/);
			expect(sentence(problem, zh)).toMatch(/[\u4e00-\u9fff]{4}/);
		}
	);
});

describe('a value outside its range', () => {
	const said = (allowed: string, words = zh) =>
		sentence(
			new Problem('field_out_of_range', wording, { details: { field: 'name', allowed } }),
			words
		);

	it.each([
		['between 0 and 50', '“名称”须在 0 到 50 之间。', '“Name” must lie between 0 and 50.'],
		['above 0 and at most 1', '“名称”须大于 0，最大 1。', '“Name” must be above 0 and at most 1.'],
		['at most 80 characters', '“名称”最多 80 个字符。', '“Name” takes up to 80 characters.'],
		['1 to 200 characters', '“名称”须有 1 到 200 个字符。', '“Name” takes 1 to 200 characters.'],
		['at least 64', '“名称”最小 64。', '“Name” must be 64 or more.'],
		[
			'at most 100; delete one first',
			'“名称”最多 100，请先删除一个。',
			'“Name”: at most 100. Delete one first.'
		],
		['a few words', '“名称”不能为空。', '“Name” must not be empty.']
	])('%s', (allowed, chinese, english) => {
		expect(said(allowed)).toBe(chinese);
		expect(said(allowed, en)).toBe(english);
	});

	it('nobody has foreseen still names the field', () => {
		expect(said('the moon')).toContain('“名称”');
	});
});
