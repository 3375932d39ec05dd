//! Weights in 8 and 4 bits as pairs of bfloat16, for products of tiles. The loops are over the sixteen outputs of
//! one step, so that the compiler makes a vector of each value.

use super::blocks::{Q4, Q8};
use super::{Kind, PANEL, Packed, Q4_BLOCK, Q4_GROUP, UNIT};
use crate::kernel::{Work, vectorise};
use crate::tier::Tier;

type Lane = [f32; PANEL];
type Pairs = [u32; PANEL];

/// The inputs `from..from + 2 count` of a panel of q8 or q4, whole groups of 32, as pairs of bfloat16,
/// `[count][16][2]`.
pub(crate) fn expand_pairs(
    tier: Tier,
    weight: &Packed,
    panel: usize,
    from: usize,
    out: &mut [Pairs],
) {
    let bytes = weight.panel(panel);
    let inputs = 2 * out.len();
    assert!(from.is_multiple_of(Q4_GROUP) && inputs.is_multiple_of(Q4_GROUP));
    match weight.kind {
        Kind::Q8 => vectorise(
            tier,
            Bytes {
                panel: bytes,
                from,
                out,
            },
        ),
        Kind::Q4 => vectorise(
            tier,
            Halves {
                blocks: Q4::of(bytes),
                from,
                out,
            },
        ),
        Kind::F32 | Kind::Bf16 => unreachable!("floats are multiplied as they are"),
    }
}

/// Both values of a pair, rounded to nearest, ties away from zero: weights are finite, and ties are rare.
#[inline(always)]
fn pair(first: f32, second: f32) -> u32 {
    let (first, second) = (first.to_bits() + 0x8000, second.to_bits() + 0x8000);
    first >> 16 | second & 0xffff_0000
}

struct Bytes<'a> {
    panel: &'a [u8],
    from: usize,
    out: &'a mut [Pairs],
}

impl Work for Bytes<'_> {
    #[inline(always)]
    fn run(self) {
        // In steps of 32 inputs, which share a scale.
        let outs = self.out.chunks_exact_mut(Q4_GROUP / 2);
        for (index, out) in outs.enumerate() {
            let from = self.from + index * Q4_GROUP;
            let scales = Q8::scales(self.panel, from);
            let quads = Q8::quads(self.panel, from, Q4_GROUP);
            let mut scale = [0.0; PANEL];
            for lane in 0..PANEL {
                scale[lane] = scales[lane].to_f32() * UNIT;
            }
            for (quad, out) in quads.iter().zip(out.as_chunks_mut::<2>().0) {
                let words: &Pairs = bytemuck::cast_ref(quad);
                let [low, high] = out;
                bytes_of(words, &scale, 0, low);
                bytes_of(words, &scale, 16, high);
            }
        }
    }
}

/// The two bytes of each word from `shift` on.
#[inline(always)]
fn bytes_of(words: &Pairs, scale: &Lane, shift: u32, out: &mut Pairs) {
    for lane in 0..PANEL {
        let word = words[lane] >> shift;
        let value = |byte: u32| ((byte & 0xff).cast_signed() - 128) as f32 * scale[lane];
        out[lane] = pair(value(word), value(word >> 8));
    }
}

struct Halves<'a> {
    blocks: &'a [Q4],
    from: usize,
    out: &'a mut [Pairs],
}

impl Work for Halves<'_> {
    #[inline(always)]
    fn run(self) {
        let outs = self.out.chunks_exact_mut(Q4_GROUP / 2);
        let (mut d, mut dm) = ([0.0; PANEL], [0.0; PANEL]);
        for (index, out) in outs.enumerate() {
            let from = self.from + index * Q4_GROUP;
            let block = &self.blocks[from / Q4_BLOCK];
            if index == 0 || from.is_multiple_of(Q4_BLOCK) {
                d = block.unit.map(|half| half.to_f32() * UNIT);
                dm = block.least_unit.map(|half| half.to_f32() * UNIT);
            }
            let group = from % Q4_BLOCK / Q4_GROUP;
            let (s, m) = (&block.scales[group], &block.leasts[group]);
            let quads = Q4::group(self.blocks, from);
            let (mut scale, mut least) = ([0.0; PANEL], [0.0; PANEL]);
            for lane in 0..PANEL {
                scale[lane] = f32::from(s[lane]) * d[lane];
                least[lane] = f32::from(m[lane]) * dm[lane];
            }
            for (quad, out) in quads.iter().zip(out.as_chunks_mut::<4>().0) {
                let words: &Pairs = bytemuck::cast_ref(quad);
                let [a, b, c, d] = out;
                halves_of(words, &scale, &least, 0, a);
                halves_of(words, &scale, &least, 16, b);
                halves_of(words, &scale, &least, 4, c);
                halves_of(words, &scale, &least, 20, d);
            }
        }
    }
}

/// The halves of each word that begin at `shift` and 8 bits on.
#[inline(always)]
fn halves_of(words: &Pairs, scale: &Lane, least: &Lane, shift: u32, out: &mut Pairs) {
    for lane in 0..PANEL {
        let word = words[lane] >> shift;
        let value = |half: u32| (half & 15).cast_signed() as f32 * scale[lane] - least[lane];
        out[lane] = pair(value(word), value(word >> 8));
    }
}
