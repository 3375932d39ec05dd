//! Norms, activations and rotary: plain loops, compiled for each tier, spread over threads by rows.
//! Plain definitions: `ops::reference` and `ops::math`.

use ops::{Gelu, HostTensor};
use rayon::prelude::*;

use crate::kernel::{Work, vectorise};
use crate::tier::Tier;

/// Values below which handing rows to other threads costs more than it gains.
const PARALLEL_VALUES: usize = 16 * 1024;

/// `e^x`, relative error below 2e-7, without branches so that loops over it become vectors.
/// Saturates near e^-87 and e^88. Method: Cephes `expf`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// Adding and subtracting it rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let n = (x * LOG2_E + ROUND) - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // `n` lies in -126..=127, so this is 2^n.
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    p * power
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `0.5 x (1 + tanh(u))` is `x / (1 + e^(-2u))`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const TWICE_SQRT_2_OVER_PI: f32 = 1.595_769;
    x / (1.0 + exp(-TWICE_SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x)))
}

/// Absolute error of erf below 2e-7. Method: Abramowitz and Stegun 7.1.26.
#[inline(always)]
fn gelu_erf(x: f32) -> f32 {
    let z = x * std::f32::consts::FRAC_1_SQRT_2;
    let a = z.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let p = t * 1.061_405_4 - 1.453_152_1;
    let p = p * t + 1.421_413_8;
    let p = p * t - 0.284_496_72;
    let p = (p * t + 0.254_829_6) * t;
    let erf = 1.0 - p * exp(-a * a);
    0.5 * x * (1.0 + if z < 0.0 { -erf } else { erf })
}

/// Runs `work` over pieces of `columns * some rows` values, on several threads if it pays.
fn over_rows(values: &mut [f32], columns: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if values.len() < PARALLEL_VALUES {
        work(0, values);
        return;
    }
    let rows = (PARALLEL_VALUES / 4).div_ceil(columns);
    values
        .par_chunks_mut(rows * columns)
        .enumerate()
        .for_each(|(piece, values)| work(piece * rows, values));
}

/// See [`ops::Backend::silu_mul`].
pub(crate) fn silu_mul(tier: Tier, gate: &mut HostTensor, up: &HostTensor) {
    struct Loop<'a>(&'a mut [f32], &'a [f32]);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            for (gate, up) in self.0.iter_mut().zip(self.1) {
                *gate = silu(*gate) * up;
            }
        }
    }
    let (columns, up) = (gate.columns(), up.values());
    over_rows(gate.values_mut(), columns, |row, gate| {
        let up = &up[row * columns..][..gate.len()];
        vectorise(tier, Loop(gate, up));
    });
}

/// See [`ops::Backend::gelu`].
pub(crate) fn gelu(tier: Tier, x: &mut HostTensor, kind: Gelu) {
    struct Loop<'a>(&'a mut [f32], Gelu);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            match self.1 {
                Gelu::Tanh => self.0.iter_mut().for_each(|x| *x = gelu_tanh(*x)),
                Gelu::Erf => self.0.iter_mut().for_each(|x| *x = gelu_erf(*x)),
            }
        }
    }
    let columns = x.columns();
    over_rows(x.values_mut(), columns, |_, x| {
        vectorise(tier, Loop(x, kind))
    });
}

/// See [`ops::Backend::add`].
pub(crate) fn add(tier: Tier, stream: &mut HostTensor, delta: &HostTensor) {
    struct Loop<'a>(&'a mut [f32], &'a [f32]);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            for (stream, delta) in self.0.iter_mut().zip(self.1) {
                *stream += delta;
            }
        }
    }
    let (columns, delta) = (stream.columns(), delta.values());
    over_rows(stream.values_mut(), columns, |row, stream| {
        let delta = &delta[row * columns..][..stream.len()];
        vectorise(tier, Loop(stream, delta));
    });
}

#[inline(always)]
fn sum_of(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        for lane in 0..16 {
            lanes[lane] += term(chunk[lane]);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&value| term(value)).sum::<f32>()
}

/// RMS norm in place of every stretch of `weight.len()` values. See [`ops::Backend::rms_norm_heads`].
pub(crate) fn rms_norm(tier: Tier, x: &mut HostTensor, weight: &[f32], eps: f32) {
    struct Loop<'a>(&'a mut [f32], &'a [f32], f32);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            for part in self.0.chunks_exact_mut(self.1.len()) {
                let mean_square = sum_of(part, |value| value * value) / part.len() as f32;
                let scale = 1.0 / (mean_square + self.2).sqrt();
                for (value, weight) in part.iter_mut().zip(self.1) {
                    *value = *value * scale * weight;
                }
            }
        }
    }
    let columns = x.columns();
    over_rows(x.values_mut(), columns, |_, x| {
        vectorise(tier, Loop(x, weight, eps))
    });
}

/// See [`ops::Backend::layer_norm`].
pub(crate) fn layer_norm(
    tier: Tier,
    x: &HostTensor,
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    out: &mut HostTensor,
) {
    struct Loop<'a>(&'a mut [f32], &'a [f32], &'a [f32], f32);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(values, weight, bias, eps) = self;
            for row in values.chunks_exact_mut(weight.len()) {
                let count = row.len() as f32;
                let mean = sum_of(row, |value| value) / count;
                let variance = sum_of(row, |value| (value - mean) * (value - mean)) / count;
                let scale = 1.0 / (variance + eps).sqrt();
                for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
                    *value = (*value - mean) * scale * weight + bias;
                }
            }
        }
    }
    out.values_mut().copy_from_slice(x.values());
    let columns = x.columns();
    over_rows(out.values_mut(), columns, |_, out| {
        vectorise(tier, Loop(out, weight, bias, eps))
    });
}

/// See [`ops::Backend::rotate`].
pub(crate) fn rotate(tier: Tier, x: &mut HostTensor, cos: &HostTensor, sin: &HostTensor) {
    struct Loop<'a>(&'a mut [f32], &'a [f32], &'a [f32]);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(row, cos, sin) = self;
            let half = cos.len();
            for head in row.chunks_exact_mut(2 * half) {
                let (low, high) = head.split_at_mut(half);
                for i in 0..half {
                    let (a, b) = (low[i], high[i]);
                    low[i] = a * cos[i] - b * sin[i];
                    high[i] = b * cos[i] + a * sin[i];
                }
            }
        }
    }
    let columns = x.columns();
    over_rows(x.values_mut(), columns, |first, rows| {
        for (index, row) in rows.chunks_exact_mut(columns).enumerate() {
            vectorise(
                tier,
                Loop(row, cos.row(first + index), sin.row(first + index)),
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ops::math;

    #[test]
    fn exp_is_within_two_parts_in_ten_million() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let error = (exp(x) - x.exp()).abs() / x.exp();
            assert!(error < 2e-7, "exp({x}) is off by {error}");
        }
        assert_eq!(exp(f32::NEG_INFINITY), exp(-87.0));
    }

    #[test]
    fn activations_follow_their_definitions() {
        for step in -2000..=2000 {
            let x = step as f32 / 100.0;
            assert!((silu(x) - math::silu(x)).abs() < 2e-6, "silu({x})");
            assert!(
                (gelu_tanh(x) - math::gelu_tanh(x)).abs() < 2e-6,
                "gelu_tanh({x})"
            );
            assert!(
                (gelu_erf(x) - math::gelu_erf(x)).abs() < 2e-6,
                "gelu_erf({x})"
            );
        }
    }
}
