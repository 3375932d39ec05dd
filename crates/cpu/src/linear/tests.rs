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

/// `x weight^T` with `x` in int8, a scale per 128 inputs, and the weight as it is; and the sum of the sizes of its terms.
fn by_definition(x: &HostTensor, weight: &Packed) -> Vec<(f64, f64)> {
    let quantised = |group: &[f32]| -> Vec<f64> {
        let largest = group.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let scale = largest / 127.0;
        let steps = group.iter().map(|x| (x * (1.0 / scale)).round_ties_even());
        steps
            .map(|step| f64::from(step) * f64::from(scale))
            .collect()
    };
    let rows: Vec<Vec<f64>> = (0..x.rows())
        .map(|row| x.row(row).chunks(128).flat_map(quantised).collect())
        .collect();
    let mut values = vec![0.0; weight.inputs];
    let mut out = vec![(0.0, 0.0); x.rows() * weight.outputs];
    for output in 0..weight.outputs {
        weight.row(output, &mut values);
        for (row, x) in rows.iter().enumerate() {
            let terms = x.iter().zip(&values).map(|(x, w)| x * f64::from(*w));
            out[row * weight.outputs + output] = terms.fold((0.0, 0.0), |(sum, size), term| {
                (sum + term, size + term.abs())
            });
        }
    }
    out
}

#[test]
fn bytes_words_and_halves_multiply_as_defined() {
    let close = |found: &[f32], expected: &[(f64, f64)], within: f64| {
        let all = found.iter().zip(expected);
        all.into_iter()
            .all(|(found, (sum, size))| (f64::from(*found) - sum).abs() <= within * size)
    };
    let tiers = Tier::available().into_iter();
    for tier in tiers.filter(|tier| !amx::multiplies_tiles(*tier)) {
        for (kind, precision) in [(Kind::Q8, Precision::Q8), (Kind::Q4, Precision::Q4)] {
            for (rows, outputs, inputs) in [(9, 70, 300), (41, 200, 520), (400, 40, 256)] {
                let options = CpuOptions {
                    tier,
                    precision,
                    threads: 1,
                };
                let cpu = Cpu::new(options).expect("threads");
                let mut x = HostTensor::zeros(rows, inputs);
                x.values_mut().copy_from_slice(&noise(rows * inputs, 5));
                let weight = CpuLinear {
                    weight: packed(kind, outputs, inputs, 7),
                    bias: None,
                };
                let mut out = HostTensor::zeros(rows, outputs);
                let product = Product::new(&weight, &mut out, Then::Store);
                products(&cpu, &x, &[product]);
                let within = match way(&cpu, kind, rows) {
                    Way::WideWords | Way::WideHalves => 1e-6,
                    Way::WideBytes if kind == Kind::Q8 => 1e-6,
                    // Rounded to bytes on the way; or activations are not in int8.
                    _ => 3e-3,
                };
                assert!(
                    close(out.values(), &by_definition(&x, &weight.weight), within),
                    "{kind:?} [{rows}, {inputs}] to {outputs} on {}",
                    tier.name()
                );
            }
        }
    }
}
