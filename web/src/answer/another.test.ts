import { describe, expect, it } from 'vitest';
import { asksForAnother } from './another';

describe('another picture', () => {
	it.each([
		'换一张图',
		'换一张图片',
		'换张图片',
		'换张图。',
		'换个图吧',
		'能换一张图吗？',
		'可以换张图片吗',
		'我想换一张图片来问',
		'下一张图',
		'请换一张图片！',
		'再换一张照片',
		' 换一张图 ',
		'another picture',
		'Another picture.',
		'New picture',
		'a new photo',
		'next image please',
		'Please, another picture',
		'the next picture!'
	])('is asked for by: %s', (sentence) => {
		expect(asksForAnother(sentence)).toEqual({ rest: '' });
	});

	it.each([
		['换一张图，型号是什么？', '型号是什么？'],
		['换张图片：错误码是多少', '错误码是多少'],
		['Another picture: what is the code?', 'what is the code?'],
		['new picture, please. Which lights are on?', 'Which lights are on?'],
		['next picture\nand the date?', 'and the date?']
	])('is asked for with a question: %s', (sentence, rest) => {
		expect(asksForAnother(sentence)).toEqual({ rest });
	});

	it.each([
		'',
		'换一张图会更清楚吗？',
		'换一张图？',
		'能换一张图再看吗？',
		'下一张图里有什么？',
		'需要换一张图片吗',
		'型号是什么？换一张图',
		'图片上换一张图的按钮在哪',
		'Would another picture help?',
		'another picture?',
		'another picture shows E102, why?',
		'New picture quality is bad',
		'newpicture',
		'What is in the next picture?'
	])('is not asked for by: %s', (sentence) => {
		expect(asksForAnother(sentence)).toBeUndefined();
	});
});
