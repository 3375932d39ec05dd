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
		'the next picture!',
		...[
			'换一张',
			'下一张',
			'下一张。',
			'另一张图',
			'另外一张图片',
			'换另一张图',
			'帮我换一张图',
			'麻烦换张图'
		],
		...[
			'再传一张图',
			'再看一张图',
			'再来一张',
			'再上传一张照片',
			'再发一张图吧',
			'看下一张',
			'看下一张图'
		],
		...[
			'换图',
			'换图片',
			'换一幅图',
			'换一个图',
			'换新图',
			'新图片',
			'换别的图',
			'换一张别的图片',
			'换张截图'
		],
		...[
			'我换一张图问一下',
			'我想换张图看看',
			'我们换一张图吧',
			'好的，下一张图',
			'那就换一张图吧',
			'现在换一张图'
		],
		...[
			'还有一张图',
			'我还有一张图片',
			'换一张图，谢谢',
			'换一张图，可以吗？',
			'换一张图好吗？',
			'换一张吧～'
		],
		...[
			'能不能换一张？',
			'可以再传一张图吗？',
			'请问能换一张图吗',
			'我可以换下一张图吗？',
			'你能帮我换一张图吗？'
		],
		...[
			'換一張圖',
			'下一張',
			'另一張圖',
			'幫我換一張圖',
			'換圖',
			'換一幅圖',
			'再傳一張圖',
			'再看一張圖片'
		],
		...[
			'我換一張圖問一下',
			'能換一張圖嗎？',
			'還有一張照片',
			'換張照片，謝謝',
			'請換一張圖片！',
			'換個圖吧'
		],
		...["Let's look at another picture.", 'lets try another photo', 'Let me upload a new image'],
		...[
			'Can we try another picture?',
			'Could I send another photo, please?',
			'can you look at another image?'
		],
		...[
			'I have another picture',
			"I've got another photo.",
			'There is one more picture',
			'one more picture'
		],
		...[
			'switch to another picture',
			'Switch to the next image please',
			'change the picture',
			'change picture'
		],
		...[
			"I'd like to ask about another picture",
			'I’d like to try a different image',
			'I want another picture'
		],
		...[
			'OK, next picture',
			'Thanks. Now another picture, please.',
			'move on to the next photo',
			'go to the next image'
		],
		...[
			'another picture, please, thanks',
			'Another picture, is that ok?',
			'How about another picture?'
		]
	])('is asked for by: %s', (sentence) => {
		expect(asksForAnother(sentence)).toEqual({ rest: '' });
	});

	it.each([
		['换一张图，型号是什么？', '型号是什么？'],
		['换张图片：错误码是多少', '错误码是多少'],
		['Another picture: what is the code?', 'what is the code?'],
		['new picture, please. Which lights are on?', 'Which lights are on?'],
		['next picture\nand the date?', 'and the date?'],
		['换一张，序列号是多少？', '序列号是多少？'],
		['帮我换一张图：这个灯为什么亮？', '这个灯为什么亮？'],
		['再传一张图。错误码是多少', '错误码是多少'],
		['換一張圖，型號是什麼？', '型號是什麼？'],
		['I have another picture. What is the model?', 'What is the model?'],
		["Let's look at another picture: what is the code?", 'what is the code?']
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
		'What is in the next picture?',
		...[
			'另一张图里的型号是多少？',
			'另一张图，型号是多少？',
			'另一张图呢？',
			'另外一张图片上写了什么',
			'两张图有什么区别'
		],
		...[
			'下一张图片什么时候能看',
			'换图标怎么操作？',
			'换一张网卡',
			'换一个',
			'下一个',
			'换个说法',
			'再说一遍'
		],
		...[
			'换一张图还是重启？',
			'要换一张图吗？',
			'要不要换一张图',
			'是不是要换一张图',
			'为什么要换一张图',
			'换一张图了吗'
		],
		...[
			'还有一张图，为什么没看到？',
			'还有一张图里是什么',
			'再看一下图',
			'再看一遍这张图',
			'看图',
			'看这张图',
			'图',
			'这张图'
		],
		...[
			'发一张图给客户可以吗',
			'怎么换一张图',
			'换图片格式',
			'换一张图片会不会好',
			'新图和旧图有什么不同？'
		],
		...['另一張圖裡的型號是多少？', '換一張圖會更清楚嗎？', '要換一張圖嗎', '下一張圖裡有什麼？'],
		...['what does the other picture show?', 'the other picture', 'In another picture I saw E102.'],
		...[
			'Can you see another picture?',
			'Do I need another picture?',
			'Should I send another picture?'
		],
		...[
			'Can I use another picture to check the model?',
			'I have another picture of this router from last year, is it the same?'
		],
		...[
			'Is there another picture?',
			'Is a new picture needed?',
			'Why is the next picture blurred?',
			'the picture'
		],
		...[
			'change the picture size',
			'How do I change the picture?',
			'Can I change the picture quality?'
		],
		...[
			'the next picture shows E102',
			'different picture quality?',
			'no picture',
			'another question',
			'next',
			'next one'
		]
	])('is not asked for by: %s', (sentence) => {
		expect(asksForAnother(sentence)).toBeUndefined();
	});

	it.each(['，', ' ', '麻烦您帮我', 'ok, ', '。', 'please, now ', '换', '吧了'])(
		'is looked for in no time: %s',
		(sign) => {
			expect(asksForAnother(`${sign.repeat(20_000)}?x`)).toBeUndefined();
			expect(asksForAnother(`换一张图${sign.repeat(20_000)}?x`)?.rest).not.toBe('');
		}
	);
});
