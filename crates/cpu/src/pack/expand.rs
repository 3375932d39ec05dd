//! Parts of panels in the forms that many rows are multiplied with: what is unpacked once serves them all.

use half::f16;

use super::blocks::{Q4, Q8, Quad};
use super::{GROUP, Kind, PANEL, Packed, Q4_BLOCK, Q4_GROUP, UNIT};
use crate::kernel::wide::Steps;
use crate::kernel::{Work, vectorise};
use crate::tier::Tier;

/// s, m, d and dm of the q4 group of inputs that begins at `from`, as numbers: `w = half * scale - least`.
#[inline(always)]
fn group_of(blocks: &[Q4], from: usize) -> ([f32; PANEL], [f32; PANEL]) {
    let block = &blocks[from / Q4_BLOCK];
    let group = from % Q4_BLOCK / Q4_GROUP;
    let (s, m) = (&block.scales[group], &block.leasts[group]);
    let (mut scale, mut least) = ([0.0; PANEL], [0.0; PANEL]);
    for lane in 0..PANEL {
        scale[lane] = f32::from(s[lane]) * (block.unit[lane].to_f32() * UNIT);
        least[lane] = f32::from(m[lane]) * (block.least_unit[lane].to_f32() * UNIT);
    }
    (scale, least)
}

/// Calls `each(input, values of the panel's 16 outputs)` for the inputs `from..from + count` (of q4 and q8: whole
/// groups of 32).
#[inline(always)]
fn for_each_input(
    weight: &Packed,
    panel: usize,
    from: usize,
    count: usize,
    mut each: impl FnMut(usize, [f32; PANEL]),
) {
    let bytes = weight.panel(panel);
    match weight.kind {
        Kind::F32 => {
            let values: &[[f32; PANEL]] = bytemuck::cast_slice(bytes);
            for (index, values) in values[from..from + count].iter().enumerate() {
                each(index, *values);
            }
        }
        Kind::Bf16 => {
            let pairs: &[[u32; PANEL]] = bytemuck::cast_slice(bytes);
            for (index, pair) in pairs[from / 2..(from + count) / 2].iter().enumerate() {
                each(2 * index, pair.map(|pair| f32::from_bits(pair << 16)));
                each(
                    2 * index + 1,
                    pair.map(|pair| f32::from_bits(pair & 0xffff_0000)),
                );
            }
        }
        Kind::Q8 => {
            // In steps of 32 inputs, which share a scale.
            for group in (0..count).step_by(Q4_GROUP) {
                let scale = Q8::scales(bytes, from + group).map(|s| s.to_f32() * UNIT);
                let quads = Q8::quads(bytes, from + group, Q4_GROUP);
                for (index, quad) in quads.iter().enumerate() {
                    let words = quad.map(u32::from_le_bytes);
                    for i in 0..4 {
                        let mut values = [0.0; PANEL];
                        for lane in 0..PANEL {
                            let byte = (words[lane] >> (8 * i)) & 0xff;
                            values[lane] = (byte.cast_signed() - 128) as f32 * scale[lane];
                        }
                        each(group + 4 * index + i, values);
                    }
                }
            }
        }
        Kind::Q4 => {
            let blocks = Q4::of(bytes);
            for group in (0..count).step_by(Q4_GROUP) {
                let (scale, least) = group_of(blocks, from + group);
                let quads = Q4::group(blocks, from + group);
                for (index, quad) in quads.iter().enumerate() {
                    let words = quad.map(u32::from_le_bytes);
                    for i in 0..8 {
                        let mut values = [0.0; PANEL];
                        for lane in 0..PANEL {
                            let half = (words[lane] >> (8 * (i % 4) + 4 * (i / 4))) & 15;
                            values[lane] = half.cast_signed() as f32 * scale[lane] - least[lane];
                        }
                        each(group + 8 * index + i, values);
                    }
                }
            }
        }
    }
}

/// The inputs `from..from + count` of a panel as float32, `[count][16]`.
pub(crate) fn expand_f32(
    tier: Tier,
    weight: &Packed,
    panel: usize,
    from: usize,
    out: &mut [[f32; PANEL]],
) {
    struct Expand<'a>(&'a Packed, usize, usize, &'a mut [[f32; PANEL]]);
    impl Work for Expand<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(weight, panel, from, out) = self;
            for_each_input(weight, panel, from, out.len(), |index, values| {
                out[index] = values;
            });
        }
    }
    vectorise(tier, Expand(weight, panel, from, out));
}

