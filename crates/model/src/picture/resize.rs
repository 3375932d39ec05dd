//! Bicubic resize with antialias, in integers, bit for bit as the reference does it.
//!
//! One axis after the other, width first over all rows, 8 bits in between; an axis that keeps its
//! size is left alone. Weights are computed in double, then fixed to 16 bits. Source: the rule of
//! torchvision's uint8 path, restated in the golden data's notes. Golden: `images/resized`.
//! Float bicubic, another order of the axes or another precision all differ by some steps, and one
//! step already moves the model's logits.

use super::Size;

/// Colours of a pixel.
const CHANNELS: usize = 3;
/// Free parameter of the cubic kernel.
const A: f64 = -0.5;
/// Reach of the kernel on each side, in input pixels at scale one.
const REACH: f64 = 2.0;
/// The most fraction bits of a weight.
const MOST_PRECISION: u32 = 22;

/// `pixels` (RGB, row by row) of size `from`, resized to `to`.
///
/// # Panics
/// If there are not three bytes per pixel, or a side is zero.
pub fn resize(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    assert_eq!(
        pixels.len(),
        from.pixels() * CHANNELS,
        "three bytes per pixel"
    );
    assert!(from.pixels() > 0 && to.pixels() > 0, "no side may be zero");
    let across;
    let narrow = if from.width == to.width {
        pixels
    } else {
        across = resize_rows(pixels, from.width, &Taps::new(from.width, to.width));
        &across
    };
    if from.height == to.height {
        return narrow.to_vec();
    }
    resize_columns(
        narrow,
        to.width * CHANNELS,
        &Taps::new(from.height, to.height),
    )
}

/// Which input pixels make one output pixel, and with which weights.
struct Taps {
    /// Per output: the first input, and where its weights stand.
    spans: Vec<Span>,
    /// Weights of all outputs, one after the other.
    weights: Vec<i16>,
    /// Fraction bits of a weight.
    precision: u32,
}

struct Span {
    first: usize,
    weights: std::ops::Range<usize>,
}

impl Taps {
    fn new(inputs: usize, outputs: usize) -> Self {
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

    fn half(&self) -> i32 {
        1 << (self.precision - 1)
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

/// Sums stay far inside an i32: the weights sum to 2^22 at most, their magnitudes to little more,
/// and a pixel has 8 bits.
fn settle(sum: i32, precision: u32) -> u8 {
    (sum >> precision).clamp(0, 255) as u8
}

/// Along the rows: each output pixel is a sum over neighbours.
fn resize_rows(pixels: &[u8], width: usize, taps: &Taps) -> Vec<u8> {
    let out_width = taps.spans.len();
    let mut out = vec![0; pixels.len() / width * out_width];
    let rows = pixels.chunks_exact(width * CHANNELS);
    for (row, out_row) in rows.zip(out.chunks_exact_mut(out_width * CHANNELS)) {
        let (row, _) = row.as_chunks::<CHANNELS>();
        let (out_row, _) = out_row.as_chunks_mut::<CHANNELS>();
        for (span, out) in taps.spans.iter().zip(out_row) {
            let weights = &taps.weights[span.weights.clone()];
            let mut sums = [taps.half(); CHANNELS];
            for (pixel, &weight) in row[span.first..].iter().zip(weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(weight) * i32::from(value);
                }
            }
            *out = sums.map(|sum| settle(sum, taps.precision));
        }
    }
    out
}

/// Across the rows: each output row is a weighted sum of whole rows.
fn resize_columns(pixels: &[u8], row_len: usize, taps: &Taps) -> Vec<u8> {
    let mut out = vec![0; taps.spans.len() * row_len];
    let mut sums = vec![0i32; row_len];
    for (span, out_row) in taps.spans.iter().zip(out.chunks_exact_mut(row_len)) {
        let weights = &taps.weights[span.weights.clone()];
        sums.fill(taps.half());
        let rows = pixels[span.first * row_len..].chunks_exact(row_len);
        for (row, &weight) in rows.zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(weight) * i32::from(value);
            }
        }
        for (out, &sum) in out_row.iter_mut().zip(&sums) {
            *out = settle(sum, taps.precision);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_colour_stays_that_colour() {
        let colour = [7u8, 130, 255];
        for (from, to) in [
            ((1, 1), (64, 32)),
            ((61, 37), (352, 224)),
            ((300, 500), (32, 64)),
        ] {
            let from = Size {
                height: from.0,
                width: from.1,
            };
            let to = Size {
                height: to.0,
                width: to.1,
            };
            let out = resize(&colour.repeat(from.pixels()), from, to);
            assert_eq!(out, colour.repeat(to.pixels()), "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn the_same_size_is_left_alone() {
        let pixels: Vec<u8> = (0..4 * 5 * 3).collect();
        let size = Size {
            height: 4,
            width: 5,
        };
        assert_eq!(resize(&pixels, size, size), pixels);
    }

    #[test]
    fn a_picture_and_its_mirror_image_resize_alike() {
        let (height, width) = (9, 23);
        let pixels: Vec<u8> = (0..height * width * 3)
            .map(|i| (i * i * 31 % 251) as u8)
            .collect();
        let flip = |pixels: &[u8], width: usize| -> Vec<u8> {
            pixels
                .chunks_exact(width * 3)
                .flat_map(|row| {
                    row.chunks_exact(3)
                        .rev()
                        .flatten()
                        .copied()
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let from = Size { height, width };
        let to = Size {
            height: 9,
            width: 8,
        };
        let mirrored = resize(&flip(&pixels, width), from, to);
        assert_eq!(flip(&mirrored, to.width), resize(&pixels, from, to));
    }

    #[test]
    fn the_heaviest_weights_fit_and_the_lightest_keep_their_sign() {
        for (inputs, outputs) in [(1, 32), (33, 32), (32, 33), (20_000, 32), (7, 7000)] {
            let taps = Taps::new(inputs, outputs);
            let one = 1 << taps.precision;
            for span in &taps.spans {
                let weights = &taps.weights[span.weights.clone()];
                let sum: i32 = weights.iter().map(|&weight| i32::from(weight)).sum();
                let magnitude: i64 = weights.iter().map(|&weight| i64::from(weight).abs()).sum();
                assert!(
                    (sum - one).abs() <= weights.len() as i32,
                    "{inputs} -> {outputs}"
                );
                assert!(magnitude * 255 + i64::from(taps.half()) < i64::from(i32::MAX));
                assert!(span.first + weights.len() <= inputs);
            }
        }
    }
}
