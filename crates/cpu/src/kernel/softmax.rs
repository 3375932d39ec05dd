//! One block of attention scores becomes weights under a running maximum.
//! Method: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.

use half::bf16;

use super::lanes::Lanes;
use super::wide::scaled::MOST_WEIGHT;
use super::{Kernel, dispatch};
use crate::tier::Tier;

/// Scores per row and block.
pub(crate) const KEYS: usize = 64;

/// The maximum may be passed by this power of two before what was summed is scaled down: float32 has room for
/// it, and most blocks then scale nothing.
const SLACK: f32 = 8.0;

/// Where the weights of a block go, `[rows]`.
pub(crate) enum Weights<'a> {
    /// In place of the scores.
    Scores,
    Pairs(&'a mut [[bf16; KEYS]]),
    /// From 0 to [`MOST_WEIGHT`], and what a step of each row counts.
    Words(&'a mut [[i16; KEYS]], &'a mut [f32]),
}

impl Weights<'_> {
    fn have(&self, rows: usize) -> bool {
        match self {
            Self::Scores => true,
            Self::Pairs(weights) => weights.len() == rows,
            Self::Words(weights, steps) => weights.len() == rows && steps.len() == rows,
        }
    }
}

/// What a tile of queries knows while it meets block after block.
pub(crate) struct Running<'a> {
    /// [rows]
    pub(crate) scores: &'a mut [[f32; KEYS]],
    pub(crate) weights: Weights<'a>,
    /// What scores count, in powers of two.
    pub(crate) scale: f32,
    /// The maximum that weights are taken under, `[rows]`.
    pub(crate) largest: &'a mut [f32],
    /// Sums of the weights, `[rows]`.
    pub(crate) total: &'a mut [f32],
    /// What the sums of values are multiplied with before this block is added, `[rows]`.
    pub(crate) shrink: &'a mut [f32],
    /// How many scores of a row count, `[rows]`.
    pub(crate) seen: &'a [usize],
}

/// Takes one block.
pub(crate) fn online_softmax(tier: Tier, running: Running<'_>) {
    let rows = running.scores.len();
    assert!(running.weights.have(rows));
    assert!(running.largest.len() == rows && running.total.len() == rows);
    assert!(running.shrink.len() == rows && running.seen.len() == rows);
    dispatch(tier, running);
}

impl Kernel for Running<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        for row in 0..self.scores.len() {
            let seen = self.seen[row].min(KEYS);
            let scores = &mut self.scores[row];
            scores[seen..].fill(f32::NEG_INFINITY);
            let at = scores.as_mut_ptr();
            // SAFETY: a row holds four vectors; the caller vouches for the instructions.
            unsafe {
                let scale = L::splat(self.scale);
                let a = L::mul(L::load(at), scale);
                let b = L::mul(L::load(at.add(16)), scale);
                let c = L::mul(L::load(at.add(32)), scale);
                let d = L::mul(L::load(at.add(48)), scale);
                let block = L::largest(L::max(L::max(a, b), L::max(c, d)));
                let before = self.largest[row];
                let largest = if block > before + SLACK {
                    block
                } else {
                    before
                };
                // A row that has seen nothing keeps its minus infinity; its weights are nothing too.
                let offset = if largest == f32::NEG_INFINITY {
                    0.0
                } else {
                    largest
                };
                // Words count from the block's own maximum, by a power of two.
                let above = match self.weights {
                    Weights::Words(..) => (block - offset).ceil().clamp(-126.0, 127.0),
                    _ => 0.0,
                };
                let minus = L::splat(-(offset + above));
                let parts = [
                    exp2::<L>(L::add(a, minus)),
                    exp2::<L>(L::add(b, minus)),
                    exp2::<L>(L::add(c, minus)),
                    exp2::<L>(L::add(d, minus)),
                ];
                let [a, b, c, d] = parts;
                let sum = L::total(L::add(L::add(a, b), L::add(c, d)));
                let shrink = if largest == before {
                    1.0
                } else {
                    (before - offset).exp2()
                };
                let counts = f32::from_bits(((above as i32 + 127) as u32) << 23);
                self.total[row] = self.total[row] * shrink + sum * counts;
                self.shrink[row] = shrink;
                self.largest[row] = largest;
                match &mut self.weights {
                    Weights::Pairs(weights) => {
                        let to = weights[row].as_mut_ptr().cast::<u16>();
                        for (i, &part) in parts.iter().enumerate() {
                            L::store_bf16(to.add(16 * i), part);
                        }
                    }
                    Weights::Words(weights, steps) => {
                        let most = L::splat(f32::from(MOST_WEIGHT));
                        let to = weights[row].as_mut_ptr();
                        for (i, &part) in parts.iter().enumerate() {
                            L::store_i16(to.add(16 * i), L::mul(part, most));
                        }
                        steps[row] = counts / f32::from(MOST_WEIGHT);
                    }
                    Weights::Scores => {
                        for (i, &part) in parts.iter().enumerate() {
                            L::store(at.add(16 * i), part);
                        }
                    }
                }
            }
        }
    }
}