/// The float16 scales of the q8 groups from input `from` on, as float32 in [`UNIT`]s.
pub(crate) fn scales_of(weight: &Packed, panel: usize, from: usize, out: &mut [[f32; PANEL]]) {
    let bytes = weight.panel(panel);
    for (index, to) in out.iter_mut().enumerate() {
        *to = Q8::scales(bytes, from + index * GROUP).map(f16::to_f32);
    }
}

/// q4 as bytes plus 128 with one scale (in [`UNIT`]s) per 128 inputs and output, as q8 has them. The rounding this
/// adds is a sixteenth of a step of q4. `out`: `[inputs / 4][16][4]`, `scales`: `[inputs / 128][16]`.
pub(crate) fn expand_bytes(
    tier: Tier,
    weight: &Packed,
    panel: usize,
    from: usize,
    out: &mut [Quad],
    scales: &mut [[f32; PANEL]],
) {
    struct Expand<'a> {
        blocks: &'a [Q4],
        from: usize,
        out: &'a mut [Quad],
        scales: &'a mut [[f32; PANEL]],
    }
    impl Work for Expand<'_> {
        #[inline(always)]
        fn run(self) {
            let Self {
                blocks,
                from,
                out,
                scales,
            } = self;
            const GROUPS: usize = GROUP / Q4_GROUP;
            for (index, (out, to)) in out.chunks_exact_mut(GROUP / 4).zip(scales).enumerate() {
                let from = from + index * GROUP;
                let mut groups = [([0.0; PANEL], [0.0; PANEL]); GROUPS];
                let mut scale = [1e-30_f32; PANEL];
                for (g, group) in groups.iter_mut().enumerate() {
                    *group = group_of(blocks, from + g * Q4_GROUP);
                    for (lane, scale) in scale.iter_mut().enumerate() {
                        let least = group.1[lane];
                        let most = group.0[lane] * 15.0 - least;
                        let size = if most > least { most } else { least };
                        let size = size * (1.0 / 127.0);
                        *scale = if size > *scale { size } else { *scale };
                    }
                }
                *to = scale.map(|scale| scale * (1.0 / UNIT));
                let inverse = scale.map(|scale| 1.0 / scale);
                for (g, (scale, least)) in groups.iter().enumerate() {
                    // In 128ths of a step, so that 16 bits hold every sum: byte = (half * a + b) / 128.
                    let (mut a, mut b) = ([0_u64; PANEL], [0_u64; PANEL]);
                    for lane in 0..PANEL {
                        let step = scale[lane] * inverse[lane] * 128.0;
                        let least = (128.0 - least[lane] * inverse[lane]) * 128.0 + 64.0;
                        a[lane] = four_times(step);
                        b[lane] = four_times(least);
                    }
                    let a: &[u16; 4 * PANEL] = bytemuck::cast_ref(&a);
                    let b: &[u16; 4 * PANEL] = bytemuck::cast_ref(&b);
                    let quads = Q4::group(blocks, from + g * Q4_GROUP).as_flattened();
                    let out = out[g * Q4_GROUP / 4..][..Q4_GROUP / 4].as_flattened_mut();
                    let (halves, _) = quads.as_flattened().as_chunks::<{ 4 * PANEL }>();
                    let (out, _) = out.as_flattened_mut().as_chunks_mut::<{ 8 * PANEL }>();
                    for (halves, out) in halves.iter().zip(out) {
                        let (low, high) = out.split_at_mut(4 * PANEL);
                        for at in 0..4 * PANEL {
                            let byte = u16::from(halves[at] & 15) * a[at] + b[at];
                            low[at] = (byte >> 7) as u8;
                        }
                        for at in 0..4 * PANEL {
                            let byte = u16::from(halves[at] >> 4) * a[at] + b[at];
                            high[at] = (byte >> 7) as u8;
                        }
                    }
                }
            }
        }
    }
    let expand = Expand {
        blocks: Q4::of(weight.panel(panel)),
        from,
        out,
        scales,
    };
    vectorise(tier, expand);
}

