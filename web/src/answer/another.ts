/**
 * Whether a sentence asks to go on with another picture, and what else it says.
 *
 * Only where that is the whole sentence, or stands at its beginning and is closed by a sign: "would another
 * picture help?" and "换一张图会更清楚吗" are questions for the model. A wish that is put as a question
 * ("能换一张图吗？") counts where it says nothing else. "另一张图" may be one the conversation has: alone it
 * asks for another, with a question it does not.
 */
export interface Another {
	/** The question that came with it; empty when nothing did. */
	rest: string;
}

/** The signs of these sentences in traditional spelling, and in the simplified one the patterns are written in. */
const spellings: [traditional: string, simplified: string] = [
	'換張圖個幫請問來傳發給們嗎試煩還別麼讓現後謝',
	'换张图个帮请问来传发给们吗试烦还别么让现后谢'
];
const simplified = (words: string) =>
	words.replace(/\p{Script=Han}/gu, (sign) => {
		const at = spellings[0].indexOf(sign);
		return at < 0 ? sign : spellings[1].charAt(at);
	});

const one = (...ways: string[]) => `(?:${ways.join('|')})`;
/** Bounded, so that no words take long to try. */
const some = (...ways: string[]) => `${one(...ways)}{0,12}`;

/** Each of them, written with spaces between. */
const each = (ways: string) => ways.split(' ');

const zh = (() => {
	const noun = '(?:图片|照片|图像|图|相片|截图)';
	const kind = '(?:别的|其[他它]的?|新的?|不同的)?';
	// Without the word for it, only the measure that counts pictures says what is meant.
	const counted = one(`一?[张个幅副]${kind}${noun}`, '一?[张幅]');
	const other = one(`另外?${counted}`, `别的?张?${noun}`, `其[他它]的?${noun}`, `新的?${noun}`);
	const next = `下${counted}`;
	const change = one(
		`换(?:成|到)?${one(counted, other, next, noun)}`,
		`来${one(counted, other, next)}`,
		`(?:再|重新|另外?)(?:上传|[传发看问试用拍加])${counted}`,
		`再?(?:上传|[传发看问试用拍])(?:一下)?${one(other, next)}`
	);
	const before = some(
		...each('好的? 嗯 行 可以了? 那么? 那就 不 ok 现在 接下来 然后 请 先 就 想要? [，,、\\s]'),
		...each('麻烦[您你]? [您你]?(?:帮|给|让)[我忙]? (?:我|咱)们?(?:需要|要)?')
	);
	const after = some(
		...each('吧 了 啊 呀 哈 啦 呢 哦 试试 看看 来看 来?问(?:一下|下|问)? 谢谢[您你]? 给[您你]')
	);
	const may = one(...each('能不能 可不可以 可以 能否 能 是否可以 方便'));
	const who = some(...each('[您你我]们? 现在'));
	const wanted = `(?:再|重新)?${one(change, next)}`;
	return {
		start: before + wanted + after,
		alone: before + one(other, `还有(?:另外?)?${counted}`) + after,
		wish: one(
			`${before}(?:请问)?${who}${may}(?:[帮给让]我)?${wanted}(?:来?问)?[吗么嘛]?`,
			`${before}${wanted}(?:(?:好|行|可以)[吗么不]|好不好|行不行|可不可以)`
		)
	};
})();

const en = (() => {
	const noun = '(?:picture|image|photo(?:graph)?|pic|screenshot)\\b';
	const kind = one(
		...each('an?other one\\s+more a\\s*new a\\s+different a\\s+second the\\s+next some\\s+other'),
		...each('next new different')
	);
	const another = `${kind}\\s+${noun}`;
	const verb = one(
		...each('(?:have\\s+a\\s+)?look\\s+at try use take do upload send add check start change swap'),
		...each(
			'(?:go|move|switch|change|turn|proceed|continue|start)(?:\\s+(?:on|over|ahead))?\\s+(?:to|with)'
		),
		...each('(?:ask|talk)\\s+about')
	);
	const change = one(
		`${verb}\\s+${another}`,
		'(?:switch|change|swap)\\s+(?:the\\s+)?(?:picture|image|photo)s?\\b'
	);
	const before = some(
		...each('ok(?:ay)? al(?:l\\s+)?right right great good thanks thank\\s+you no hi hello'),
		...each('please now so and then well [,.!\\s]')
	);
	const would = "i(?:['’]?d|\\s+would)\\s+(?:like|love)";
	const want = 'i\\s+(?:want|need)';
	const mine = one(
		...[`${would}\\s+to`, `${want}\\s+to`],
		...each(
			"let['’]?s let\\s+(?:us|me) i\\s+wanna i(?:['’]?ll|\\s+will) i(?:['’]?m|\\s+am)\\s+going\\s+to"
		),
		'we\\s+(?:can|could|should)'
	);
	const have = one(would, want, ...each("i(?:['’]ve)?\\s+(?:have|got) there(?:['’]?s|\\s+is)"));
	const after = some(
		`[,\\s]{0,3}${one(...each('please now then next instead here for\\s+(?:me|you) thanks thank\\s+you'))}\\b`
	);
	const just = '(?:(?:now|just|please)\\s+)?';
	const may = `(?:can|could|may|might|shall)\\s+(?:i|we|you)\\s+${just}`;
	return {
		start:
			before + one(another, `(?:${mine}\\s+${just})?${change}`, `${have}\\s+${another}`) + after,
		wish:
			before + one(may + change, `how\\s+about\\s+${another}`, `${may}have\\s+${another}`) + after
	};
})();

const start = new RegExp(`^\\s*${one(zh.start, en.start)}`, 'i');
const whole = new RegExp(`^\\s*${one(zh.alone)}[\\s。.!！~～]*$`, 'i');
/** Asked politely, and nothing else: "能换一张图吗？" is no question for the model. */
const wish = new RegExp(`^\\s*${one(zh.wish, en.wish)}[\\s？?。.！!~～]*$`, 'i');
/** What may follow at once: nothing, or a sign that closes it. A question mark asks. */
const closed = /^\s*(?:$|[，。,.!！:：;；、~～\n—–]+)/;
/** Politeness that follows it is no question. */
const tag =
	/^(?:(?:好|行|可以)[吗么不]|好不好|行不行|可不可以|谢谢[您你]?|please|thanks|thank you|(?:is|would) (?:that|it)(?: be)? (?:ok(?:ay)?|all ?right|possible)|ok(?:ay)?)[\s？?。.！!~～]*$/i;

export function asksForAnother(sentence: string): Another | undefined {
	const words = simplified(sentence);
	if (wish.test(words) || whole.test(words)) return { rest: '' };
	const begun = start.exec(words);
	if (!begun) return undefined;
	// Sign for sign, so that what follows is what was written.
	const after = sentence.slice(begun[0].length);
	const sign = closed.exec(after);
	if (!sign) return undefined;
	const rest = after.slice(sign[0].length).trim();
	return { rest: tag.test(simplified(rest)) ? '' : rest };
}
