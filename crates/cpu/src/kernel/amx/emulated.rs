//! What the AMX instructions do, as the manual's pseudo code has it (volume 2, TDPBF16PS): subnormal numbers count as
//! zero and become zero, sums round to nearest even, and the first and the second inputs of the pairs are summed
//! apart before both sums are added to the old one.
//!
//! For tests, and for checking the instructions at first use. Far too slow for anything else.

use super::{ROWS, Tiles};
use crate::kernel::{Work, vectorise};
use crate::tier::Tier;

/// A tile of 32-bit elements: float32, or pairs of bfloat16.
type Tile = [[u32; ROWS]; ROWS];

/// Eight tiles in memory.
pub(super) struct Emulated {
    tier: Tier,
    tiles: [Tile; 8],
}

impl Emulated {
    /// `tier`: for speed only.
    pub(super) fn new(tier: Tier) -> Self {
        Self {
            tier,
            tiles: [[[0; ROWS]; ROWS]; 8],
        }
    }
}

impl Tiles for Emulated {
    fn zero<const T: usize>(&mut self) {
        self.tiles[T] = [[0; ROWS]; ROWS];
    }

    unsafe fn load<const T: usize>(&mut self, from: *const u8, stride: usize) {
        for (row, to) in self.tiles[T].iter_mut().enumerate() {
            // SAFETY: the caller has the rows.
            *to = unsafe {
                from.add(row * stride)
                    .cast::<[u32; ROWS]>()
                    .read_unaligned()
            };
        }
    }

    unsafe fn store<const T: usize>(&mut self, to: *mut u8, stride: usize) {
        for (row, from) in self.tiles[T].iter().enumerate() {
            // SAFETY: the caller has the rows.
            unsafe {
                let to = to.add(row * stride).cast::<[u32; ROWS]>();
                to.write_unaligned(*from);
            }
        }
    }

    fn multiply<const C: usize, const A: usize, const B: usize>(&mut self) {
        let (a, b) = (self.tiles[A], self.tiles[B]);
        let c = &mut self.tiles[C];
        vectorise(self.tier, Multiply { a, b, c });
    }
}

struct Multiply<'a> {
    a: Tile,
    b: Tile,
    c: &'a mut Tile,
}

impl Work for Multiply<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { a, b, c } = self;
        for (a, c) in a.iter().zip(c) {
            let (mut first, mut second) = ([0.0; ROWS], [0.0; ROWS]);
            for (a, b) in a.iter().zip(&b) {
                let (x, y) = halves(*a);
                for n in 0..ROWS {
                    let (v, w) = halves(b[n]);
                    first[n] = flushed(x.mul_add(v, first[n]));
                    second[n] = flushed(y.mul_add(w, second[n]));
                }
            }
            for n in 0..ROWS {
                let sum = flushed(first[n] + second[n]);
                let old = flushed(f32::from_bits(c[n]));
                c[n] = flushed(old + sum).to_bits();
            }
        }
    }
}

/// The lower and the upper bfloat16 as float32.
#[inline(always)]
fn halves(pair: u32) -> (f32, f32) {
    (
        flushed(f32::from_bits(pair << 16)),
        flushed(f32::from_bits(pair & 0xffff_0000)),
    )
}

/// Subnormal numbers become zero; the sign stays.
#[inline(always)]
fn flushed(value: f32) -> f32 {
    if value.abs() < f32::MIN_POSITIVE {
        f32::from_bits(value.to_bits() & 0x8000_0000)
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    fn pair(x: f32, y: f32) -> u32 {
        let bits = |value: f32| u32::from(bf16::from_f32(value).to_bits());
        bits(x) | bits(y) << 16
    }

    /// One product of a row of A with a column of B, added to `old`.
    fn sum(a: &[u32], b: &[u32], old: f32) -> f32 {
        let mut tiles = Emulated::new(Tier::best());
        tiles.tiles[1][3][..a.len()].copy_from_slice(a);
        for (row, value) in b.iter().enumerate() {
            tiles.tiles[2][row][5] = *value;
        }
        tiles.tiles[0][3][5] = old.to_bits();
        tiles.multiply::<0, 1, 2>();
        f32::from_bits(tiles.tiles[0][3][5])
    }

    #[test]
    fn rows_of_a_meet_columns_of_b_in_pairs() {
        let a = [pair(2.0, 3.0), pair(5.0, 7.0)];
        let b = [pair(11.0, 13.0), pair(17.0, 19.0)];
        let expected = 2.0 * 11.0 + 3.0 * 13.0 + 5.0 * 17.0 + 7.0 * 19.0 + 0.5;
        assert_eq!(sum(&a, &b, 0.5), expected);
    }

    #[test]
    fn first_and_second_inputs_are_summed_apart_and_the_old_sum_comes_last() {
        let (large, one) = (pair(16_777_216.0, 0.0), pair(1.0, 0.0));
        let ones = [pair(1.0, 1.0); 3];
        // 2^24 + 1 rounds to 2^24 in one chain; what the second inputs sum to does not meet it before the end.
        assert_eq!(sum(&[large, one, one], &ones, 0.0), 16_777_216.0);
        assert_eq!(
            sum(&[large, pair(0.0, 1.0), pair(0.0, 1.0)], &ones, 0.0),
            16_777_218.0
        );
        // Two and one are three before 2^24 is added, which rounds up to 2^24 + 4.
        assert_eq!(sum(&[pair(2.0, 1.0)], &ones, 16_777_216.0), 16_777_220.0);
    }

    #[test]
    fn subnormal_numbers_count_as_zero_and_become_zero() {
        let subnormal = f32::MIN_POSITIVE / 2.0;
        assert_eq!(sum(&[pair(subnormal, 0.0)], &[pair(1024.0, 0.0)], 0.0), 0.0);
        assert_eq!(sum(&[], &[], subnormal), 0.0);
        let small = f32::MIN_POSITIVE;
        assert_eq!(sum(&[pair(small, 0.0)], &[pair(0.5, 0.0)], 0.0), 0.0);
        assert_eq!(sum(&[pair(small, 0.0)], &[pair(1.0, 0.0)], 0.0), small);
    }
}