/// q4 as it is, a byte for each half: `[inputs / 4][16][4]`, with what halves stand for, `[inputs / 32]`.
pub(crate) fn expand_halves(
    tier: Tier,
    weight: &Packed,
    panel: usize,
    from: usize,
    out: &mut [Quad],
    steps: &mut [Steps],
) {
    struct Expand<'a> {
        blocks: &'a [Q4],
        from: usize,
        out: &'a mut [Quad],
        steps: &'a mut [Steps],
    }
    impl Work for Expand<'_> {
        #[inline(always)]
        fn run(self) {
            let groups = self.out.as_chunks_mut::<{ Q4_GROUP / 4 }>().0;
            for (index, (out, steps)) in groups.iter_mut().zip(self.steps).enumerate() {
                let from = self.from + index * Q4_GROUP;
                let (scale, least) = group_of(self.blocks, from);
                for lane in 0..PANEL {
                    steps.scale[lane] = scale[lane] * (1.0 / UNIT);
                    steps.least[lane] = least[lane] * (1.0 / UNIT);
                }
                let quads = Q4::group(self.blocks, from);
                for (quad, out) in quads.iter().zip(out.as_chunks_mut::<2>().0) {
                    let halves = quad.as_flattened();
                    let [low, high] = out;
                    for (to, halves) in low.as_flattened_mut().iter_mut().zip(halves) {
                        *to = halves & 15;
                    }
                    for (to, halves) in high.as_flattened_mut().iter_mut().zip(halves) {
                        *to = halves >> 4;
                    }
                }
            }
        }
    }
    assert!(from.is_multiple_of(Q4_GROUP) && out.len() == steps.len() * Q4_GROUP / 4);
    let expand = Expand {
        blocks: Q4::of(weight.panel(panel)),
        from,
        out,
        steps,
    };
    vectorise(tier, expand);
}

/// Bytes of `[inputs / 4][16][4]` as words of 16 bits, `[inputs / 2][16][2]`.
pub(crate) fn widen(tier: Tier, from: &[[u8; 4]], out: &mut [[u16; 2]]) {
    struct Widen<'a>(&'a [u32], &'a mut [u32]);
    impl Work for Widen<'_> {
        #[inline(always)]
        fn run(self) {
            let quads = self.0.as_chunks::<PANEL>().0.iter();
            for (quads, out) in quads.zip(self.1.as_chunks_mut::<{ 2 * PANEL }>().0) {
                let (first, second) = out.split_at_mut(PANEL);
                for lane in 0..PANEL {
                    let quad = quads[lane];
                    first[lane] = quad & 0xff | (quad & 0xff00) << 8;
                    second[lane] = (quad >> 16) & 0xff | (quad >> 24) << 16;
                }
            }
        }
    }
    assert!(out.len() == 2 * from.len() && from.len().is_multiple_of(PANEL));
    vectorise(
        tier,
        Widen(bytemuck::cast_slice(from), bytemuck::cast_slice_mut(out)),
    );
}

/// A number below 2^16, rounded, four times in 16 bits each.
#[inline(always)]
fn four_times(value: f32) -> u64 {
    /// Adding it to a small number leaves the number's nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    u64::from((value + ROUND).to_bits() & 0xffff) * 0x0001_0001_0001_0001
}

/// One lane of a q8 panel.
pub(super) fn row_q8(panel: &[u8], lane: usize, out: &mut [f32]) {
    for (group, values) in out.chunks_mut(GROUP).enumerate() {
        let from = group * GROUP;
        let scale = Q8::scales(panel, from)[lane].to_f32() * UNIT;
        let quads = Q8::quads(panel, from, GROUP);
        for (index, to) in values.iter_mut().enumerate() {
            *to = (f32::from(quads[index / 4][lane][index % 4]) - 128.0) * scale;
        }
    }
}

/// One lane of a q4 panel.
pub(super) fn row_q4(panel: &[u8], lane: usize, out: &mut [f32]) {
    let blocks = Q4::of(panel);
    for (group, values) in out.chunks_mut(Q4_GROUP).enumerate() {
        let (scale, least) = group_of(blocks, group * Q4_GROUP);
        let quads = Q4::group(blocks, group * Q4_GROUP);
        for (index, to) in values.iter_mut().enumerate() {
            let byte = quads[index / 8][lane][index % 4];
            let half = (byte >> (4 * (index / 4 % 2))) & 15;
            *to = f32::from(half) * scale[lane] - least[lane];
        }
    }
}
