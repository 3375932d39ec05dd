//! From `[outputs, inputs]` of a checkpoint to panels.

use formats::{Dtype, Tensor};
use half::{bf16, f16};

use super::fit::fit;
use super::{GROUP, Kind, PANEL, Q4_BLOCK, Q4_GROUP, Q4_META, UNIT};
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

/// Adding and subtracting it rounds to an integer.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for chunk in values.as_chunks::<16>().0 {
        for lane in 0..16 {
            let size = chunk[lane].abs();
            lanes[lane] = if size > lanes[lane] {
                size
            } else {
                lanes[lane]
            };
        }
    }
    lanes.into_iter().fold(0.0, f32::max)
}

#[inline(always)]
fn q8(row: &[f32], lane: usize, panel: &mut [u8]) {
    let (weights, scales) = panel.split_at_mut(row.len() * PANEL);
    let quads: &mut [[[u8; 4]; PANEL]] = bytemuck::cast_slice_mut(weights);
    let scales: &mut [[f16; PANEL]] = bytemuck::cast_slice_mut(scales);
    for (group, values) in row.as_chunks::<GROUP>().0.iter().enumerate() {
        let stored = f16::from_f32(largest(values) / 127.0 / UNIT);
        scales[group][lane] = stored;
        let scale = stored.to_f32() * UNIT;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let mut bytes = [0_u8; GROUP];
        for (to, value) in bytes.iter_mut().zip(values) {
            let rounded = (value * inverse + ROUND) - ROUND;
            *to = (rounded.clamp(-127.0, 127.0) + 128.0) as u8;
        }
        let quads = &mut quads[group * GROUP / 4..];
        for (to, quad) in quads.iter_mut().zip(bytes.as_chunks::<4>().0) {
            to[lane] = *quad;
        }
    }
}

#[inline(always)]
fn q4(row: &[f32], lane: usize, panel: &mut [u8]) {
    let (weights, meta) = panel.split_at_mut(row.len() * PANEL / 2);
    let quads: &mut [[[u8; 4]; PANEL]] = bytemuck::cast_slice_mut(weights);
    let blocks = meta.chunks_exact_mut(Q4_META);
    for ((values, meta), quads) in row
        .as_chunks::<Q4_BLOCK>()
        .0
        .iter()
        .zip(blocks)
        .zip(quads.chunks_exact_mut(Q4_BLOCK / 8))
    {
        const GROUPS: usize = Q4_BLOCK / Q4_GROUP;
        let groups = values.as_chunks::<Q4_GROUP>().0;
        let mut fits = [(0.0, 0.0); GROUPS];
        for (to, group) in fits.iter_mut().zip(groups) {
            *to = fit(group);
        }
        let (d, inverse_d) = stored(fits.iter().fold(0.0, |largest, f| f.0.max(largest)));
        let (dm, inverse_dm) = stored(fits.iter().fold(0.0, |largest, f| f.1.max(largest)));
        let (s, rest) = meta.split_at_mut(GROUPS * PANEL);
        let (m, rest) = rest.split_at_mut(GROUPS * PANEL);
        let halves: &mut [[f16; PANEL]] = bytemuck::cast_slice_mut(rest);
        (halves[0][lane], halves[1][lane]) = (d, dm);
        let (d, dm) = (d.to_f32() * UNIT, dm.to_f32() * UNIT);
        for (index, (group, (scale, least))) in groups.iter().zip(fits).enumerate() {
            let scale = (scale * inverse_d).round().clamp(0.0, 255.0);
            let least = (least * inverse_dm).round().clamp(0.0, 255.0);
            s[index * PANEL + lane] = scale as u8;
            m[index * PANEL + lane] = least as u8;
            let (scale, least) = (scale * d, least * dm);
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let mut halves = [0_u8; Q4_GROUP];
            for (to, value) in halves.iter_mut().zip(group) {
                let rounded = ((value + least) * inverse + ROUND) - ROUND;
                *to = rounded.clamp(0.0, 15.0) as u8;
            }
            let quads = &mut quads[index * Q4_GROUP / 8..];
            for (to, both) in quads.iter_mut().zip(halves.as_chunks::<8>().0) {
                for i in 0..4 {
                    to[lane][i] = both[i] | both[i + 4] << 4;
                }
            }
        }
    }
}

/// The scale of byte-sized multiples of which the largest is `largest`, as stored, and its inverse.
#[inline(always)]
fn stored(largest: f32) -> (f16, f32) {
    let stored = f16::from_f32(largest / 255.0 / UNIT);
    let scale = stored.to_f32() * UNIT;
    (stored, if scale > 0.0 { 1.0 / scale } else { 0.0 })
}
