//! Weights in memory and matrix products over them.
//!
//! A weight stays as the checkpoint has it: `[out, in]`, row-major, bfloat16 or float32 in the mapped file.
//! Both operands of a product are then contiguous along the summed axis, which is what the kernels want.

use formats::{Dtype, Tensor};
use half::bf16;
use ops::HostTensor;
use rayon::prelude::*;

use crate::kernel::{self, Out, Rows};
use crate::tier::Tier;

/// A weight `[outputs, inputs]` and its bias.
pub struct CpuLinear {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    weight: Weight,
    bias: Option<Vec<f32>>,
}

enum Weight {
    /// Aligned, so that `as_bf16` holds.
    Bf16(Tensor),
    /// Aligned, so that `as_f32` holds.
    F32(Tensor),
}

const ALIGNED: &str = "aligned when it was taken";

impl CpuLinear {
    pub(crate) fn new(weight: &Tensor, bias: Option<&Tensor>) -> Self {
        let [outputs, inputs] = *weight.shape() else {
            panic!("a linear weight has two axes")
        };
        let values = match weight.dtype() {
            Dtype::Bf16 if weight.as_bf16().is_some() => Weight::Bf16(weight.clone()),
            Dtype::Bf16 => {
                let values: Vec<bf16> = weight.to_f32().into_iter().map(bf16::from_f32).collect();
                Weight::Bf16(Tensor::from_bf16(weight.shape(), &values))
            }
            Dtype::F32 if weight.as_f32().is_some() => Weight::F32(weight.clone()),
            _ => Weight::F32(Tensor::from_f32(weight.shape(), &weight.to_f32())),
        };
        Self {
            outputs,
            inputs,
            weight: values,
            bias: bias.map(Tensor::to_f32),
        }
    }

    /// Row `id` as float32: what an embedding is.
    pub(crate) fn embed(&self, id: usize, out: &mut [f32]) {
        let row = id * self.inputs..(id + 1) * self.inputs;
        match &self.weight {
            Weight::Bf16(tensor) => {
                let values = &tensor.as_bf16().expect(ALIGNED)[row];
                out.iter_mut()
                    .zip(values)
                    .for_each(|(out, value)| *out = value.to_f32());
            }
            Weight::F32(tensor) => out.copy_from_slice(&tensor.as_f32().expect(ALIGNED)[row]),
        }
    }
}

/// Fewest rows for which rounding the activations to bfloat16 pays; below, memory is the limit.
const ROUNDED_ROWS: usize = 4;
/// Outputs per task when many rows share a weight.
const WIDE_CHUNK: usize = 48;

/// `out = x w^T + bias`. `round`: activations may be rounded to bfloat16 where that is faster.
/// Runs on the current thread pool.
pub(crate) fn matmul(tier: Tier, round: bool, x: &HostTensor, w: &CpuLinear, out: &mut HostTensor) {
    assert_eq!(
        (x.columns(), out.columns()),
        (w.inputs, w.outputs),
        "shapes of a product"
    );
    assert_eq!(x.rows(), out.rows(), "rows of a product");
    let (rows, k, outputs) = (x.rows(), w.inputs, w.outputs);
    if let Some(bias) = &w.bias {
        out.values_mut()
            .chunks_exact_mut(outputs)
            .for_each(|row| row.copy_from_slice(bias));
    }
    let accumulate = w.bias.is_some();
    let left = Rows::new(x.values(), rows, k, k);
    let out = Out::new(out.values_mut(), rows, outputs, outputs);
    match &w.weight {
        Weight::F32(tensor) => {
            let right = Rows::new(tensor.as_f32().expect(ALIGNED), outputs, k, k);
            in_chunks(&out, rows, outputs, |from, count, part| {
                kernel::dots_f32(tier, left, right.slice(from, count), part, accumulate);
            });
        }
        Weight::Bf16(tensor) => {
            let right = Rows::new(tensor.as_bf16().expect(ALIGNED), outputs, k, k);
            if round && rows >= ROUNDED_ROWS && kernel::multiplies_bf16(tier) {
                let rounded = rounded(tier, x);
                let left = Rows::new(&rounded, rows, k, k);
                in_chunks(&out, rows, outputs, |from, count, part| {
                    kernel::dots_rounded(tier, left, right.slice(from, count), part, accumulate);
                });
            } else {
                in_chunks(&out, rows, outputs, |from, count, part| {
                    kernel::dots_bf16(tier, left, right.slice(from, count), part, accumulate);
                });
            }
        }
    }
}

fn rounded(tier: Tier, x: &HostTensor) -> Vec<bf16> {
    let mut values = vec![bf16::ZERO; x.values().len()];
    let piece = x.columns() * 16;
    values
        .par_chunks_mut(piece)
        .zip(x.values().par_chunks(piece))
        .for_each(|(to, from)| kernel::round_bf16(tier, from, to));
    values
}

/// Cuts the outputs into chunks and hands each, with its part of `out`, to a thread.
fn in_chunks(out: &Out, rows: usize, outputs: usize, work: impl Fn(usize, usize, &mut Out) + Sync) {
    let threads = rayon::current_num_threads();
    let chunk = match rows {
        0..8 => outputs.div_ceil(threads * 4).next_multiple_of(6).max(24),
        _ => WIDE_CHUNK,
    };
    let each = |index: usize| {
        let from = index * chunk;
        let count = chunk.min(outputs - from);
        // SAFETY: chunks do not overlap, and each index is worked on once.
        let mut part = unsafe { out.columns(from, count) };
        work(from, count, &mut part);
    };
    let chunks = outputs.div_ceil(chunk);
    if rows * outputs < 4096 {
        (0..chunks).for_each(each);
    } else {
        (0..chunks).into_par_iter().for_each(each);
    }
}
