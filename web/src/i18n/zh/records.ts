/** 记录页。数字已写成可读的样子。 */
import type { Messages } from '../en';

const exported: Record<string, string> = {
	csv: 'CSV 表格',
	json: 'JSON，不含图片',
	'json with pictures': 'JSON，含图片'
};

export const records: Messages['records'] = {
	title: '记录',
	sentence: '这里问过和答过的一切，都只存在这台机器上。',
	keptFor: (days) => `对话保留 ${days} 天，之后彻底删除。`,
	keptForever: '对话会一直保留，直到有人删除。',
	notKept: '没有开启记录：Lookdesk 退出后，这里的一切都不再保留。',
	joined: (one, other) => `${one}${other}`,
	failed: '内容没有取到。',

	export: {
		title: '导出',
		hint: '对话、回答、设置和评价，都在一个文件里。',
		format: '格式',
		jsonHint: '完整，可以再导入。',
		csvHint: '问答表格，适合电子表格软件打开，不能再导入。',
		span: '时间段',
		pictures: '图片',
		bytes: '一并导出',
		bytesHint: '文件里包含图片本身，可能很大。',
		hash: '只写指纹',
		hashHint: '文件很小。图片留在这里，文件里只写它们的哈希值。',
		download: '下载'
	},

	import: {
		title: '导入',
		hint: '选择从 Lookdesk 导出的 JSON 文件。这里已有的内容不会改变。',
		choose: '选择文件',
		drop: '或拖到这里',
		sending: (name, percent) => `正在上传 ${name}：${percent}%`,
		writing: (name) => `正在写入 ${name} 的内容…`,
		stop: '停止',
		stopped: '已停止，没有导入任何内容。',
		stoppedLate: '文件已上传完毕，导入会继续进行，结果请看下方的日志。',
		damaged: (n) => `${n} 张图片已损坏，没有导入；相关的提问和回答都在：`,
		done: (conversations, rounds, answers, pictures, skipped) =>
			`已导入 ${conversations} 个对话、${rounds} 轮提问、${answers} 个回答、${pictures} 张图片。${
				skipped > 0 ? `另有 ${skipped} 个对话这里已经有了。` : ''
			}`,
		nothing: '文件里的内容这里都已经有了，没有任何改动。',
		isCsv: '这是 CSV 表格。只能导入 JSON 文件，请重新导出为 JSON。',
		notJson: '这不是 Lookdesk 的文件。请选择从记录页下载的 JSON 文件。',
		tooLarge: (have, limit) =>
			`文件有 ${have} MB，超过 ${limit} MB。请缩短导出的时间段，或在启动 Lookdesk 时调大 --import-megabytes。`,
		largerUnknown: '文件太大。请缩短导出的时间段，或在启动 Lookdesk 时调大 --import-megabytes。',
		larger: (limit) =>
			`文件超过 ${limit} MB。请缩短导出的时间段，或在启动 Lookdesk 时调大 --import-megabytes。`,
		empty: '这个文件是空的，请换一个。'
	},

	bin: {
		title: '回收站',
		hint: '删除的对话在这里保留一天。',
		empty: '回收站是空的。',
		conversation: '对话',
		customer: '客户',
		deleted: '删除于',
		goes: '彻底清除',
		actions: '操作',
		restore: '恢复',
		restoreOne: (title) => `恢复${title}`,
		restored: (title) => `“${title}”已回到工作台。`,
		forGood: '彻底删除',
		forGoodOne: (title) => `彻底删除${title}`,
		ask: (title) => `彻底删除“${title}”？`,
		askWhy: '它的提问、回答，以及别的对话没有用到的图片会立即删除，无法撤销。',
		deletedForGood: (title) => `“${title}”已彻底删除。`,
		more: '显示更多'
	},

	customer: {
		title: '删除一位客户的全部数据',
		hint: '客户要求删除自己的数据时使用。',
		name: '客户',
		namePlaceholder: '对话上写的客户名称',
		look: '查看',
		looking: '正在查看…',
		none: (name) => `没有属于“${name}”的对话。`,
		willGo: '以下内容会彻底删除：',
		conversations: (n) => `${n} 个对话`,
		rounds: (n) => `${n} 轮提问，连同全部回答、标记和纠正`,
		inBin: (n) => `，其中 ${n} 个在回收站`,
		pictures: '只有这些对话用到的图片',
		search: '搜索里的相关内容',
		takeLinked: (n) => `同时删除 ${n} 个有关联、但未填写客户的对话`,
		linkedToOthers: '以下对话有关联，但属于别的客户，会保留：',
		alike: '以下名称写法相近，不会一起删除；如需删除，请逐个查看：',
		alikeName: (name, n) => `${name}（${n}）`,
		importing: '正在导入记录。删除后，文件里属于该客户的对话也不会导入。',
		leftOut: '正在导入的文件里属于该客户的对话也不会导入。',
		stays: '下方日志会留下一行：做过这件事，以及时间。',
		confirm: (name) => `输入“${name}”以确认`,
		delete: '彻底删除',
		deleting: '正在删除…',
		done: (name, n) => `“${name}”的 ${n} 个对话已彻底删除。`,
		keptLinked: (n) => `${n} 个有关联、但未填写客户的对话已保留。`,
		keptAlike: (...names) =>
			`以下名称写法相近，没有删除：${names.map((name) => `“${name}”`).join('、')}。`
	},

	audit: {
		title: '日志',
		hint: '最近 500 次导出、导入和删除。',
		at: '时间',
		action: '事项',
		subject: '对象',
		detail: '数量',
		detailWords: (detail) =>
			exported[detail] ??
			detail
				.replace('begun: a file of ', '未完成，文件含 ')
				.replace('cut short: ', '中断，已导入 ')
				.replace(
					/; (\d+) conversations deleted meanwhile left out/,
					'；导入期间已删除的 $1 个对话没有导入'
				)
				.replaceAll(/(\d+) conversations?/g, '$1 个对话')
				.replaceAll(/(\d+) rounds?/g, '$1 轮提问')
				.replaceAll(/(\d+) answers?/g, '$1 个回答')
				.replaceAll(/(\d+) pictures?/g, '$1 张图片')
				.replaceAll(', ', '，'),
		asker: '操作人',
		empty: '还没有导出、导入或删除过任何内容。',
		desk: '系统自动',
		nobody: '未署名',
		actions: {
			export: '导出',
			import: '导入',
			bin: '移入回收站',
			delete_conversation: '删除对话',
			delete_customer: '删除客户',
			empty_bin: '清空回收站',
			retention: '到期清除'
		}
	},

	problem: {
		unfit: (reason) =>
			`这个文件不能导入，它可能不是 Lookdesk 的导出文件，或者已经损坏。没有任何改动。${reason ? `（技术原因：${reason}）` : ''}`,
		cutShort: (came, why) =>
			`导入中断了${came ? `：已导入 ${came.conversations} 个对话、${came.rounds} 轮提问，其余没有导入` : ''}。${why ?? ''}请再次导入同一个文件，已有的内容不会改变。`,
		cutShortBy: {
			records_full: '服务器磁盘已满，请告诉管理员。',
			records_busy: '当时记录正忙或连接不上。',
			records_failed: '记录无法写入，原因见服务日志。'
		},
		importsBusy: (seconds) =>
			`正在导入另一个文件，请等它完成后再试${seconds === undefined ? '' : `（约 ${seconds} 秒后）`}。`,
		customerUnknown: '已经没有属于这位客户的对话。',
		linkedChanged:
			'有关联的对话在显示之后有变化，没有删除任何内容。请核对现在显示的内容，再次确认。'
	}
};
