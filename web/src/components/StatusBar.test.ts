import { render, screen } from '@testing-library/svelte';
import { createRawSnippet } from 'svelte';
import { describe, expect, it } from 'vitest';
import type { Status } from '../api/types';
import { Health } from '../state/health.svelte';
import StatusBar from './StatusBar.svelte';

const status: Status = {
	version: '0.1.0',
	state: { kind: 'ready' },
	model: { name: 'Qwen3-VL-4B', demo: false, precision: 'q4', parameters: 4e9 },
	device: { name: 'CPU', threads: 2, tier: 'avx2' },
	memory: { used_bytes: 4.4e9, total_bytes: 25.8e9 },
	queue: { running: 0, waiting: 0 },
	readings: { cpu_percent: 0, process_memory_bytes: 1, gpus: [] },
	records: { kept: true, import_bytes: 1 },
	limits: {
		picture_bytes: 1,
		pictures_per_question: 8,
		picture_types: [],
		image_tokens: 1,
		max_tokens: 1,
		context_tokens: 1
	},
	defaults: { temperature: 0.25, top_p: 0.8, top_k: 20, max_tokens: 256, rounds: 5 }
};

function shown(changes: Partial<Status>, isReachable = true) {
	const health = new Health();
	health.status = { ...status, ...changes };
	health.isReachable = isReachable;
	const children = createRawSnippet(() => ({ render: () => '<span></span>' }));
	render(StatusBar, { health, children });
	return screen.getByRole('status');
}

describe('the status line', () => {
	it('says who answers, on what, and how full the machine is', () => {
		expect(shown({})).toHaveTextContent('ready');
		expect(screen.getByText('Qwen3-VL-4B')).toBeInTheDocument();
		expect(screen.getByText(/2 threads/)).toBeInTheDocument();
		expect(screen.getByText(/4.1 of 24.0 GB/)).toBeInTheDocument();
	});

	it('names a GPU, and no threads where only it computes', () => {
		shown({ device: { name: 'NVIDIA RTX 4090', threads: 0, tier: 'compute 8.9' } });
		expect(screen.getByText('NVIDIA RTX 4090')).toBeInTheDocument();
		expect(screen.queryByText(/threads/)).toBeNull();
	});

	it('names the processor beside a GPU, with its threads', () => {
		shown({ device: { name: 'NVIDIA RTX 4090 + EPYC', threads: 8, tier: 'compute 8.9' } });
		expect(screen.getByText('NVIDIA RTX 4090 + EPYC · 8 threads')).toBeInTheDocument();
	});

	it('shows how far the model is loaded', () => {
		const said = shown({ state: { kind: 'loading', percent: 42, what: 'weights' } });
		expect(screen.getByText('loading 42%')).toBeInTheDocument();
		expect(said).toHaveTextContent(/^loading the model$/);
		expect(screen.getByRole('progressbar', { name: 'Loading: weights' })).toHaveValue(42);
	});

	it('shows who is waiting', () => {
		const said = shown({ queue: { running: 1, waiting: 3 } });
		expect(screen.getByText('busy')).toBeInTheDocument();
		// Other people's questions are no news to whoever listens.
		expect(said).toHaveTextContent(/^ready$/);
		expect(screen.getByText('3 waiting')).toBeInTheDocument();
	});

	it('shows no old figures when the desk is gone', () => {
		expect(shown({}, false)).toHaveTextContent('no connection');
		expect(screen.queryByText('Qwen3-VL-4B')).toBeNull();
	});

	it('shows how busy and how warm the machine is, without saying it aloud each second', () => {
		const said = shown({
			readings: {
				cpu_percent: 61.4,
				cpu_temperature_c: 54,
				process_memory_bytes: 4e9,
				gpus: []
			}
		});
		expect(screen.getByText('61%')).toBeInTheDocument();
		expect(screen.getByText('54 °C')).toBeInTheDocument();
		expect(said).toHaveTextContent(/^ready$/);
		expect(document.querySelectorAll('[aria-live], [role=status], [role=alert]')).toHaveLength(1);
	});

	it('shows each GPU, and nothing that a sensor does not tell', () => {
		const gpu = {
			name: 'NVIDIA H200',
			memory_used_bytes: 44 * 2 ** 30,
			memory_total_bytes: 140 * 2 ** 30,
			temperature_c: null,
			utilization_percent: 87
		};
		shown({
			readings: {
				cpu_percent: 3,
				cpu_temperature_c: null,
				process_memory_bytes: 1,
				gpus: [gpu, { ...gpu, utilization_percent: null }]
			}
		});
		expect(screen.getByText('GPU 1')).toBeInTheDocument();
		expect(screen.getByText('GPU 2')).toBeInTheDocument();
		expect(screen.getByText('87%')).toBeInTheDocument();
		expect(screen.getAllByText('44.0 of 140.0 GB')).toHaveLength(2);
		expect(screen.queryByText(/°C/)).toBeNull();
	});
});
