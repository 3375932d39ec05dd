/** 洞察页。数字已写成可读的样子。 */
import type { Messages } from '../en';

export const insights: Messages['insights'] = {
	title: '洞察',
	sentence: '大家问什么，回答好不好用。点任何一个数字，就能看到背后的对话。',
	print: '打印',
	printed: (period, now) => `${period}。打印于 ${now}。`,

	period: {
		label: '时间段',
		last: (days) => `${days} 天`,
		lastLong: (days) => `最近 ${days} 天`,
		all: '全部',
		allLong: '至今全部',
		between: '自选',
		betweenLong: (from, to) => `${from}至${to}`,
		from: '从',
		to: '到'
	},

	loading: '正在统计…',
	failed: '统计没有取到。',
	empty: '这段时间没有提问',
	emptyHint: '有人就图片提问后，这里就会有数字。',
	emptyAll: '查看至今全部',
	toDesk: '回到工作台',

	asTable: '看表格',
	asChart: '看图表',
	opens: (what) => `${what}：打开相关对话`,

	figures: {
		label: '概览',
		questions: '提问',
		questionsIn: (conversations) => `分布在 ${conversations} 个对话`,
		solved: '一轮解决',
		solvedCount: (count, of) => `有标记的 ${of} 个中 ${count} 个`,
		solvedNone: '按有标记的对话计算',
		doubtful: '存疑回答',
		doubtfulCount: (count) => `${count} 个回答需要核对`,
		firstWord: '首字时间（中位数）',
		seconds: (n) => `${n} 秒`,
		firstWordHint: '一半的回答比这更快',
		none: '–'
	},

	groups: {
		title: '大家问什么',
		hint: '意思相同的问题合并计数。',
		question: '问题',
		count: '次数',
		share: '占比',
		trend: '走势',
		trendWords: (first, last) => `前半段 ${first} 次，后半段 ${last} 次`,
		examples: '例如',
		more: (n) => `显示全部 ${n} 组`,
		fewer: '收起',
		none: '还没有重复出现的问题。'
	},

	doubts: {
		title: '哪里拿不准',
		hint: '模型没有把握的代码、数字和名称。',
		hintNewest: (n) => `模型没有把握的代码、数字和名称，按最近 ${n} 个存疑的回答统计。`,
		text: '读作',
		certainty: '把握',
		check: '核对',
		doubtful: '存疑',
		count: '次数',
		times: (n) => `${n} 次`,
		none: '没有存疑的内容：代码和数字都读得有把握。'
	},

	rounds: {
		title: '几轮解决',
		hint: '只算标记为“已解决”的对话。',
		rounds: '轮数',
		name: (n) => (n === 1 ? '1 轮' : n === 2 ? '2 轮' : '3 轮及以上'),
		conversations: '对话',
		none: '还没有标记为“已解决”的对话。标记在工作台的对话上方。'
	},

	unanswered: {
		title: '没有完整回答的提问',
		hint: '最近一次回答是怎么结束的。',
		how: '结束方式',
		cancelled: '手动停止',
		left: '页面关闭或连接中断',
		interrupted: '工作台停止运行',
		failed: '出错',
		none: '每个提问都得到了完整的回答。'
	},

	thumbs: {
		title: '评价',
		hint: '大家觉得回答怎么样。',
		up: '有帮助',
		down: '没帮助',
		answers: '回答',
		none: '还没有评价。评价按钮在工作台每个回答的下方。'
	},

	firstWord: {
		title: '首字时间',
		hint: '每天从发送到出现第一个字的时间。',
		day: '日期',
		median: '中位数',
		p90: '九成不超过',
		band: '最慢的一成从这里开始',
		questions: '提问',
		seconds: (n) => `${n} 秒`,
		read: (day, median, p90, questions) =>
			`${day}：中位数 ${median} 秒，九成不超过 ${p90} 秒，提问 ${questions} 次`,
		none: '还没有可以计时的回答。'
	},

	hours: {
		title: '忙碌时段',
		hint: '按星期和钟点统计的提问，以本机时间为准。',
		hour: '钟点',
		weekday: '星期',
		cell: (weekday, hour, count) => `${weekday} ${hour} 点：${count}`,
		questions: (n) => `提问 ${n} 次`,
		few: '少',
		many: '多',
		keys: '方向键移动，回车打开相关对话。',
		busiest: (weekday, hour, count) => `最忙的是${weekday} ${hour} 点，提问 ${count} 次。`,
		none: '还没有提问。'
	}
};
