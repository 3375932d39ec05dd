//! The likeliest few of a whole vocabulary, without sorting it.

use std::cmp::Ordering;

use super::sampler::Candidate;

/// Likelier first; of equals, the lower id first.
pub(super) fn likelier_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.probability
        .total_cmp(&a.probability)
        .then(a.id.cmp(&b.id))
}

/// The largest score, if all of them are finite (and there are any). Sixteen at a time, because
/// every token pays for a pass over the vocabulary.
pub(super) fn largest(scores: &[f32]) -> Option<f32> {
    const LANES: usize = 16;
    let mut largest = [f32::MIN; LANES];
    let mut finite = [true; LANES];
    for chunk in scores.chunks(LANES) {
        for ((&score, largest), finite) in chunk.iter().zip(&mut largest).zip(&mut finite) {
            *largest = if score > *largest { score } else { *largest };
            *finite &= score.abs() <= f32::MAX;
        }
    }
    let usable = !scores.is_empty() && !finite.contains(&false);
    usable.then(|| largest.into_iter().fold(f32::MIN, f32::max))
}

/// The `k`-th largest of `scores`, or minus infinity when there are no more than `k`.
/// `buffer` is scratch space. `k` is at least 1.
///
/// Scores above the bar gather in the buffer; when it holds twice `k` it is cut back to the `k`
/// largest and the bar rises, so most of a vocabulary costs one comparison each.
pub(super) fn kth_largest(scores: &[f32], k: usize, buffer: &mut Vec<f32>) -> f32 {
    if k >= scores.len() {
        return f32::NEG_INFINITY;
    }
    let descending = |a: &f32, b: &f32| b.total_cmp(a);
    let room = k.saturating_mul(2).max(256);
    let mut bar = f32::NEG_INFINITY;
    buffer.clear();
    for &score in scores {
        if score > bar {
            buffer.push(score);
            if buffer.len() == room {
                bar = *buffer.select_nth_unstable_by(k - 1, descending).1;
                buffer.truncate(k);
            }
        }
    }
    *buffer.select_nth_unstable_by(k - 1, descending).1
}

/// Keeps the likeliest candidates while the mass before them is below `top_p` of `total`, at least
/// one; leaves them sorted, likelier first. `probability` need not be normalised: `total` is its sum.
pub(super) fn keep_nucleus(candidates: &mut Vec<Candidate>, top_p: f32, total: f64) {
    let wanted = f64::from(top_p) * total;
    // Those below this weigh less than the part outside the nucleus even together.
    let least = (total - wanted) / candidates.len() as f64;
    candidates.retain(|candidate| f64::from(candidate.probability) >= least);
    let mut mass = 0.0f64;
    let mut sorted = 0;
    while sorted < candidates.len() {
        // Each round sorts only as many as may be needed: 64, then four times more.
        let end = (sorted * 4).max(64).min(candidates.len());
        if end < candidates.len() {
            candidates[sorted..].select_nth_unstable_by(end - sorted, likelier_first);
        }
        candidates[sorted..end].sort_unstable_by(likelier_first);
        for (index, candidate) in candidates.iter().enumerate().take(end).skip(sorted) {
            if index > 0 && mass >= wanted {
                candidates.truncate(index);
                return;
            }
            mass += f64::from(candidate.probability);
        }
        sorted = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(weights: &[f32]) -> Vec<Candidate> {
        weights
            .iter()
            .enumerate()
            .map(|(id, &probability)| Candidate {
                id: id as u32,
                probability,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn the_kth_largest_is_the_one_a_sort_finds(
            scores in prop::collection::vec((-40i32..40).prop_map(|s| s as f32 * 0.5), 1..2000),
            k in 1usize..700,
        ) {
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let want = if k >= sorted.len() { f32::NEG_INFINITY } else { sorted[k - 1] };
            prop_assert_eq!(kth_largest(&scores, k, &mut Vec::new()), want);
        }

        #[test]
        fn the_nucleus_is_the_one_a_full_sort_finds(
            weights in prop::collection::vec((0i32..50).prop_map(|w| w as f32), 1..1500),
            top_p in 0.0f32..1.0,
        ) {
            let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
            let mut want = candidates(&weights);
            want.sort_by(likelier_first);
            let mut mass = 0.0;
            let mut keep = 0;
            for candidate in &want {
                if keep > 0 && mass >= f64::from(top_p) * total {
                    break;
                }
                mass += f64::from(candidate.probability);
                keep += 1;
            }
            want.truncate(keep);
            let mut have = candidates(&weights);
            keep_nucleus(&mut have, top_p, total);
            prop_assert_eq!(have, want);
        }
    }
}
