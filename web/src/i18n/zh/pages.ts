/** 各页的名称和共用的词。 */
import type { Messages } from '../en';

export const pages: Messages['pages'] = {
	label: '页面',
	menu: 'Lookdesk：其他页面',
	desk: '工作台',
	insights: '洞察',
	records: '记录',
	skip: '跳到正文',
	opening: '正在打开页面',
	missing: '页面没有打开',
	missingWhy: '连接中断了，或者服务刚刚更新过。请重新加载。',
	reload: '重新加载',
	retry: '重试',
	cancel: '取消',
	close: '关闭'
};