/// `2^x` for x up to [`SLACK`], relative error below 2e-7. Saturates at 2^-126, which is as good as nothing.
/// The polynomial has the least largest relative error over -0.5..0.5.
#[inline(always)]
unsafe fn exp2<L: Lanes>(x: L::F) -> L::F {
    /// Adding it to a number below 2^22 leaves the number's nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let x = L::max(x, L::splat(-126.0));
        let shifted = L::add(x, L::splat(ROUND));
        let r = L::add(x, L::mul_sub(L::splat(1.0), shifted, L::splat(ROUND)));
        let mut p = L::splat(1.327_647e-3);
        for factor in [
            9.675_541e-3,
            5.550_713_5e-2,
            2.402_212e-1,
            6.931_469_4e-1,
            1.000_000_1,
        ] {
            p = L::mul_add(p, r, L::splat(factor));
        }
        L::times_power(p, shifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_tier_are_powers_of_two_under_the_maximum() {
        for tier in Tier::available() {
            let scores: Vec<f32> = (0..KEYS)
                .map(|i| (i as f32 * 0.7).sin() * 40.0 - 10.0)
                .collect();
            let mut block = [[0.0; KEYS]; 3];
            block
                .iter_mut()
                .for_each(|row| row.copy_from_slice(&scores));
            let (mut largest, mut total, mut shrink) = (
                [f32::NEG_INFINITY, 12.0, f32::NEG_INFINITY],
                [0.0, 3.0, 0.0],
                [9.0; 3],
            );
            online_softmax(
                tier,
                Running {
                    scores: &mut block,
                    weights: Weights::Scores,
                    scale: 0.5,
                    largest: &mut largest,
                    total: &mut total,
                    shrink: &mut shrink,
                    seen: &[KEYS, 10, 0],
                },
            );
            let most = scores.iter().fold(f32::MIN, |a, b| a.max(*b)) * 0.5;
            let expected: Vec<f32> = scores.iter().map(|s| (s * 0.5 - most).exp2()).collect();
            for (found, expected) in block[0].iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= expected * 4e-6,
                    "{found} is not {expected}"
                );
            }
            assert_eq!(
                (shrink[0], shrink[1]),
                (0.0, 1.0),
                "the second is within the slack"
            );
            assert!((total[0] - expected.iter().sum::<f32>()).abs() < 1e-4);
            let second: f32 = scores[..10].iter().map(|s| (s * 0.5 - 12.0).exp2()).sum();
            assert!((total[1] - 3.0 - second).abs() < 1e-4 && largest[1] == 12.0);
            assert!(total[2] < 1e-30 && largest[2] == f32::NEG_INFINITY);
        }
    }
}
