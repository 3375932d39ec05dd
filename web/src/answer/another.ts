/**
 * Whether a sentence asks to go on with another picture, and what else it says.
 *
 * Only where that is the whole sentence or stands at its beginning and is closed by a sign: "would another
 * picture help?" and "换一张图会更清楚吗" are questions for the model.
 */
const start =
	/^\s*(?:(?:请|麻烦|那就?|好的?[，,]?|我们?想?要?)?\s*(?:再|重新)?(?:(?:换|来)一?|下一)[张个](?:别的|新的?)?(?:图片|照片|图|相片)(?:吧|了|试试|看看|来问)?|(?:ok(?:ay)?[,.]?\s+|please[,]?\s+|now\s+)?(?:an?other|a?\s*new|the\s+next|next|a\s+different|different)\s+(?:picture|image|photo|pic)(?:\s*,?\s*please)?)/i;
/** Asked politely, and nothing else: "能换一张图吗？" is no question for the model. */
const wish =
	/^\s*(?:请问)?(?:我)?(?:能不能|可不可以|可以|能否|能)(?:再|重新)?(?:换|来)一?[张个](?:别的|新的?)?(?:图片|照片|图|相片)(?:吗)?\s*[？?。.！!]?\s*$/;
/** What may follow at once: nothing, or a sign that closes it. A question mark asks. */
const closed = /^\s*(?:$|[，。,.!！:：;；、\n—–]+)/;

export interface Another {
	/** The question that came with it; empty when nothing did. */
	rest: string;
}

export function asksForAnother(sentence: string): Another | undefined {
	if (wish.test(sentence)) return { rest: '' };
	const begun = start.exec(sentence);
	if (!begun) return undefined;
	const after = sentence.slice(begun[0].length);
	const sign = closed.exec(after);
	return sign ? { rest: after.slice(sign[0].length).trim() } : undefined;
}
