/** What the mock says, word by word, with the waiting between. */
import type { AnswerEvent } from '../src/api/types.ts';

export interface Step {
	/** Milliseconds before it. */
	after: number;
	event: AnswerEvent;
}

/** Words with how sure the model is of them. */
const long: [string, number][] = [
	['The label shows ', 1],
	['three things:\n\n', 1],
	['| Field | Reading |\n|---|---|\n', 1],
	['| Model | **AX73', 0.97],
	['-V2** |\n', 0.8],
	['| Error code | `E1', 0.6],
	['02` |\n', 0.7],
	['| Made | 2024.', 0.99],
	['03 |\n\n', 0.99],
	['The WAN light is off ', 1],
	['while the others are lit, ', 1],
	['so the line to the wall ', 1],
	['is the first thing to check.', 1]
];
const longChinese: [string, number][] = [
	['铭牌上有三项：\n\n', 1],
	['| 项目 | 读数 |\n|---|---|\n', 1],
	['| 型号 | **AX73', 0.97],
	['-V2** |\n', 0.8],
	['| 错误码 | `E1', 0.6],
	['02` |\n', 0.7],
	['| 生产日期 | 2024.', 0.99],
	['03 |\n\n', 0.99],
	['WAN 灯没有亮，', 1],
	['其他灯都亮着，', 1],
	['请先检查到墙口的网线。', 1]
];

function wordsFor(question: string, known: string | undefined): [string, number][] {
	const isChinese = /[\u4e00-\u9fff]/.test(question);
	if (known !== undefined && !/describe|描述|read all|所有/i.test(question)) {
		return isChinese
			? [
					['图中显示：', 1],
					[known, 0.99],
					['。', 1]
				]
			: [
					['It reads ', 1],
					[known, 0.99],
					['.', 1]
				];
	}
	return isChinese ? longChinese : long;
}

export function* scriptFor(
	question: string,
	pictures: number,
	known: string | undefined
): Generator<Step> {
	for (let picture = 1; picture <= pictures; picture++) {
		const event: AnswerEvent = {
			type: 'reading',
			picture,
			of: pictures,
			tokens: 40,
			cached: false
		};
		yield { after: picture === 1 ? 100 : 900, event };
	}
	yield { after: 900, event: { type: 'prefill', done: 64, total: 160 } };
	yield { after: 250, event: { type: 'prefill', done: 160, total: 160 } };
	const words = wordsFor(question, known);
	for (const [text, probability] of words) {
		yield {
			after: 140,
			event: { type: 'delta', text, tokens: [{ text, logprob: Math.log(probability) }] }
		};
	}
	yield {
		after: 50,
		event: {
			type: 'done',
			finish_reason: /long|长/.test(question) ? 'length' : 'stop',
			usage: {
				prompt_tokens: 160,
				image_tokens: 80,
				cached_tokens: 0,
				completion_tokens: words.length
			},
			timings: {
				image_ms: 12,
				vision_ms: 610,
				prefill_ms: 240,
				ttft_ms: 870,
				decode_ms: words.length * 43,
				decode_tokens_per_s: 23.4
			}
		}
	};
}

/** The figures of an answer that was stopped. */
export const nothing = {
	usage: { prompt_tokens: 160, image_tokens: 80, cached_tokens: 0, completion_tokens: 0 },
	timings: {
		image_ms: 12,
		vision_ms: 610,
		prefill_ms: 240,
		ttft_ms: 870,
		decode_ms: 0,
		decode_tokens_per_s: 0
	}
};
