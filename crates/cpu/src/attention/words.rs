//! Keys, values and queries as words of 16 bits, for processors that multiply those faster than float32 and have no
//! pairs of bfloat16.

use crate::aligned::Aligned;
use crate::kernel::lanes::Lanes;
use crate::kernel::wide::scaled::{MOST, ScaledPanels};
use crate::kernel::{Kernel, Panels, dispatch};
use crate::kv_cache::PanelShape;
use crate::pack::PANEL;
use crate::tier::Tier;

/// Keys or values of one head in panels, each output with a scale of its own. Made once and used again.
#[derive(Default)]
pub(super) struct WordPanels {
    /// `[panels][depth][16]`
    pairs: Aligned<u32>,
    scales: Vec<[f32; PANEL]>,
    depth: usize,
}

impl WordPanels {
    /// Takes the first `inputs` of panels of pairs of bfloat16; what lies after them counts as zero.
    pub(super) fn fill(&mut self, tier: Tier, pairs: &[u32], shape: PanelShape, inputs: usize) {
        self.depth = inputs.div_ceil(2);
        self.pairs.resize(shape.panels * self.depth * PANEL);
        self.scales.resize(shape.panels, [0.0; PANEL]);
        let from = pairs.chunks_exact(shape.depth * PANEL);
        let to = self.pairs.chunks_exact_mut(self.depth * PANEL);
        for ((from, to), scales) in from.zip(to).zip(&mut self.scales) {
            dispatch(
                tier,
                Panel {
                    from: &from.as_chunks().0[..self.depth],
                    to: to.as_chunks_mut().0,
                    scales,
                    is_odd: !inputs.is_multiple_of(2),
                },
            );
        }
    }

    /// Up to four panels from one on, and `steps` pairs of inputs from a pair on.
    pub(super) fn part(
        &self,
        panel: usize,
        panels: usize,
        from: usize,
        steps: usize,
    ) -> ScaledPanels<'_> {
        let stride = self.depth * PANEL;
        let values = &self.pairs[panel * stride + from * PANEL..];
        ScaledPanels {
            pairs: Panels::new(values, panels, steps, stride),
            scales: &self.scales[panel..],
        }
    }
}

/// One panel on its way from pairs of bfloat16 to words.
struct Panel<'a> {
    from: &'a [[u32; PANEL]],
    to: &'a mut [[u32; PANEL]],
    scales: &'a mut [f32; PANEL],
    /// The last pair has one.
    is_odd: bool,
}

impl Kernel for Panel<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        assert!(self.from.len() == self.to.len());
        let last = self.from.len().wrapping_sub(1);
        // SAFETY: every step holds sixteen pairs; the caller vouches for the instructions.
        unsafe {
            let pair = |step: usize| {
                let (first, second) = L::load_pairs(self.from[step].as_ptr().cast());
                match self.is_odd && step == last {
                    true => (first, L::zero()),
                    false => (first, second),
                }
            };
            let mut most = L::zero();
            for step in 0..self.from.len() {
                let (first, second) = pair(step);
                most = L::max(most, L::max(L::abs(first), L::abs(second)));
            }
            let mut inverse = [0.0; PANEL];
            L::store(inverse.as_mut_ptr(), most);
            for (inverse, scale) in inverse.iter_mut().zip(self.scales) {
                (*inverse, *scale) = steps(*inverse);
            }
            let inverse = L::load(inverse.as_ptr());
            for (step, to) in self.to.iter_mut().enumerate() {
                let (first, second) = pair(step);
                let (first, second) = (L::mul(first, inverse), L::mul(second, inverse));
                L::store_pairs_i16(to.as_mut_ptr(), first, second);
            }
        }
    }
}

/// Writes a row of queries and says what a step of it counts. `to` may be longer by one, which becomes zero.
pub(super) fn query(tier: Tier, from: &[f32], to: &mut [i16]) -> f32 {
    let mut scale = 0.0;
    dispatch(
        tier,
        Query {
            from,
            to,
            scale: &mut scale,
        },
    );
    scale
}

struct Query<'a> {
    from: &'a [f32],
    to: &'a mut [i16],
    scale: &'a mut f32,
}

impl Kernel for Query<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (whole, rest) = self.from.as_chunks::<PANEL>();
        let mut padded = [0.0; PANEL];
        padded[..rest.len()].copy_from_slice(rest);
        let vectors = || whole.iter().chain([&padded]);
        let mut words = [0; PANEL];
        // SAFETY: every vector holds sixteen values; the caller vouches for the instructions.
        unsafe {
            let mut most = L::zero();
            for from in vectors() {
                most = L::max(most, L::abs(L::load(from.as_ptr())));
            }
            let (inverse, scale) = steps(L::largest(most));
            *self.scale = scale;
            for (from, to) in vectors().zip(self.to.chunks_mut(PANEL)) {
                let value = L::mul(L::load(from.as_ptr()), L::splat(inverse));
                L::store_i16(words.as_mut_ptr(), value);
                to.copy_from_slice(&words[..to.len()]);
            }
        }
    }
}

/// How many steps one is, and what a step counts, if so much is the most.
fn steps(most: f32) -> (f32, f32) {
    let scale = most / f32::from(MOST);
    match scale.is_normal() {
        true => (1.0 / scale, scale),
        false => (0.0, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_within_half_a_step_and_what_lies_after_the_inputs_is_nothing() {
        let bits = |value: f32| u32::from(half::bf16::from_f32(value).to_bits());
        let value = |input: usize, lane: usize| ((input * 16 + lane) as f32 * 0.7).sin() * 3.0;
        let shape = PanelShape::new(PANEL, 32, true);
        for (tier, inputs) in Tier::available()
            .into_iter()
            .flat_map(|t| [(t, 7), (t, 32)])
        {
            let pairs: Vec<u32> = (0..shape.size())
                .map(|at| {
                    let (step, lane) = (at / PANEL, at % PANEL);
                    let of = |input| match input < inputs {
                        true => bits(value(input, lane)),
                        false => bits(f32::NAN),
                    };
                    of(2 * step) | of(2 * step + 1) << 16
                })
                .collect();
            let mut words = WordPanels::default();
            words.fill(tier, &pairs, shape, inputs);
            assert_eq!(words.pairs.len(), inputs.div_ceil(2) * PANEL);
            for (at, pair) in words.pairs.iter().enumerate() {
                let (step, lane) = (at / PANEL, at % PANEL);
                let scale = words.scales[0][lane];
                for (input, word) in [
                    (2 * step, *pair as i16),
                    (2 * step + 1, (pair >> 16) as i16),
                ] {
                    let expected = match input < inputs {
                        true => half::bf16::from_f32(value(input, lane)).to_f32(),
                        false => 0.0,
                    };
                    let found = f32::from(word) * scale;
                    assert!(
                        (found - expected).abs() <= scale * 0.501,
                        "{}: {found} is not {expected}",
                        tier.name()
                    );
                }
            }
        }
    }

    #[test]
    fn a_query_of_any_length_keeps_its_values() {
        for tier in Tier::available() {
            for length in [1, 16, 63, 72] {
                let from: Vec<f32> = (0..length).map(|i| (i as f32).cos() * 5.0).collect();
                let mut to = vec![9; 2 * from.len().div_ceil(2)];
                let scale = query(tier, &from, &mut to);
                for (index, word) in to.iter().enumerate() {
                    let expected = from.get(index).copied().unwrap_or(0.0);
                    assert!((f32::from(*word) * scale - expected).abs() <= scale * 0.501);
                }
            }
        }
    }
}
