//! From `[outputs, inputs]` of a checkpoint to panels.

use formats::{Dtype, Tensor};
use half::{bf16, f16};

use super::blocks::{Q4, Q8};
use super::{GROUP, Kind, PANEL, Q4_BLOCK, Q4_GROUP};
use crate::kernel::{Work, vectorise};
use crate::pool::Pool;
use crate::tier::Tier;

/// Rows of a checkpoint's weight, as stored.
enum Source<'a> {
    Bf16(&'a [bf16]),
    F32(&'a [f32]),
    Widened(Vec<f32>),
}

impl<'a> Source<'a> {
    fn of(weight: &'a Tensor) -> Self {
        match weight.dtype() {
            Dtype::Bf16 => weight.as_bf16().map(Self::Bf16),
            Dtype::F32 => weight.as_f32().map(Self::F32),
            _ => None,
        }
        .unwrap_or_else(|| Self::Widened(weight.to_f32()))
    }

    fn row(&self, index: usize, inputs: usize, to: &mut [f32]) {
        let at = index * inputs..(index + 1) * inputs;
        match self {
            Self::Bf16(values) => to
                .iter_mut()
                .zip(&values[at])
                .for_each(|(to, value)| *to = f32::from_bits(u32::from(value.to_bits()) << 16)),
            Self::F32(values) => to[..inputs].copy_from_slice(&values[at]),
            Self::Widened(values) => to[..inputs].copy_from_slice(&values[at]),
        }
    }
}

/// Fills `bytes`, which are zero, with all panels of `weight`.
pub(super) fn fill(kind: Kind, weight: &Tensor, bytes: &mut [u8], tier: Tier, pool: &Pool) {
    let [outputs, inputs] = *weight.shape() else {
        panic!("a linear weight has two axes")
    };
    if outputs == 0 || inputs == 0 {
        return;
    }
    let source = Source::of(weight);
    let panel_bytes = kind.panel_bytes(inputs);
    let depth = kind.depth(inputs);
    pool.run_chunks(bytes, panel_bytes, |index, panel| {
        let mut row = vec![0.0; depth];
        for lane in 0..PANEL.min(outputs - index * PANEL) {
            source.row(index * PANEL + lane, inputs, &mut row);
            vectorise(
                tier,
                Lane {
                    kind,
                    row: &row,
                    lane,
                    panel,
                },
            );
        }
    });
}

/// One output into its lane of a panel.
struct Lane<'a> {
    kind: Kind,
    /// `[depth]`
    row: &'a [f32],
    lane: usize,
    panel: &'a mut [u8],
}

impl Work for Lane<'_> {
    #[inline(always)]
    fn run(self) {
        let Self {
            kind,
            row,
            lane,
            panel,
        } = self;
        match kind {
            Kind::F32 => {
                let panel: &mut [[f32; PANEL]] = bytemuck::cast_slice_mut(panel);
                panel.iter_mut().zip(row).for_each(|(to, v)| to[lane] = *v);
            }
            Kind::Bf16 => {
                let panel: &mut [[[bf16; 2]; PANEL]] = bytemuck::cast_slice_mut(panel);
                for (to, pair) in panel.iter_mut().zip(row.as_chunks::<2>().0) {
                    to[lane] = pair.map(bf16::from_f32);
                }
            }
            Kind::Q8 => q8(row, lane, panel),
            Kind::Q4 => q4(row, lane, panel),
        }
    }
}

#[inline(always)]
fn q8(row: &[f32], lane: usize, panel: &mut [u8]) {
    for (group, values) in row.as_chunks::<GROUP>().0.iter().enumerate() {
        let (scale, bytes) = quant::eight(values);
        let from = group * GROUP;
        let scales: &mut [f16] =
            bytemuck::cast_slice_mut(&mut panel[Q8::scales_at(from)..][..2 * PANEL]);
        scales[lane] = scale;
        let quads = &mut panel[Q8::quads_at(from)..][..GROUP * PANEL];
        let quads: &mut [[[u8; 4]; PANEL]] = bytemuck::cast_slice_mut(quads);
        for (to, quad) in quads.iter_mut().zip(bytes.as_chunks::<4>().0) {
            to[lane] = *quad;
        }
    }
}

#[inline(always)]
fn q4(row: &[f32], lane: usize, panel: &mut [u8]) {
    let blocks: &mut [Q4] = bytemuck::cast_slice_mut(panel);
    for (values, block) in row.as_chunks::<Q4_BLOCK>().0.iter().zip(blocks) {
        let four = quant::four(values);
        (block.unit[lane], block.least_unit[lane]) = (four.unit, four.least_unit);
        for (index, steps) in four.steps.iter().enumerate() {
            block.scales[index][lane] = four.scales[index];
            block.leasts[index][lane] = four.leasts[index];
            let quads = &mut block.quads[index * Q4_GROUP / 8..];
            for (to, both) in quads.iter_mut().zip(steps.as_chunks::<8>().0) {
                for i in 0..4 {
                    to[lane][i] = both[i] | both[i + 4] << 4;
                }
            }
        }
    }
}
