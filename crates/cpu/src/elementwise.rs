//! Norms, activations and rotary: plain loops, compiled for each tier, spread over threads by rows.
//! Plain definitions: `ops::reference` and `ops::math`.

use ops::{Gelu, HostTensor};

use crate::backend::Cpu;
use crate::kernel::{Work, vectorise};

/// Values below which handing rows to other threads costs more than it gains.
const PARALLEL_VALUES: usize = 16 * 1024;

/// Adding it to a number below 2^22 leaves the number's nearest integer in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `e^x`, relative error below 2e-7, without branches so that loops over it become vectors.
/// Saturates near e^-87 and e^88. Method: Cephes `expf`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    times_power(p, shifted)
}

/// `p 2^n`, where `shifted` is `n + ROUND` and the result is a normal number.
#[inline(always)]
fn times_power(p: f32, shifted: f32) -> f32 {
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
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

/// GELU of all values.
#[inline(always)]
pub(crate) fn gelu_of(kind: Gelu, values: &mut [f32]) {
    match kind {
        Gelu::Tanh => values.iter_mut().for_each(|x| *x = gelu_tanh(*x)),
        Gelu::Erf => values.iter_mut().for_each(|x| *x = gelu_erf(*x)),
    }
}

/// Runs `work(first row, values)` over pieces of whole rows, on several threads if it pays.
fn over_rows(cpu: &Cpu, x: &mut HostTensor, work: impl Fn(usize, &mut [f32]) + Sync) {
    let columns = x.columns();
    let values = x.values_mut();
    if values.len() < PARALLEL_VALUES {
        work(0, values);
        return;
    }
    let rows = (PARALLEL_VALUES / 2).div_ceil(columns);
    cpu.pool
        .run_chunks(values, rows * columns, |piece, values| {
            work(piece * rows, values);
        });
}

/// See [`ops::Backend::silu_mul`].
pub(crate) fn silu_mul(cpu: &Cpu, gate: &mut HostTensor, up: &HostTensor) {
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
    over_rows(cpu, gate, |row, gate| {
        let up = &up[row * columns..][..gate.len()];
        vectorise(cpu.tier, Loop(gate, up));
    });
}

/// See [`ops::Backend::gelu`].
pub(crate) fn gelu(cpu: &Cpu, x: &mut HostTensor, kind: Gelu) {
    struct Loop<'a>(&'a mut [f32], Gelu);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            gelu_of(self.1, self.0);
        }
    }
    over_rows(cpu, x, |_, x| vectorise(cpu.tier, Loop(x, kind)));
}

/// See [`ops::Backend::add`].
pub(crate) fn add(cpu: &Cpu, stream: &mut HostTensor, delta: &HostTensor) {
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
    over_rows(cpu, stream, |row, stream| {
        let delta = &delta[row * columns..][..stream.len()];
        vectorise(cpu.tier, Loop(stream, delta));
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

#[inline(always)]
fn rms_scale(values: &[f32], eps: f32) -> f32 {
    let mean_square = sum_of(values, |value| value * value) / values.len() as f32;
    1.0 / (mean_square + eps).sqrt()
}

/// See [`ops::Backend::rms_norm`].
pub(crate) fn rms_norm(cpu: &Cpu, x: &HostTensor, weight: &[f32], eps: f32, out: &mut HostTensor) {
    struct Loop<'a>(&'a [f32], &'a [f32], f32, &'a mut [f32]);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(x, weight, eps, out) = self;
            let rows = x.chunks_exact(weight.len());
            for (x, out) in rows.zip(out.chunks_exact_mut(weight.len())) {
                let scale = rms_scale(x, eps);
                for ((out, value), weight) in out.iter_mut().zip(x).zip(weight) {
                    *out = *value * scale * weight;
                }
            }
        }
    }
    let (columns, x) = (x.columns(), x.values());
    over_rows(cpu, out, |row, out| {
        let x = &x[row * columns..][..out.len()];
        vectorise(cpu.tier, Loop(x, weight, eps, out));
    });
}

