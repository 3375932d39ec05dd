//! Wide products over tiles at sizes that cut tasks, groups of panels and slices unevenly.

use formats::Tensor;
use half::bf16;
use ops::HostTensor;

use super::*;
use crate::backend::CpuOptions;
use crate::pack::expand_pairs;
use crate::pool::Pool;
use crate::tier::Tier;

fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn packed(kind: Kind, outputs: usize, inputs: usize, seed: u64) -> Packed {
    let values = noise(outputs * inputs, seed);
    let weight = Tensor::from_f32(&[outputs, inputs], &values);
    let pool = Pool::new(1).expect("threads");
    Packed::new(kind, &weight, Tier::best(), &pool)
}

const KINDS: [(Kind, Precision); 3] = [
    (Kind::Bf16, Precision::Bf16),
    (Kind::Q8, Precision::Q8),
    (Kind::Q4, Precision::Q4),
];

#[test]
fn pairs_of_a_panel_are_its_rows_rounded_to_bfloat16() {
    let (outputs, inputs) = (40, 300);
    for kind in [Kind::Q8, Kind::Q4] {
        let weight = packed(kind, outputs, inputs, 3);
        for tier in Tier::available() {
            for (from, count) in [(0, 320), (32, 64), (256, 32)] {
                for panel in 0..weight.panels() {
                    let mut pairs = vec![[0; PANEL]; count / 2];
                    expand_pairs(tier, &weight, panel, from, &mut pairs);
                    for lane in 0..PANEL.min(outputs - panel * PANEL) {
                        let mut row = vec![0.0; inputs];
                        weight.row(panel * PANEL + lane, &mut row);
                        // What is padding meets zeros.
                        let row = &row[from..inputs.min(from + count)];
                        for (input, expected) in row.iter().enumerate() {
                            let pair: [u32; PANEL] = pairs[input / 2];
                            let pair = pair[lane];
                            let found = f32::from_bits(pair >> (16 * (input % 2)) << 16);
                            assert!(
                                (found - expected).abs() <= expected.abs() / 256.0 + 1e-6,
                                "{kind:?} on {}: {found}, not {expected}",
                                tier.name()
                            );
                        }
                    }
                }
            }
        }
    }
}

/// `x weight^T` with both rounded to bfloat16, ties of weights away from zero, [rows, outputs].
fn plain(x: &HostTensor, weight: &Packed) -> Vec<f32> {
    let round = |value: &f32| f64::from(bf16::from_f32(*value).to_f32());
    let round_weight =
        |value: &f32| f64::from(f32::from_bits((value.to_bits() + 0x8000) >> 16 << 16));
    let mut out = vec![0.0; x.rows() * weight.outputs];
    let mut values = vec![0.0; weight.inputs];
    for output in 0..weight.outputs {
        weight.row(output, &mut values);
        for row in 0..x.rows() {
            let terms = x.row(row).iter().zip(&values);
            let sum: f64 = terms.map(|(x, w)| round(x) * round_weight(w)).sum();
            out[row * weight.outputs + output] = sum as f32;
        }
    }
    out
}

/// A gated product over emulated tiles and the plain one, at a size.
fn agrees(kind: Kind, precision: Precision, rows: usize, outputs: usize, inputs: usize) {
    let options = CpuOptions {
        tier: Tier::emulated_amx(),
        precision,
        threads: 1,
    };
    let cpu = Cpu::new(options).expect("threads");
    let mut x = HostTensor::zeros(rows, inputs);
    x.values_mut().copy_from_slice(&noise(rows * inputs, 5));
    let linear = |seed| CpuLinear {
        weight: packed(kind, outputs, inputs, seed),
        bias: None,
    };
    let (up, gate) = (linear(7), linear(9));
    let mut out = HostTensor::zeros(rows, outputs);
    let product = Product {
        gate: Some(&gate),
        ..Product::new(&up, &mut out, Then::Store)
    };
    assert_eq!(way(&cpu, kind, rows), Way::WideTiles);
    products(&cpu, &x, &[product]);
    let sums = plain(&x, &up.weight);
    let gates = plain(&x, &gate.weight);
    for (index, found) in out.values().iter().enumerate() {
        let expected = sums[index] * elementwise::silu(gates[index]);
        assert!(
            (found - expected).abs() <= 1e-4 * (1.0 + expected.abs()),
            "{kind:?} at {index}: {found}, not {expected}"
        );
    }
}

#[test]
fn tasks_of_several_groups_of_panels_leave_no_output_out() {
    for (kind, precision) in KINDS {
        agrees(kind, precision, 41, 600, 300);
    }
}

#[test]
fn tasks_that_cut_the_rows_leave_no_row_out() {
    agrees(Kind::Bf16, Precision::Bf16, 1100, 40, 33);
}

/// A gated product of int8 on a tier.
fn by_integers(tier: Tier, kind: Kind, rows: usize, outputs: usize, inputs: usize) -> Vec<f32> {
    let precision = if kind == Kind::Q8 {
        Precision::Q8
    } else {
        Precision::Q4
    };
    let options = CpuOptions {
        tier,
        precision,
        threads: 1,
    };
    let cpu = Cpu::new(options).expect("threads");
    let mut x = HostTensor::zeros(rows, inputs);
    x.values_mut().copy_from_slice(&noise(rows * inputs, 5));
    let linear = |seed| CpuLinear {
        weight: packed(kind, outputs, inputs, seed),
        bias: None,
    };
    let (up, gate) = (linear(7), linear(9));
    let mut out = HostTensor::zeros(rows, outputs);
    let product = Product {
        gate: Some(&gate),
        ..Product::new(&up, &mut out, Then::Store)
    };
    assert_eq!(way(&cpu, kind, rows), Way::WideInts);
    products(&cpu, &x, &[product]);
    out.values().to_vec()
}

#[test]
fn bytes_and_words_of_16_bits_give_the_same_products() {
    for kind in [Kind::Q8, Kind::Q4] {
        for (rows, outputs, inputs) in [(9, 70, 300), (41, 200, 520), (400, 40, 256)] {
            let on = |tier| by_integers(tier, kind, rows, outputs, inputs);
            let tiers: Vec<_> = Tier::available()
                .into_iter()
                .filter(|tier| wide::integers(*tier).is_some() && !amx::multiplies_tiles(*tier))
                .collect();
            let Some((first, others)) = tiers.split_first() else {
                return;
            };
            let expected = on(*first);
            for tier in others {
                let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + a.abs());
                assert!(
                    expected.iter().zip(&on(*tier)).all(close),
                    "{kind:?} [{rows}, {inputs}] to {outputs}: {} and {} differ",
                    first.name(),
                    tier.name()
                );
            }
        }
    }
}
