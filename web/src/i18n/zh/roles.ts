/** 角色预设。 */
import type { Messages } from '../en';

export const roles: Messages['roles'] = {
	label: '角色',
	asSent: '每次提问前原样发给模型。',
	nothingSent: '这个预设是空的，不发送角色。',
	preview: '发送的角色原文',
	edit: '编辑预设',
	title: '角色预设',
	sentence: '全团队共用。选中哪个，每次提问就带上哪个的文字。',
	list: '预设',
	add: '新建预设',
	name: '名称',
	text: '内容',
	textHint: '模型是谁、该做什么、不该做什么。原样发送。',
	standard: '标准',
	standardHint: '随 Lookdesk 提供：可以改写，不能删除。',
	unsaved: '未保存',
	save: '保存',
	saved: '已保存',
	discard: '放弃修改',
	delete: '删除',
	ask: (name) => `为所有人删除“${name}”？`,
	keep: '保留',
	earlier: (name) => `上移${name}`,
	later: (name) => `下移${name}`,
	namePlaceholder: '例如：配件热线',
	nameMissing: '请给预设起个名称。',
	failed: '预设没有取到，先使用标准角色。',
	problem: {
		standard: '标准预设不能删除，可以改写它或选用别的。',
		nameTaken: '已有同名的预设，请换一个名称。',
		unknown: '这个预设已被别人删除。'
	}
};
