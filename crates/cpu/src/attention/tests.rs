use ops::backend::{Backend, KvShape};
use ops::host::HostTensor;
use ops::step::Sequence;

use crate::backend::{Cpu, CpuOptions, Precision};
use crate::tier::Tier;

/// A page that another sequence left keeps what it held; only what this sequence wrote may count.
#[test]
fn what_another_sequence_left_in_a_page_reaches_no_answer() {
    let shape = KvShape {
        layers: 1,
        pages: 1,
        page_tokens: 32,
        kv_heads: 1,
        head_dim: 72,
    };
    for tier in Tier::available().into_iter().chain([Tier::emulated_amx()]) {
        for tokens in [1, 4, 5, 17, 32] {
            let options = CpuOptions {
                tier,
                precision: Precision::Bf16,
                threads: 1,
            };
            let cpu = Cpu::new(options).expect("threads");
            let mut cache = cpu.kv_cache(shape).expect("room");
            let fill = |rows, value| {
                let mut tensor = HostTensor::zeros(rows, shape.head_dim);
                tensor.values_mut().fill(value);
                tensor
            };
            let none = fill(32, f32::NAN);
            cpu.kv_write(&mut cache, 0, &none, &none, &(0..32).collect());
            let ones = fill(tokens, 1.0);
            cpu.kv_write(&mut cache, 0, &ones, &ones, &(0..tokens as u32).collect());
            let sequence = Sequence {
                rows: 0..1,
                context: tokens - 1,
                pages: vec![0],
            };
            let mut out = fill(1, 0.0);
            cpu.attend_cached(&fill(1, 1.0), &cache, 0, &vec![sequence], &mut out);
            assert!(
                out.values().iter().all(|value| (value - 1.0).abs() < 0.01),
                "{} after {tokens} tokens: {:?}",
                tier.name(),
                out.values()
            );
        }
    }
}

/// Guessed words and single ones, in any mixture, have the same values.
#[test]
fn a_few_rows_attend_as_each_would_alone() {
    let shape = KvShape {
        layers: 1,
        pages: 2,
        page_tokens: 32,
        kv_heads: 1,
        head_dim: 64,
    };
    let noise = |rows: usize, columns: usize, phase: f32| {
        let mut tensor = HostTensor::zeros(rows, columns);
        let values = tensor.values_mut().iter_mut().enumerate();
        values.for_each(|(at, value)| *value = (at as f32 * 0.37 + phase).sin() * 2.0);
        tensor
    };
    let (context, few, heads) = (40, 8, 4);
    let (keys, values) = (noise(48, 64, 0.0), noise(48, 64, 1.0));
    let query = noise(few, heads * 64, 2.0);
    for tier in Tier::available().into_iter().chain([Tier::emulated_amx()]) {
        let cpu = Cpu::new(CpuOptions {
            tier,
            precision: Precision::Bf16,
            threads: 1,
        });
        let cpu = cpu.expect("threads");
        let mut cache = cpu.kv_cache(shape).expect("room");
        cpu.kv_write(&mut cache, 0, &keys, &values, &(0..48).collect());
        let attend = |query: &HostTensor, context: usize| {
            let sequence = Sequence {
                rows: 0..query.rows(),
                context,
                pages: vec![0, 1],
            };
            let mut out = HostTensor::zeros(query.rows(), heads * 64);
            cpu.attend_cached(query, &cache, 0, &vec![sequence], &mut out);
            out
        };
        let together = attend(&query, context);
        for row in 0..few {
            let mut one = HostTensor::zeros(1, heads * 64);
            one.values_mut().copy_from_slice(query.row(row));
            let alone = attend(&one, context + row);
            assert_eq!(alone.row(0), together.row(row), "{}, {row}", tier.name());
        }
    }
}

/// Softmax of `query keys^T`, times values, as it is defined.
fn defined(query: &[f32], keys: &HostTensor, values: &HostTensor) -> Vec<f64> {
    let scores: Vec<f64> = (0..keys.rows())
        .map(|row| {
            let products = query.iter().zip(keys.row(row));
            let product: f64 = products.map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
            product / (query.len() as f64).sqrt()
        })
        .collect();
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    (0..query.len())
        .map(|column| {
            let values = (0..values.rows()).map(|row| f64::from(values.row(row)[column]));
            let weighed = weights.iter().zip(values);
            weighed.map(|(weight, value)| weight * value).sum::<f64>() / total
        })
        .collect()
}

/// Words of 16 bits replace float32 where there are no pairs of bfloat16: they may be no worse than those pairs.
#[test]
fn attention_is_as_exact_in_words_as_in_pairs_also_beside_a_long_tail_and_far_values() {
    let (rows, head_dim) = (333, 72);
    let mut state = 7_u64;
    let mut noise = |size: f32| {
        let mut tensor = HostTensor::zeros(rows, head_dim);
        for value in tensor.values_mut() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *value = ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * size;
        }
        tensor
    };
    // Flat weights; a few that are much above hundreds of small ones; and one that is nearly all.
    for (size, bound) in [(0.3, 0.002), (2.0, 0.004), (6.0, 0.01)] {
        let (query, mut key, mut value) = (noise(size), noise(size), noise(1.0));
        // One key and one value far from the others, which thereby have fewer steps.
        key.values_mut()[5 * head_dim] *= 8.0;
        value.values_mut()[9 * head_dim + 3] = 12.0;
        let wanted: Vec<_> = (0..rows)
            .map(|row| defined(query.row(row), &key, &value))
            .collect();
        for tier in Tier::available() {
            let cpu = Cpu::new(CpuOptions {
                tier,
                precision: Precision::Bf16,
                threads: 1,
            });
            let cpu = cpu.expect("threads");
            let mut out = HostTensor::zeros(rows, head_dim);
            let spans = cpu.indices(&[0, rows as u32]).expect("room");
            cpu.attend_spans(&query, &key, &value, 1, &spans, &mut out);
            let (mut error, mut whole) = (0.0, 0.0);
            for (row, wanted) in wanted.iter().enumerate() {
                for (found, wanted) in out.row(row).iter().zip(wanted) {
                    error += (f64::from(*found) - wanted).powi(2);
                    whole += wanted.powi(2);
                }
            }
            let relative = (error / whole).sqrt();
            assert!(relative < bound, "{} at {size}: {relative}", tier.name());
        }
    }
}
