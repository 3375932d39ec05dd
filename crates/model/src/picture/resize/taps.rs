//! Which pixels make one, and with which weights.
//!
//! The cubic convolution kernel, stretched when shrinking, computed in double, then fixed to as many
//! bits as the heaviest weight leaves room for. Source: the rule of torchvision's uint8 path, restated
//! in the golden data's notes.

use std::ops::Range;

/// Free parameter of the cubic kernel.
const A: f64 = -0.5;
/// Reach of the kernel on each side, in input pixels at scale one.
const REACH: f64 = 2.0;
/// The most fraction bits of a weight.
const MOST_PRECISION: u32 = 22;

/// Which input pixels make each output pixel along one axis.
pub(super) struct Taps {
    spans: Vec<Span>,
    /// Weights of all outputs, one after the other.
    weights: Vec<i16>,
    /// Fraction bits of a weight.
    precision: u32,
}

struct Span {
    first: usize,
    weights: Range<usize>,
}

impl Taps {
    pub(super) fn new(inputs: usize, outputs: usize) -> Self {
        let scale = inputs as f64 / outputs as f64;
        let stretch = scale.max(1.0);
        let mut spans = Vec::with_capacity(outputs);
        let mut exact: Vec<f64> = Vec::new();
        for output in 0..outputs {
            let centre = scale * (output as f64 + 0.5);
            // Casting truncates and turns negatives into zero, which is the rule.
            let first = (centre - REACH * stretch + 0.5) as usize;
            let end = ((centre + REACH * stretch + 0.5) as usize).min(inputs);
            let start = exact.len();
            exact.extend((first..end).map(|j| cubic((j as f64 - centre + 0.5) / stretch)));
            let sum: f64 = exact[start..].iter().sum();
            exact[start..].iter_mut().for_each(|weight| *weight /= sum);
            spans.push(Span {
                first,
                weights: start..exact.len(),
            });
        }
        let precision = precision(&exact);
        let unit = f64::from(1u32 << precision);
        // Truncating after half a step away from zero rounds halves away from zero.
        let weights = exact
            .iter()
            .map(|&weight| (weight * unit + 0.5f64.copysign(weight)) as i16)
            .collect();
        Self {
            spans,
            weights,
            precision,
        }
    }

    /// The same for the axis read from its other end: what came first comes last.
    pub(super) fn mirrored(mut self, inputs: usize) -> Self {
        self.spans.reverse();
        for Span { first, weights } in &mut self.spans {
            *first = inputs - *first - weights.len();
            self.weights[weights.clone()].reverse();
        }
        self
    }

    pub(super) fn outputs(&self) -> usize {
        self.spans.len()
    }

    /// The inputs of an output.
    pub(super) fn inputs(&self, output: usize) -> Range<usize> {
        let Span { first, weights } = &self.spans[output];
        *first..first + weights.len()
    }

    /// The most inputs of any output.
    pub(super) fn widest(&self) -> usize {
        let spans = self.spans.iter();
        spans.map(|span| span.weights.len()).max().unwrap_or(0)
    }

    /// The weights of an output, one per input.
    pub(super) fn weights(&self, output: usize) -> &[i16] {
        &self.weights[self.spans[output].weights.clone()]
    }

    /// What a sum starts from, so that it is rounded to nearest.
    pub(super) fn half(&self) -> i32 {
        1 << (self.precision - 1)
    }

    /// Fraction bits of a weight. Sums stay far inside an i32: the weights sum to 2^22 at most, their
    /// magnitudes to little more, and a pixel has 8 bits.
    pub(super) fn precision(&self) -> u32 {
        self.precision
    }
}

/// The most fraction bits with which every weight still fits 16 bits.
fn precision(weights: &[f64]) -> u32 {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    (1..=MOST_PRECISION)
        .rev()
        .find(|&bits| ((0.5 + largest * f64::from(1u32 << bits)) as i32) < 1 << 15)
        .unwrap_or(1)
}

/// The cubic convolution kernel.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < REACH {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_weights_fit_and_the_lightest_keep_their_sign() {
        for (inputs, outputs) in [(1, 32), (33, 32), (32, 33), (20_000, 32), (7, 7000)] {
            let taps = Taps::new(inputs, outputs);
            let one = 1 << taps.precision;
            for output in 0..outputs {
                let weights = taps.weights(output);
                let sum: i32 = weights.iter().map(|&weight| i32::from(weight)).sum();
                let magnitude: i64 = weights.iter().map(|&weight| i64::from(weight).abs()).sum();
                assert!(
                    (sum - one).abs() <= weights.len() as i32,
                    "{inputs} -> {outputs}"
                );
                assert!(magnitude * 255 + i64::from(taps.half()) < i64::from(i32::MAX));
                assert!(taps.inputs(output).end <= inputs);
                assert!(weights.len() <= taps.widest());
            }
        }
    }

    #[test]
    fn inputs_never_step_back() {
        for (inputs, outputs) in [(1, 32), (33, 32), (4000, 1312), (20_000, 32), (7, 7000)] {
            let taps = Taps::new(inputs, outputs);
            for output in 1..outputs {
                let (before, here) = (taps.inputs(output - 1), taps.inputs(output));
                assert!(before.start <= here.start && before.end <= here.end);
            }
        }
    }
}
