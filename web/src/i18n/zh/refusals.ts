import type { Messages } from '../en';

export const refusals: Messages['refusals'] = {
	mismatch: '页面与服务不匹配，服务可能已更新。请刷新页面后再试。',
	proxy: (status) =>
		`页面与服务之间的某个环节返回了 HTTP ${status}。请重试，若仍出现请告诉管理员。`,
	fault: '页面出了点问题，请刷新后再试。',
	notOffered: '当前的模型服务不支持截取图片，无法放大再看。',
	binned: '这个对话在回收站里，请先在“记录”页面恢复，再提问。',
	roundUnknown: '这个问题已被别人更改或删除，页面已更新为最新内容。',
	answerUnknown: '这个回答已不在这里，请刷新页面。',
	bodyTooLarge: (limit) =>
		limit === undefined
			? '一次发送的内容太多，请精简文字。'
			: `一次发送的内容超过 ${limit}，请精简文字。`,
	host: (name) =>
		name === undefined
			? '服务不接受这个地址，请向管理员询问正确的地址。'
			: `服务不接受 ${name} 这个名称。请使用平时的网址，或请管理员启动时加上 --allow-host ${name}。`,
	origin: '有其他网站的页面试图使用这里。请打开 Lookdesk 自己的页面。',
	tooManyAtOnce: (limit) =>
		limit === undefined
			? '您同时提的问题太多，请等一个答完再试。'
			: `您最多可以同时提 ${limit} 个问题，请等一个答完再试。`,
	shareFull: (held, seconds) =>
		`您已有${held === undefined ? '不少' : ` ${held} 个`}问题正在回答或排队，余下的位置留给其他人，请${seconds === undefined ? '稍后' : ` ${seconds} 秒后`}再试。`,
	timedOut: '还没开始作答就超时了，请稍后再问。',
	recordsBusy: (seconds) =>
		seconds === undefined
			? '记录正忙或连接不上，没有保存任何内容，请稍后再试。'
			: `记录正忙或连接不上，没有保存任何内容，请 ${seconds} 秒后再试。`,

	between: (name, least, most) => `“${name}”须在 ${least} 到 ${most} 之间。`,
	aboveAtMost: (name, least, most) => `“${name}”须大于 ${least}，最大 ${most}。`,
	atMostCharacters: (name, most) => `“${name}”最多 ${most} 个字符。`,
	characters: (name, least, most) => `“${name}”须有 ${least} 到 ${most} 个字符。`,
	atLeast: (name, least) => `“${name}”最小 ${least}。`,
	fewer: (name, most) => `“${name}”最多 ${most}，请先删除一个。`,
	notEmpty: (name) => `“${name}”不能为空。`,
	otherwise: (name) => `“${name}”的值不能使用，请修改。`,
	names: {
		question: '问题',
		role: '角色',
		roles: '角色预设',
		name: '名称',
		text: '内容',
		title: '标题',
		customer: '客户',
		correction: '纠正',
		query: '搜索',
		was: '字符',
		about: '字符',
		rounds: '轮次',
		remember: '记忆',
		temperature: '严谨度',
		max_tokens: '长度',
		image_tokens: '图片细节'
	}
};
