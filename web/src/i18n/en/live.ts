/** The live readings of the machine. Numbers come ready to read. */
export const live = {
	details: 'The machine in detail',
	memory: 'Memory',
	cpuUse: 'CPU in use',
	percent: (n: string) => `${n}%`,
	temperature: 'Temperature',
	degrees: (n: string) => `${n} °C`,
	utilization: 'In use',
	machineMemory: 'Memory of the machine',
	processMemory: 'Used by Lookdesk',
	gigabytes: (n: string) => `${n} GB`,
	unknown: 'unknown',
	threads: 'Threads',
	kernels: 'Kernels',
	precision: 'Precision',
	version: 'Lookdesk',
	running: 'Being answered',
	waiting: 'Waiting',
	people: (n: string) => n
};
