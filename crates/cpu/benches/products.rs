//! Products and attention at the shapes of Qwen3-VL-4B, one thread, in the processor's own time (so that other
//! load on the machine counts less): `cargo bench -p cpu [-- FILTER]`. `stream`: weights that no cache holds.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Duration;

use cpu::{Cpu, CpuOptions, Precision, Tier};
use formats::Tensor;
use half::bf16;
use ops::backend::{Backend, LinearWeight, Sensitivity};

/// Time this thread has spent on a processor.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// The least time of several runs, in seconds. The system counts in ticks, so one run is many.
fn best(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    run();
    let started = std::time::Instant::now();
    run();
    let once = started.elapsed().as_secs_f64();
    let count = (0.1 / once).ceil() as usize;
    for _ in 0..5 {
        let before = spent();
        (0..count).for_each(|_| run());
        best = best.min((spent() - before).as_secs_f64() / count as f64);
    }
    best
}

fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn main() {
    let filter = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with("--"));
    let wanted = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    for tier in Tier::available() {
        for precision in [
            Precision::F32,
            Precision::Bf16,
            Precision::Q8,
            Precision::Q4,
        ] {
            let options = CpuOptions {
                tier,
                precision,
                threads: 1,
            };
            let cpu = Cpu::new(options).expect("threads");
            let about = format!("{} {precision:?}", tier.name());
            streams(&cpu, precision, &about, &wanted);
            products(&cpu, &about, &wanted);
            attention(&cpu, &about, &wanted);
        }
    }
}

/// Weights after weights, as a word is written.
fn streams(cpu: &Cpu, precision: Precision, about: &str, wanted: &dyn Fn(&str) -> bool) {
    const WEIGHTS: usize = 16;
    let (outputs, inputs) = (9728, 2560);
    let name = |rows: usize| format!("{about} stream {rows} rows");
    let counts = [1, 2, 4, 8];
    if !counts.iter().any(|rows| wanted(&name(*rows))) {
        return;
    }
    let values: Vec<bf16> = noise(outputs * inputs)
        .into_iter()
        .map(bf16::from_f32)
        .collect();
    let weight = Tensor::from_bf16(&[outputs, inputs], &values);
    let linear = || {
        cpu.linear(&LinearWeight {
            name: "weight",
            weight: &weight,
            bias: None,
            sensitivity: Sensitivity::Ordinary,
        })
    };
    let weights: Vec<_> = (0..WEIGHTS).map(|_| linear().expect("room")).collect();
    let bits = precision.bits_per_weight(Sensitivity::Ordinary);
    let bytes = (outputs * inputs) as f64 * bits / 8.0;
    for rows in counts.into_iter().filter(|rows| wanted(&name(*rows))) {
        let mut x = cpu.tensor(rows, inputs).expect("room");
        cpu.upload(&mut x, &noise(rows * inputs));
        let mut out = cpu.tensor(rows, outputs).expect("room");
        let time = best(|| {
            for weight in &weights {
                cpu.matmul(&x, weight, &mut out);
            }
        });
        let speed = bytes * WEIGHTS as f64 / time / 1e9;
        println!("{}: {speed:.1} GB/s", name(rows));
    }
}

fn products(cpu: &Cpu, about: &str, wanted: &dyn Fn(&str) -> bool) {
    for (rows, outputs, inputs) in [
        (1, 4096, 2560),
        (4, 4096, 2560),
        (384, 1024, 2560),
        (384, 640, 9728),
    ] {
        let name = format!("{about} matmul {rows}x{inputs} to {outputs}");
        if !wanted(&name) {
            continue;
        }
        let values: Vec<bf16> = noise(outputs * inputs)
            .into_iter()
            .map(bf16::from_f32)
            .collect();
        let weight = Tensor::from_bf16(&[outputs, inputs], &values);
        let before = spent();
        let weight = cpu
            .linear(&LinearWeight {
                name: "weight",
                weight: &weight,
                bias: None,
                sensitivity: Sensitivity::Ordinary,
            })
            .expect("room");
        let packing = (spent() - before).as_secs_f64();
        let mut x = cpu.tensor(rows, inputs).expect("room");
        cpu.upload(&mut x, &noise(rows * inputs));
        let mut out = cpu.tensor(rows, outputs).expect("room");
        let time = best(|| cpu.matmul(&x, &weight, &mut out));
        let work = (rows * outputs * inputs) as f64;
        println!(
            "{name}: {:.3} ms, {:.1} G/s, {:.2} weights/ns; packing {:.2} ns/weight",
            time * 1e3,
            2.0 * work / time / 1e9,
            (outputs * inputs) as f64 / time / 1e9,
            packing * 1e9 / (outputs * inputs) as f64,
        );
    }
}

fn attention(cpu: &Cpu, about: &str, wanted: &dyn Fn(&str) -> bool) {
    let name = format!("{about} attend_spans 3072x4x64");
    if !wanted(&name) {
        return;
    }
    let (rows, heads, head_dim) = (3072, 4, 64);
    let tensor = || {
        let mut tensor = cpu.tensor(rows, heads * head_dim).expect("room");
        cpu.upload(&mut tensor, &noise(rows * heads * head_dim));
        tensor
    };
    let (query, key, value, mut out) = (tensor(), tensor(), tensor(), tensor());
    let spans = cpu.indices(&[0, rows as u32]).expect("room");
    let time = best(|| cpu.attend_spans(&query, &key, &value, heads, &spans, &mut out));
    let work = (4 * rows * rows * heads * head_dim) as f64;
    println!("{name}: {:.1} ms, {:.1} G/s", time * 1e3, work / time / 1e9);
}
