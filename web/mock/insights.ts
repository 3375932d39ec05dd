/** Figures of a desk that has been used for a while: made up, always the same, in the reader's language. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DayOfAnswers, DoubtfulString, InsightsReport } from '../src/api/insights.ts';
import { isChinese, reply } from './http.ts';

const dayMs = 24 * 3600 * 1000;
const usedForDays = 120;

/** Label, weight, examples. */
const asked: Record<'en' | 'zh', [string, number, string[]][]> = {
	en: [
		['Which model is this?', 24, ['What is the model number on the label?', 'Which AX73 is it?']],
		[
			'What does the error code on the display mean?',
			17,
			['The rice cooker shows E3, what now?', 'Error E-102 after switching on']
		],
		['Which lights are on at the router?', 13, ['The WAN light is red', 'Is the 5G light on?']],
		['When was it made?', 9, ['Where is the production date?', 'Is it still under warranty?']],
		['Is the cable in the right port?', 8, ['Blue cable: WAN or LAN?', 'Which port is this?']],
		['What is the serial number?', 7, ['Please read the S/N', 'Serial number, the label is bent']],
		['Is the part damaged?', 6, ['Is this crack through the lid?', 'Burn mark at the plug']],
		['What is the capacity?', 4, ['Is it the 3 L or the 5 L one?']],
		['Read the receipt', 4, ['Date and total of the receipt, please']],
		['Which screw is missing?', 3, ['One screw is left over']],
		['What does the washing symbol mean?', 2, ['Can the filter go in the dishwasher?']]
	],
	zh: [
		['这是什么型号？', 24, ['标签上的型号是什么？', '这是 AX73 的哪个版本？']],
		['屏幕上的错误码是什么意思？', 17, ['电饭煲显示 E3，怎么办？', '开机后报 E-102']],
		['路由器哪些灯亮着？', 13, ['WAN 灯是红色的', '5G 灯亮了吗？']],
		['是哪天生产的？', 9, ['生产日期在哪里？', '还在保修期吗？']],
		['网线插对了吗？', 8, ['蓝色网线应该插 WAN 还是 LAN？', '这是哪个口？']],
		['序列号是多少？', 7, ['请读一下 S/N', '标签弯了，序列号看得清吗？']],
		['配件是不是坏了？', 6, ['盖子上这条裂纹穿透了吗？', '插头有烧痕']],
		['容量是多少？', 4, ['是 3 升的还是 5 升的？']],
		['读一下这张小票', 4, ['小票的日期和总额是多少？']],
		['少了哪颗螺丝？', 3, ['多出来一颗螺丝']],
		['水洗标是什么意思？', 2, ['滤网可以放进洗碗机吗？']]
	]
};

const doubts: [string, DoubtfulString['certainty'], number][] = [
	['E-102', 'doubtful', 4],
	['AX73-V2', 'check', 3],
	['2240B17C0098', 'doubtful', 2],
	['2024.03', 'check', 2],
	['SN 8H4K-B0O1', 'doubtful', 1],
	['220V~50Hz', 'check', 1],
	['CFXB40FC8055', 'check', 1]
];

/** The same number for the same place, evenly between 0 and 1. */
function noise(seed: number): number {
	const x = Math.sin(seed * 127.1 + 11.7) * 43758.5453;
	return x - Math.floor(x);
}

const two = (n: number) => String(n).padStart(2, '0');

/** The day of an instant on a clock so many minutes ahead of UTC. */
function dayOf(at: number, offsetMinutes: number): Date {
	const local = new Date(at + offsetMinutes * 60_000);
	return new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()));
}

