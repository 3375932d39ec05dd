/** Every word of the page, in Chinese. */
import type { Messages } from './en';
import { insights } from './zh/insights';
import { live } from './zh/live';
import { pages } from './zh/pages';
import { records } from './zh/records';
import { roles } from './zh/roles';

export const zh: Messages = {
	insights,
	live,
	pages,
	records,
	roles,

	skipToQuestion: '跳到提问框',

	status: {
		label: '运行状态',
		ready: '就绪',
		busy: '回答中',
		loading: (percent) => `加载中 ${percent}%`,
		loadingWhat: (what) => `正在加载：${what}`,
		failed: '无法回答',
		unreachable: '连接不上',
		connecting: '连接中',
		model: '模型',
		device: '设备',
		threads: (n) => `${n} 线程`,
		memory: '内存',
		memoryUsed: (used, total) => `${used} / ${total} GB`,
		waiting: '排队',
		waitingCount: (n) => `排队 ${n}`
	},

	demo: {
		badge: '演示',
		title: '现在回答的是演示模型。',
		reads: '只认得清晰的小标签和面板：型号、容量、日期、错误码、指示灯。',
		start: '看真实图片请用：',
		copy: '复制命令',
		copied: '已复制',
		hide: '收起说明',
		show: '关于演示模型'
	},

	welcome: {
		title: '图里是什么？',
		nowAsk: '在下方写下您的问题。',
		sentence: '拖入、粘贴或拍一张图片，然后提问。图片不会离开这台机器。',
		samples: '也可以先试试这些',
		ask: (question) => `用这张样图提问：${question}`,
		answers: (model) => `由 ${model} 回答。`
	},

	composer: {
		label: '您的问题',
		placeholder: '就图片提问…',
		placeholderEmpty: '先加图片，再提问…',
		send: '发送',
		stop: '停止',
		add: '添加图片',
		photograph: '拍照',
		hint: 'Enter 发送，Shift+Enter 换行',
		modelLoading: '模型还在加载，可以先写好问题。'
	},

	tray: {
		label: '下一个问题的图片',
		drop: '松开即可添加图片',
		sending: (percent) => `上传中 ${percent}%`,
		tokens: (n) => `${n} 词元`,
		tokensHint: '这张图片占用模型多少注意力',
		remove: (name) => `移除 ${name}`,
		earlier: (name) => `左移 ${name}`,
		later: (name) => `右移 ${name}`,
		removed: '图片已移除。'
	},

	conversation: {
		label: '对话',
		you: '您',
		desk: '回答',
		showPicture: (index) => `放大查看第 ${index} 张图片`,
		copy: '复制',
		copied: '已复制',
		again: '重新回答',
		retry: '重试',
		version: (shown, of) => `第 ${shown} 个回答，共 ${of} 个`,
		previousVersion: '上一个回答',
		nextVersion: '下一个回答',
		toEnd: '跳到最新内容'
	},

	progress: {
		sending: '正在上传图片',
		asking: '正在提问',
		next: '马上轮到您',
		queued: (before) => `前面还有 ${before} 个问题`,
		reading: (picture, of) => (of === 1 ? '正在看图' : `正在看图，第 ${picture} 张，共 ${of} 张`),
		prefill: (percent) => `正在理解问题，${percent}%`
	},

	done: {
		firstWord: (seconds) => `首字 ${seconds} 秒`,
		speed: (rate) => `每秒 ${rate} 词元`,
		length: '到了长度上限，后面没有写完。可在面板里调大“长度”。',
		repetition: '开始重复，已自动停下。',
		cancelled: '您在这里停止了回答。',
		empty: '模型没有给出内容，请换个问法。',
		details: '时间用在哪里',
		timings: (image, vision, prefill, decode) =>
			`准备 ${image} 秒，看图 ${vision} 秒，理解 ${prefill} 秒，书写 ${decode} 秒`,
		usage: (prompt, cached, answer) =>
			`读入 ${prompt} 词元（其中 ${cached} 记得），写出 ${answer} 词元`
	},

	trust: {
		check: '核对',
		pleaseCheck: '请核对',
		checkHint: (percent) => `请对照图片：模型对这几个字符有 ${percent}% 的把握。`,
		doubtHint: (percent) => `请务必对照图片：模型对这几个字符只有 ${percent}% 的把握。`
	},

	viewer: {
		label: '图片',
		pictureOf: (index, of) => `第 ${index} 张，共 ${of} 张`,
		zoomIn: '放大',
		zoomOut: '缩小',
		fit: '适应窗口',
		previous: '上一张',
		next: '下一张',
		help: '滚轮或 + - 键缩放，拖动或方向键移动，按 0 适应窗口。',
		fold: '收起图片',
		unfold: '查看图片',
		size: (width, height) => `${width} × ${height}`
	},

	panel: {
		title: '控制面板',
		open: '打开面板',
		close: '关闭面板',
		fresh: '新对话',
		cleared: '对话已清空。',
		undo: '撤销',
		rigour: '严谨度',
		rigourStrict: '一字不差',
		rigourFree: '自由表达',
		rigourHint: '越低越只取最有把握的字符；看标签和屏幕用 0.25 合适。',
		length: '长度',
		lengthValue: (n) => `最多 ${n} 词元`,
		lengthHint: '回答写到这里为止，256 约为一段话。',
		rounds: '记忆',
		roundsValue: (n) => (n === 0 ? '不带' : `最近 ${n} 轮`),
		roundsHint: '提问时一并带上的前文；图片始终保留。',
		standard: (value) => `标准值：${value}`,
		language: '语言',
		theme: '配色',
		themeAuto: '跟随系统',
		themeLight: '浅色',
		themeDark: '深色'
	},

	shortcuts: {
		title: '快捷键',
		open: '键盘快捷键',
		close: '关闭',
		send: '发送问题',
		newLine: '换行',
		stop: '停止回答',
		paste: '添加复制的图片',
		fresh: '新对话',
		question: '跳到提问框',
		help: '显示此列表'
	},

	problem: {
		pictureTooLarge: (have, limit) => `图片有 ${have} MB，超过 ${limit} MB，请换一张或压缩后再传。`,
		heic: '暂时读不了 iPhone 的 HEIC 图片。请导出为 JPEG，或在“设置 › 相机 › 格式”中选择“兼容性最佳”后重拍。',
		notAPicture: '这个文件不是可以读取的图片。请使用 JPEG、PNG、WebP、GIF 或 BMP。',
		pictureTooLargeUnknown: '图片太大，请换一张或压缩后再传。',
		broken: '这张图片已损坏或不完整。请用其他软件打开，另存后再试。',
		empty: '这个文件是空的，请换一个。',
		dimensions: (width, height) =>
			`图片有 ${width} × ${height} 像素，过大或过于细长，请截取要问的部分再传。`,
		pictureUnknown: '服务器上已没有这张图片，请重新添加。',
		picturesBusy: '正在处理的图片较多，请过几秒再试。',
		tooManyPictures: (limit) => `一个问题最多 ${limit} 张图片，请移除几张或开始新对话。`,
		signIn: '登录已失效，请刷新页面并重新输入密钥。',
		tooFast: (seconds) =>
			seconds === undefined
				? '操作过于频繁，请稍后再试。'
				: `操作过于频繁，请 ${seconds} 秒后再试。`,
		queueFull: (seconds) =>
			seconds === undefined
				? '提问的人较多，请稍后再试。'
				: `提问的人较多，请 ${seconds} 秒后再试。`,
		notReady: '模型还在加载，等页面顶部显示“就绪”后再试。',
		modelFailed: (message) => `模型无法启动：${message}`,
		shuttingDown: '服务正在关闭，等它恢复后再试。',
		questionEmpty: '还没有可以回答的内容，请写下问题或添加图片。',
		textTooLong: (limit) => `文字超过 ${limit} 个字符，请精简。`,
		questionTooLong: '这段对话对模型来说太长了。请调小“记忆”、减少图片或开始新对话。',
		answerFailed: '回答时内部出错，原因见服务日志。请重试。',
		uploadBroken: '上传中断，请检查网络后重试。',
		away: '连接不上服务。请确认 lookdesk 正在运行；恢复后页面会自动继续。',
		unreachable: '连接不上服务。请确认 lookdesk 正在运行，然后重试。',
		cutShort: '回答到一半连接断了，请重试。',
		unexpected: (message) => `出了点问题：${message}`,
		samples: '样图没有加载出来。',
		request: (id) => `请求编号 ${id}`
	},

	toast: { close: '关闭提示' },

	standardRole:
		'你是售后支持助手。请只根据图片回答。看不清的就说看不清。不要编造。用提问的语言回答。'
};
