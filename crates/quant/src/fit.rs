//! Which scale and offset let sixteen steps come closest to 32 weights, for the eight groups of a block at once.
//!
//! The span from the least to the largest weight is the start; a few narrower and wider ones are tried, each with
//! the scale and offset that are best for the steps it gives (least squares). This is what the better 4-bit
//! formats in wide use do; here all weights count alike.
//!
//! Groups lie side by side, so that every loop over them is a vector and no sum goes across one.

use super::{Q4_BLOCK, Q4_GROUP, Q4_GROUPS, ROUND};

/// Steps that the span is cut into; more than 15 cuts off the ends.
const TRIES: [f32; 7] = [15.0, 14.2, 14.6, 15.4, 15.8, 16.4, 13.6];

/// A number of each group.
type Each = [f32; Q4_GROUPS];

/// `(scale, least)` of each group, neither negative, so that weights are close to `step * scale - least` with steps 0
/// to 15.
#[inline(always)]
pub(crate) fn fit(values: &[f32; Q4_BLOCK]) -> [(f32, f32); Q4_GROUPS] {
    let mut side_by_side = [[0.0_f32; Q4_GROUPS]; Q4_GROUP];
    for (group, values) in values.as_chunks::<Q4_GROUP>().0.iter().enumerate() {
        for (to, value) in side_by_side.iter_mut().zip(values) {
            to[group] = *value;
        }
    }
    let (mut low, mut high): (Each, Each) = ([0.0; _], [f32::MIN; _]);
    let (mut sum, mut squares): (Each, Each) = ([0.0; _], [0.0; _]);
    for values in &side_by_side {
        for g in 0..Q4_GROUPS {
            let value = values[g];
            low[g] = if value < low[g] { value } else { low[g] };
            high[g] = if value > high[g] { value } else { high[g] };
            sum[g] += value;
            squares[g] += value * value;
        }
    }
    let (mut scales, mut leasts, mut least_errors): (Each, Each, Each) =
        ([0.0; _], [0.0; _], [f32::INFINITY; _]);
    for g in 0..Q4_GROUPS {
        // Weights that are no numbers fit nothing; they stay a zero group rather than spoil their neighbours.
        let span = high[g] - low[g];
        scales[g] = if span > 0.0 { span / 15.0 } else { 0.0 };
        leasts[g] = -low[g];
    }
    for steps in TRIES {
        let mut inverse: Each = [0.0; _];
        for g in 0..Q4_GROUPS {
            inverse[g] = steps / (high[g] - low[g]);
        }
        let (mut q1, mut q2, mut qv): (Each, Each, Each) = ([0.0; _], [0.0; _], [0.0; _]);
        for values in &side_by_side {
            for g in 0..Q4_GROUPS {
                let step = ((values[g] - low[g]) * inverse[g] + ROUND) - ROUND;
                let step = if step > 15.0 { 15.0 } else { step };
                q1[g] += step;
                q2[g] += step * step;
                qv[g] += step * values[g];
            }
        }
        for g in 0..Q4_GROUPS {
            let count = Q4_GROUP as f32;
            let (q1, q2, qv, sum) = (q1[g], q2[g], qv[g], sum[g]);
            let determinant = count * q2 - q1 * q1;
            let scale = (count * qv - q1 * sum) / determinant;
            let offset = (q2 * sum - q1 * qv) / determinant;
            let above = offset > 0.0;
            let scale = if above { qv / q2 } else { scale };
            let offset = if above { 0.0 } else { offset };
            let error = squares[g] - 2.0 * (scale * qv + offset * sum)
                + scale * scale * q2
                + 2.0 * scale * offset * q1
                + count * offset * offset;
            // False for whatever is no number.
            let better = determinant > 0.0 && scale > 0.0 && error < least_errors[g];
            scales[g] = if better { scale } else { scales[g] };
            leasts[g] = if better { -offset } else { leasts[g] };
            least_errors[g] = if better { error } else { least_errors[g] };
        }
    }
    std::array::from_fn(|g| (scales[g], leasts[g]))
}