function daysOf(url: URL): DayOfAnswers[] {
	const offset = Number(url.searchParams.get('utc_offset_minutes') ?? 0);
	const now = Date.now();
	const from = Math.max(Number(url.searchParams.get('from') ?? 0), now - usedForDays * dayMs);
	const to = Math.min(Number(url.searchParams.get('to') ?? now), now);
	const days: DayOfAnswers[] = [];
	for (let day = dayOf(from, offset).getTime(); day < to + offset * 60_000; day += dayMs) {
		const date = new Date(day);
		const number = Math.round(day / dayMs);
		const isWeekend = date.getUTCDay() % 6 === 0;
		const questions = Math.round((isWeekend ? 6 : 34) * (0.6 + 0.8 * noise(number)));
		const median_ms = 900 + 350 * noise(number + 0.3) + (number % 13 === 4 ? 900 : 0);
		const name = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
		days.push({ day: name, median_ms, p90_ms: median_ms * (1.7 + noise(number + 0.7)), questions });
	}
	return days.filter(({ questions }) => questions > 0);
}

/** What a group is called in the reader's language. */
export function groupLabel(id: string | null, request: IncomingMessage): string | null {
	const index = Number(id?.replace(/^group-/, '')) - 1;
	return asked[isChinese(request) ? 'zh' : 'en'][index]?.[0] ?? null;
}

export function report(url: URL, language: 'en' | 'zh'): InsightsReport {
	const days = daysOf(url);
	const questions = days.reduce((sum, day) => sum + day.questions, 0);
	const conversations = Math.round(questions / 1.9);
	const counted = (share: number, of: number) => ({
		count: Math.round(share * of),
		share: of === 0 ? 0 : Math.round(share * of) / of
	});
	const groups = asked[language].map(([label, weight, examples], index) => ({
		id: `group-${index + 1}`,
		label,
		...counted(weight / 100, questions),
		examples: examples.map((question, at) => ({
			conversation: `0192f0c0-0000-7000-8000-0000000${index}${two(at)}0`,
			question
		})),
		trend: days.map((day, at) =>
			Math.round((day.questions * weight * (0.5 + noise(index * 97 + at))) / 100)
		)
	}));
	const hour = (weekday: number, at: number) => {
		const isWorking = at >= 8 && at < 20 ? Math.sin(((at - 7) / 13) * Math.PI) : 0.02;
		const lunch = at === 12 ? 0.55 : 1;
		const share =
			isWorking * lunch * (weekday > 4 ? 0.2 : 1) * (0.75 + 0.5 * noise(weekday * 31 + at));
		return Math.round((share * questions) / 45);
	};
	const hasAny = questions > 0;
	return {
		questions,
		conversations,
		solved_in_first_round: counted(0.62, conversations),
		doubtful_answers: counted(0.078, questions),
		unanswered: (
			[
				['cancelled', 0.012],
				['left', 0.007],
				['interrupted', 0],
				['failed', 0.002]
			] as const
		).map(([state, share]) => ({ state, count: Math.round(share * questions) })),
		ttft_ms_median: hasAny ? 1140 : null,
		thumbs: { up: Math.round(questions * 0.21), down: Math.round(questions * 0.028) },
		groups: hasAny ? groups.filter(({ count }) => count > 0) : [],
		rounds_to_solution: [
			{ rounds: 1, count: Math.round(conversations * 0.62) },
			{ rounds: 2, count: Math.round(conversations * 0.17) },
			{ rounds: 3, count: Math.round(conversations * 0.06) }
		],
		ttft_by_day: days,
		by_hour: Array.from({ length: 7 }, (_, weekday) =>
			Array.from({ length: 24 }, (_, at) => (hasAny ? hour(weekday, at) : 0))
		),
		doubtful_strings: hasAny
			? doubts.map(([text, certainty, times], index) => ({
					text,
					count: times,
					conversations: times,
					conversation: `0192f0c0-0000-7000-8000-00000001${index}000`,
					answer: `0192f0c0-0000-7000-8000-00000002${index}000`,
					certainty
				}))
			: [],
		doubtful_strings_of: counted(0.078, questions).count
	};
}

export function handleInsights(
	request: IncomingMessage,
	response: ServerResponse,
	url: URL
): boolean {
	if (url.pathname !== '/api/insights') return false;
	return reply(response, 200, report(url, isChinese(request) ? 'zh' : 'en'));
}
