/** 设备的实时读数。 */
import type { Messages } from '../en';

export const live: Messages['live'] = {
	details: '设备详情',
	memory: '内存',
	cpuUse: 'CPU 使用率',
	percent: (n) => `${n}%`,
	temperature: '温度',
	degrees: (n) => `${n} °C`,
	utilization: '使用率',
	machineMemory: '本机内存',
	processMemory: 'Lookdesk 占用',
	gigabytes: (n) => `${n} GB`,
	unknown: '未提供',
	threads: '线程',
	kernels: '指令集',
	precision: '精度',
	version: '版本',
	running: '正在回答',
	waiting: '排队',
	people: (n) => `${n} 人`
};
