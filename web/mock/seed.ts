/** A support team's last weeks, for looking at the page: `npm run dev:mock` and the screenshots begin with it. */
import type { Summary, UploadedPicture } from '../src/api/types.ts';
import { marksOf } from './marks.ts';
import { MockPictures } from './pictures.ts';
import type { MockRecords } from './records.ts';

interface Past {
	hoursAgo: number;
	question: string;
	answer: string;
	/** How sure the model was of each string with a digit; 1 where nothing is said. */
	sure?: number;
	title?: string;
	customer?: string;
	verdict?: Summary['verdict'];
	pinned?: boolean;
	interrupted?: boolean;
	/** It lies in the bin since so many hours. */
	binned?: number;
	picture?: number;
}

const past: Past[] = [
	{
		hoursAgo: 340,
		question: '保修期怎么算？铭牌上的生产日期是哪天？',
		answer: '铭牌上的生产日期是 2024.04。',
		customer: '王芳',
		verdict: 'solved',
		pinned: true,
		picture: 0
	},
	{
		hoursAgo: 0.4,
		question: 'Which lights are on, and what is the error code?',
		answer: 'The code is E107. The NET light is red, POWER is green.',
		title: 'AX73 router, NET light red',
		customer: 'Order 20417',
		picture: 2
	},
	{
		hoursAgo: 1.5,
		question: '屏幕上的错误码是什么？',
		answer: '错误码是 E107，NET 灯是红色',
		sure: 0.42,
		customer: '李强 · 工单 8812',
		verdict: 'handed_over',
		picture: 2
	},
	{
		hoursAgo: 3,
		question: 'What is the model number?',
		answer: 'The model number is AX5400.',
		title: 'AX5400 warranty',
		customer: 'Priya N.',
		verdict: 'solved',
		picture: 1
	},
	{
		hoursAgo: 5,
		question: '电饭煲底部标签上的型号？',
		answer: '型号是 DSC',
		interrupted: true,
		picture: 3
	},
	{
		hoursAgo: 26,
		question: 'Which of the two pictures is sharper?',
		answer: 'The first.',
		verdict: 'solved',
		picture: 5
	},
	{
		hoursAgo: 29,
		question: '序列号看得清吗？',
		answer: '看不清。',
		customer: '赵敏',
		verdict: 'wrong',
		picture: 4
	},
	{
		hoursAgo: 55,
		question: 'What does the handwritten slip say?',
		answer: 'It says DSC565.',
		sure: 0.7,
		customer: 'Order 19902',
		picture: 3
	},
	{
		hoursAgo: 200,
		question: 'Is the production date on the label within two years?',
		answer: 'The date is 2024.04.',
		verdict: 'solved',
		picture: 0
	},
	{
		hoursAgo: 260,
		question: '设备面板上哪个灯不正常？',
		answer: 'NET 灯是红色。',
		customer: '陈晨',
		verdict: 'solved',
		picture: 2
	},
	{ hoursAgo: 50, question: 'Is the lid cracked?', answer: 'No.', customer: 'Anna Weber' },
	{ hoursAgo: 49, question: '是哪天生产的？', answer: '2024.04', customer: '王芳' },
	{ hoursAgo: 48, question: 'Rice cooker shows E3', answer: 'E3', binned: 9 },
	{ hoursAgo: 47, question: '少了哪颗螺丝？', answer: '右下角。', customer: '王芳', binned: 21 }
];

const hourMs = 3_600_000;

export function seed(records: MockRecords, now = Date.now()): MockRecords {
	const known = new MockPictures();
	for (const one of past) {
		const at = now - one.hoursAgo * hourMs;
		const ids = known.samples[one.picture ?? 0]?.pictures.map(({ id }) => id) ?? [];
		const held = ids.flatMap((id) => known.find(id) ?? []);
		held.forEach((picture) => records.pictures.set(picture.facts.id, picture));
		const pictures: UploadedPicture[] = held.map(({ facts }) => facts);
		const { title, customer } = one;
		const kept = records.create(
			{
				...(title === undefined ? {} : { title }),
				...(customer === undefined ? {} : { customer })
			},
			at
		);
		const asked = { question: one.question, pictures: ids, role: '', settings: {}, remember: 5 };
		const { answer } = records.ask(kept, asked, pictures, at);
		const tokens = [{ text: one.answer, logprob: Math.log(one.sure ?? 1) }];
		Object.assign(answer, {
			state: one.interrupted ? 'interrupted' : 'done',
			text: one.answer,
			marks: marksOf(one.answer, tokens),
			finish_reason: one.interrupted ? null : 'stop'
		});
		Object.assign(kept, {
			verdict: one.verdict ?? null,
			pinned: one.pinned ?? false,
			deleted_at: one.binned === undefined ? null : now - one.binned * hourMs
		});
	}
	return records;
}
