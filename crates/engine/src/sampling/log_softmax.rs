//! The exponential over a whole vocabulary, and the log-probabilities of raw logits: what the model
//! believed, before any setting changed it.
//!
//! One pass over the vocabulary per token, so the exponential is a polynomial the compiler can
//! vectorise; a test holds it against the standard library's.

/// Terms summed in float32 before they join the float64 total.
const BLOCK: usize = 64;

/// `log(sum(exp(logits)))`; `logits` are finite and `max` is the largest of them.
pub(super) fn log_sum_exp(logits: &[f32], max: f32) -> f32 {
    let mut sum = 0.0f64;
    let (blocks, rest) = logits.as_chunks::<BLOCK>();
    for block in blocks {
        let terms = block.map(|logit| exp_of_negative(logit - max));
        let mut lanes = [0.0f32; 8];
        for eight in terms.as_chunks::<8>().0 {
            for (lane, term) in lanes.iter_mut().zip(eight) {
                *lane += term;
            }
        }
        sum += f64::from(lanes.iter().sum::<f32>());
    }
    sum += rest
        .iter()
        .map(|&logit| f64::from(exp_of_negative(logit - max)))
        .sum::<f64>();
    (f64::from(max) + sum.ln()) as f32
}

/// `exp(x)` for `x <= 0`, to within 3e-7 of its value; 0 below -87, where float32 nearly
/// ends.
///
/// `x = n ln2 + r` with whole `n` and `|r| <= ln2 / 2`; `exp(r)` by its Taylor series to r^7,
/// and `2^n` by writing `n` into the exponent bits. No call and no branch.
pub(super) fn exp_of_negative(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 leaves a whole number in the last bits, rounded to the nearest.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x > -87.0 { x } else { -87.0 };
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let mut series = 1.0 / 5040.0;
    for coefficient in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        series = series * r + coefficient;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.0 { 0.0 } else { series * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_the_standard_one_within_3e7() {
        for step in 0..=870_000 {
            let x = -(step as f32) * 1e-4;
            let want = f64::from(x).exp();
            let have = f64::from(exp_of_negative(x));
            assert!(
                (have / want - 1.0).abs() < 3e-7,
                "exp({x}): {have} instead of {want}"
            );
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(-1000.0), 0.0);
        assert_eq!(exp_of_negative(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn the_sum_over_a_whole_vocabulary_keeps_its_precision() {
        for count in [1usize, 7, 8, 63, 64, 65, 151_936] {
            let logits: Vec<f32> = (0..count)
                .map(|i| ((i as f32 * 0.618).fract() - 0.5) * 30.0)
                .collect();
            let max = logits.iter().copied().fold(f32::MIN, f32::max);
            let exact: f64 = logits.iter().map(|&l| f64::from(l - max).exp()).sum();
            let want = f64::from(max) + exact.ln();
            let have = f64::from(log_sum_exp(&logits, max));
            assert!(
                (have - want).abs() < 2e-6,
                "{count} logits: {have} instead of {want}"
            );
        }
    }
}
