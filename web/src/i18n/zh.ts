/** Every word of the page, in Chinese. */
import type { Messages } from './en';
import { insights } from './zh/insights';
import { live } from './zh/live';
import { pages } from './zh/pages';
import { records } from './zh/records';
import { refusals } from './zh/refusals';
import { roles } from './zh/roles';

export const zh: Messages = {
	insights,
	live,
	pages,
	records,
	refusals,
	roles,

	skipToQuestion: '跳到提问框',

	status: {
		label: '运行状态',
		ready: '就绪',
		busy: '回答中',
		loading: (percent) => `加载中 ${percent}%`,
		loadingShort: '正在加载模型',
		loadingWhat: (what) => `正在加载：${what}`,
		failed: '无法回答',
		unreachable: '连接不上',
		connecting: '连接中',
		model: '模型',
		device: '设备',
		threads: (n) => `${n} 线程`,
		memory: 'Lookdesk 占用内存',
		memoryUsed: (used, total) => `${used} / ${total} GB`,
		waiting: '排队',
		waitingCount: (n) => `排队 ${n}`
	},

	demo: {
		badge: '演示',
		title: '现在回答的是演示模型。',
		reads: '只认得清晰的小标签和面板：型号、容量、日期、错误码、指示灯；也不会指出位置。',
		start:
			'要看真实图片，请在运行本工作台的机器上下载 Qwen3-VL（8.9 GB，运行时占 4 到 6 GB 内存），再用它启动：',
		fetch: 'modelscope download --model Qwen/Qwen3-VL-4B-Instruct --local_dir qwen3-vl-4b',
		copy: (command) => `复制命令：${command}`,
		copied: '已复制',
		hide: '收起说明',
		show: '关于演示模型'
	},

	welcome: {
		title: '图里是什么？',
		nowAsk: '在下方写下您的问题。',
		sentence: '拖入、粘贴或拍一张图片，然后提问。图片不会离开这台机器。',
		nextPicture: '添加下一张图片，然后提问。',
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
		answering: '正在回答，可以先写下一个问题；Esc 停止。',
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
		several: (name, n) => `${name} 等 ${n} 个文件：`,
		removed: '图片已移除。'
	},

	conversation: {
		label: '对话',
		you: '您',
		desk: '回答',
		said: (answer) => `回答：${answer}`,
		showPicture: (index) => `放大查看第 ${index} 张图片`,
		copy: '复制',
		copied: '已复制',
		again: '重新回答',
		retry: '重试',
		version: (shown, of) => `第 ${shown} 个回答，共 ${of} 个`,
		previousVersion: '上一个回答',
		nextVersion: '下一个回答',
		toEnd: '跳到最新内容',
		interrupted: '回答到这里时服务中断了，已有的内容都保留着。',
		left: '回答到这里时页面已关闭或网络中断，已有的内容都保留着。',
		endUnkept: '回答在这里中断，最后几个字没有保存下来，只在这个页面上还看得到。',
		elsewhere: '正在另一个屏幕上回答…',
		earlier: (n) => `显示更早的 ${n} 轮`,
		droppedRounds: (n) => `对话较长，最早的 ${n} 轮这次没有发给模型。`,
		droppedPictures: (which) => `对话里的图片较多，第 ${which} 张这次没有发给模型。`
	},

	progress: {
		begun: '正在准备回答。',
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
		length: '到了长度上限，后面没有写完。可在设置里调大“长度”。',
		repetition: '开始重复，已自动停下。',
		cancelled: '回答在这里被手动停止。',
		timed_out: '回答超时，已写出的内容会保留。',
		empty: '模型没有给出内容，请换个问法。',
		details: '时间用在哪里',
		timings: (image, vision, prefill, decode) =>
			`准备 ${image} 秒，看图 ${vision} 秒，理解 ${prefill} 秒，书写 ${decode} 秒`,
		usage: (prompt, cached, answer) =>
			`读入 ${prompt} 词元（其中 ${cached} 个沿用缓存），写出 ${answer} 词元`,
		written: (seconds) => `书写 ${seconds} 秒`,
		seen: (prompt, answer) => `读入 ${prompt} 词元，已写出 ${answer} 词元`
	},

	marks: {
		check: '核对',
		pleaseCheck: '请核对',
		sure: (percent) => `模型对这几个字符有 ${percent}% 的把握。`,
		unsure: (percent) => `模型对这几个字符只有 ${percent}% 的把握。`,
		copied: '（请核对）',
		copiedOr: (text) => `（请核对，或为 ${text}）`,
		compare: '请对照图片核对。',
		about: (text) => `关于 ${text}`
	},

	closer: {
		look: '放大再看',
		again: '再看一次',
		lookOn: (index) => `在第 ${index} 张图片上放大再看`,
		byHand: '自己框出位置',
		looking: '正在放大细看…',
		noPlace: '模型指不出它在哪里，请在图片上框出来。',
		draw: (text) => `请在图片上框出“${text}”。`,
		drawKeys: '方向键移动，按住 Shift 调整大小，Enter 开始，Esc 放弃。',
		confirm: '看这里',
		cancel: '放弃',
		box: (left, top, right, bottom) => `方框：左 ${left}%，上 ${top}%，右 ${right}%，下 ${bottom}%`,
		title: '放大再看',
		crop: (text) => `重新辨认“${text}”的图片局部`,
		first: '第一次',
		second: '放大后',
		nothing: '辨认不出',
		agrees: '两次读数一致。',
		differs: '两次读数不一致，请以您看到的为准。',
		sure: (percent) => `把握 ${percent}%`,
		show: '在图片上查看',
		agreesShort: '两次一致',
		differsShort: (text) => `或为 ${text}？`,
		differsPlain: '读数不一致'
	},

	evidence: {
		where: '在哪里？',
		whereHint: '在图片上标出回答的依据',
		asking: '正在找位置…',
		none: '在图片上没有找到这个回答的依据，请自行核对。',
		noneDemo: '演示模型不会指出位置，真实模型可以。请自行核对。',
		label: '图片上的位置',
		one: (number, label) => `位置 ${number}：${label}`,
		onPicture: (number) => `第 ${number} 张图`
	},

	feedback: {
		up: '回答得好',
		down: '回答得不好',
		correct: '纠正',
		label: '正确的应该是什么？',
		placeholder: '写下正确的回答，或这个回答错在哪里…',
		save: '保存',
		cancel: '取消',
		was: '已纠正：'
	},

	list: {
		title: '对话',
		open: '对话与设置',
		close: '关闭',
		fresh: '新对话',
		search: '搜索…',
		searchLabel: '搜索对话',
		clearSearch: '清除搜索',
		pinned: '置顶',
		today: '今天',
		yesterday: '昨天',
		week: '本周',
		older: '更早',
		found: '搜索结果',
		none: '您的对话会保存在这里。',
		noHits: '没有找到，请减少或更换关键词。',
		noneLeft: '没有符合筛选条件的对话。',
		more: '正在加载更多…',
		loading: '正在加载…',
		untitled: '未命名',
		rename: '重命名',
		renameLabel: '新标题',
		pin: '置顶',
		unpin: '取消置顶',
		save: '导出为文件',
		remove: '删除',
		actions: (title) => `对“${title}”的操作`,
		deleted: '对话已移到回收站。',
		deletedMany: (n) => `${n} 个对话已移到回收站。`,
		interrupted: '已中断',
		answering: '回答中',
		retry: '重试',
		count: (n) => `${n} 个对话`,
		countMore: (n) => `${n} 个以上的对话`
	},

	filters: {
		label: '筛选条件',
		remove: (filter) => `去掉筛选条件“${filter}”`,
		customer: (name) => `客户：${name}`,
		pinned: '已置顶',
		notPinned: '未置顶',
		from: (date) => `${date} 起`,
		to: (date) => `${date} 之前`,
		group: (label) => `同类问题：“${label}”`,
		anyGroup: '同一类问题',
		solvedIn: (rounds) => (rounds === 3 ? '三轮以上解决' : `第 ${rounds} 轮解决`),
		doubtful: '含存疑回答',
		doubtfulString: (text: string) => `“${text}”存疑`,
		certain: '不含存疑回答',
		unanswered: {
			cancelled: '含被停止的回答',
			left: '含提问者已离开的回答',
			interrupted: '含因工作台停止而中断的回答',
			failed: '含出错的回答'
		},
		up: '好评',
		down: '差评',
		hour: (hour) => `${hour} 点提问`,
		weekday: (name) => `${name}提问`
	},

	chain: {
		title: '标题',
		customer: '客户',
		customerPlaceholder: '客户、订单或工单',
		verdict: '处理结果',
		solved: '已解决',
		handedOver: '已转人工',
		wrong: '回答有误',
		another: '换一张图',
		anotherHint: '就另一张图片开始一个相连的对话',
		begun: '已开始新对话，并与上一个相连。',
		continues: '接续',
		continuedIn: '后续',
		earlier: '上一个对话',
		later: '下一个对话',
		clear: '清空',
		clearTitle: '清空这个对话？',
		clearWords: '对话和图片会移到回收站，24 小时后彻底删除。',
		keep: '保留',
		gone: '这个对话已不在这里，可能已被删除。',
		loading: '正在读取对话…'
	},

	edit: {
		edit: '修改后重新提问',
		label: '问题',
		ask: '重新提问',
		cancel: '取消',
		title: '重新提问？',
		confirm: (n) => `之后的 ${n} 轮会离开这个对话，但仍留在记录里。`,
		takeBack: '放回提问框'
	},

	settings: {
		title: '设置',
		rounds: (n) => `${n} 轮`
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
		undo: '撤销',
		rigour: '严谨度',
		rigourHint: '越低越一字不差；看标签用 0.25。',
		length: '长度',
		lengthValue: (n) => `最多 ${n} 词元`,
		lengthHint: '写到这里为止，256 约为一段话。',
		detail: '图片细节',
		detailValue: (n) => `最多 ${n} 词元`,
		detailHint: '越少越快；看小字请调到最高。',
		rounds: '记忆',
		roundsValue: (n) => (n === 0 ? '不带' : `最近 ${n} 轮`),
		roundsHint: '一并带上的前文；图片始终保留。',
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
		search: '搜索对话',
		question: '跳到提问框',
		help: '显示此列表'
	},

	problem: {
		pictureTooLarge: (have, limit) => `图片有 ${have} MB，超过 ${limit} MB，请换一张或压缩后再传。`,
		heic: '暂时读不了 iPhone 的 HEIC 图片。请导出为 JPEG，或在“设置 › 相机 › 格式”中选择“兼容性最佳”后重拍。',
		pdf: '这里读不了 PDF。请对要问的那一页截图，或导出为 PNG、JPEG 后再添加。',
		otherKind: (kind) => `这里读不了 ${kind} 文件。请打开图片，另存为 PNG 或 JPEG 后再添加。`,
		video: '这里读不了视频。请暂停在关键画面，截图后再添加。',
		conversationUnknown: '这个对话已不在这里，可能已被删除。',
		answerRunning: '这个对话里还有问题正在回答，请等它答完再问。',
		roundNotNewest: '有人已在这个对话里继续提问，页面已更新为最新内容。',
		recordsFull: '服务器磁盘已满，无法保存记录，请告诉管理员。',
		recordsFailed: '暂时读写不了记录，原因见服务日志。请重试。',
		notAPicture: '这个文件不是可以读取的图片。请使用 JPEG、PNG、WebP、GIF 或 BMP。',
		pictureTooLargeUnknown: '图片太大，请换一张或压缩后再传。',
		broken: '这张图片已损坏或不完整。请用其他软件打开，另存后再试。',
		pictureLost: '这张图片没能上传，已不在这里，请重新选择。',
		empty: '这个文件是空的，请换一个。',
		folder: '这个文件夹里没有图片。请换一个，或打开它选择文件。',
		dimensions: (width, height) =>
			`图片有 ${width} × ${height} 像素，过大或过于细长，请截取要问的部分再传。`,
		dimensionsUnknown: '图片过大或过于细长，请截取要问的部分再传。',
		tooThin: (width, height, limit) =>
			`图片有 ${width} × ${height} 像素，长宽相差超过 ${limit} 倍，请截取要问的部分再传。`,
		tooManyPixels: (width, height, limit) =>
			`图片有 ${width} × ${height} 像素，超过 ${limit < 100 ? `${limit * 100} 万` : `${limit / 100} 亿`}像素，请截取要问的部分或缩小后再传。`,
		pictureUnknown: '服务器上已没有这张图片，请重新添加。',
		picturesBusy: (seconds) =>
			`正在处理的图片较多，请${seconds === undefined ? '过几秒' : ` ${seconds} 秒后`}再试。`,
		tooManyPictures: (limit) =>
			limit === undefined
				? '一个问题的图片太多，请移除几张或开始新对话。'
				: `一个问题最多 ${limit} 张图片，请移除几张或开始新对话。`,
		signIn: '登录已失效，请刷新页面并重新输入密钥。',
		tooFast: (seconds) =>
			seconds === undefined
				? '操作过于频繁，请稍后再试。'
				: `操作过于频繁，请 ${seconds} 秒后再试。`,
		queueFull: (waiting, seconds) =>
			`${waiting === undefined ? '提问的人较多' : `已有 ${waiting} 个问题在排队`}，请${seconds === undefined ? '稍后' : ` ${seconds} 秒后`}再试。`,
		notReady: (percent) =>
			`模型还在加载${percent === undefined ? '' : `（${percent}%）`}，等页面顶部显示“就绪”后再试。`,
		modelFailed: (reason) =>
			`模型无法启动，请告诉管理员。${reason === undefined ? '' : `（技术原因：${reason}）`}`,
		shuttingDown: '服务正在关闭，等它恢复后再试。',
		questionEmpty: '还没有可以回答的内容，请写下问题或添加图片。',
		textTooLong: (have, limit) =>
			have === undefined || limit === undefined
				? '文字太长，请精简。'
				: `文字有 ${have} 个字符，超过 ${limit} 个，请精简。`,
		questionTooLong: (tokens, limit) =>
			`这段对话对模型来说太长了${tokens === undefined || limit === undefined ? '' : `（${tokens} 词元，最多 ${limit}）`}。请精简问题、调小“记忆”、减少图片或开始新对话。`,
		tooManyMessages: (have, limit) =>
			`这段对话的消息太多${have === undefined || limit === undefined ? '' : `（${have} 条，最多 ${limit} 条）`}。请调小“记忆”或开始新对话。`,
		answerFailed: '回答时内部出错，原因见服务日志。请重试。',
		uploadBroken: '上传中断，请检查网络后重试。',
		away: '连接不上服务。请确认 lookdesk 正在运行；恢复后页面会自动继续。',
		offline: '这台设备没有网络；恢复后页面会自动继续。',
		offlineNow: '这台设备没有网络，请在恢复后重试。',
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