/// RMS norm in place of every stretch of `weight.len()` values. See [`ops::Backend::rms_norm_heads`].
pub(crate) fn rms_norm_heads(cpu: &Cpu, x: &mut HostTensor, weight: &[f32], eps: f32) {
    struct Loop<'a>(&'a mut [f32], &'a [f32], f32);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            for part in self.0.chunks_exact_mut(self.1.len()) {
                norm_head(part, self.1, self.2);
            }
        }
    }
    over_rows(cpu, x, |_, x| vectorise(cpu.tier, Loop(x, weight, eps)));
}

/// RMS norm of one head.
#[inline(always)]
fn norm_head(head: &mut [f32], weight: &[f32], eps: f32) {
    let scale = rms_scale(head, eps);
    for (value, weight) in head.iter_mut().zip(weight) {
        *value = *value * scale * weight;
    }
}

/// See [`ops::Backend::layer_norm`].
pub(crate) fn layer_norm(
    cpu: &Cpu,
    x: &HostTensor,
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    out: &mut HostTensor,
) {
    struct Loop<'a>(&'a [f32], &'a [f32], &'a [f32], f32, &'a mut [f32]);
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(x, weight, bias, eps, out) = self;
            let rows = x.chunks_exact(weight.len());
            for (row, out) in rows.zip(out.chunks_exact_mut(weight.len())) {
                let count = row.len() as f32;
                let mean = sum_of(row, |value| value) / count;
                let variance = sum_of(row, |value| (value - mean) * (value - mean)) / count;
                let scale = 1.0 / (variance + eps).sqrt();
                let values = row.iter().zip(weight).zip(bias);
                for (out, ((value, weight), bias)) in out.iter_mut().zip(values) {
                    *out = (*value - mean) * scale * weight + bias;
                }
            }
        }
    }
    let (columns, x) = (x.columns(), x.values());
    over_rows(cpu, out, |row, out| {
        let x = &x[row * columns..][..out.len()];
        vectorise(cpu.tier, Loop(x, weight, bias, eps, out));
    });
}

/// Rotates the pairs (i, i + half) of one head.
#[inline(always)]
fn rotate_head(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let half = cos.len();
    let (low, high) = head.split_at_mut(half);
    let (low, high, sin) = (&mut low[..half], &mut high[..half], &sin[..half]);
    for i in 0..half {
        let (a, b) = (low[i], high[i]);
        low[i] = a * cos[i] - b * sin[i];
        high[i] = b * cos[i] + a * sin[i];
    }
}

/// See [`ops::Backend::rotate`].
pub(crate) fn rotate(cpu: &Cpu, x: &mut HostTensor, cos: &HostTensor, sin: &HostTensor) {
    norm_and_rotate(cpu, x, None, cos, sin);
}

/// [`rms_norm_heads`] where there is a norm, then [`rotate`], in one pass.
pub(crate) fn norm_and_rotate(
    cpu: &Cpu,
    x: &mut HostTensor,
    norm: Option<(&[f32], f32)>,
    cos: &HostTensor,
    sin: &HostTensor,
) {
    struct Loop<'a>(
        &'a mut [f32],
        Option<(&'a [f32], f32)>,
        &'a [f32],
        &'a [f32],
    );
    impl Work for Loop<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(row, norm, cos, sin) = self;
            for head in row.chunks_exact_mut(2 * cos.len()) {
                if let Some((weight, eps)) = norm {
                    norm_head(head, weight, eps);
                }
                rotate_head(head, cos, sin);
            }
        }
    }
    let columns = x.columns();
    over_rows(cpu, x, |first, rows| {
        for (index, row) in rows.chunks_exact_mut(columns).enumerate() {
            let (cos, sin) = (cos.row(first + index), sin.row(first + index));
            vectorise(cpu.tier, Loop(row, norm, cos, sin));
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
