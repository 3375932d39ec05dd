//! Which scale and offset let sixteen steps come closest to 32 weights.
//!
//! The span from the least to the largest weight is the start; a few narrower and wider ones are tried, each with
//! the scale and offset that are best for the steps it gives (least squares). This is what the better 4-bit
//! formats in wide use do; here all weights count alike.

use super::{Q4_GROUP, ROUND};

/// Steps that the span is cut into; more than 15 cuts off the ends.
const TRIES: [f32; 7] = [15.0, 14.2, 14.6, 15.4, 15.8, 16.4, 13.6];

/// `(scale, least)`, neither negative, so that weights are close to `step * scale - least` with steps 0 to 15.
#[inline(always)]
pub(crate) fn fit(values: &[f32; Q4_GROUP]) -> (f32, f32) {
    let (mut low, mut high) = ([0.0_f32; 16], [f32::MIN; 16]);
    let (mut sum, mut squares) = ([0.0_f32; 16], [0.0_f32; 16]);
    for half in values.as_chunks::<16>().0 {
        for i in 0..16 {
            let value = half[i];
            low[i] = if value < low[i] { value } else { low[i] };
            high[i] = if value > high[i] { value } else { high[i] };
            sum[i] += value;
            squares[i] += value * value;
        }
    }
    let low = low.into_iter().fold(0.0, f32::min);
    let high = high.into_iter().fold(f32::MIN, f32::max);
    let (sum, squares) = (total(sum), total(squares));
    // Weights that are no numbers fit nothing; they stay a zero group rather than spoil their neighbours.
    if high.is_nan() || low.is_nan() || high <= low {
        return (0.0, -low);
    }
    let mut best = ((high - low) / 15.0, -low);
    let mut least_error = f32::INFINITY;
    for steps in TRIES {
        let inverse = steps / (high - low);
        let (mut q1, mut q2, mut qv) = ([0.0_f32; 16], [0.0_f32; 16], [0.0_f32; 16]);
        for half in values.as_chunks::<16>().0 {
            for i in 0..16 {
                let step = ((half[i] - low) * inverse + ROUND) - ROUND;
                let step = if step > 15.0 { 15.0 } else { step };
                q1[i] += step;
                q2[i] += step * step;
                qv[i] += step * half[i];
            }
        }
        let (q1, q2, qv) = (total(q1), total(q2), total(qv));
        let count = Q4_GROUP as f32;
        let determinant = count * q2 - q1 * q1;
        if determinant <= 0.0 {
            continue;
        }
        let mut scale = (count * qv - q1 * sum) / determinant;
        let mut offset = (q2 * sum - q1 * qv) / determinant;
        if offset > 0.0 {
            (scale, offset) = (qv / q2, 0.0);
        }
        if scale <= 0.0 {
            continue;
        }
        let error = squares - 2.0 * (scale * qv + offset * sum)
            + scale * scale * q2
            + 2.0 * scale * offset * q1
            + count * offset * offset;
        if error < least_error {
            (least_error, best) = (error, (scale, -offset));
        }
    }
    best
}

#[inline(always)]
fn total(lanes: [f32; 16]) -> f32 {
    lanes.into_iter().sum()
}
