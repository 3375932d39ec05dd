//! What drawing a token mostly needs of a row of logits: the likeliest tokens, and the logarithm of the sum of all
//! exponentials, from which log-probabilities follow. A row of a large vocabulary is 600 KB; this is 516 bytes of it.
//!
//! It is a row of float32 like any other: [`MOST`] logits (fewer where the vocabulary is smaller), the larger first
//! and of equals the one with the lower id; as many ids; the logarithm, or NaN where a logit is no finite number.

use std::cmp::Ordering;

/// Logits kept of a row.
pub const MOST: usize = 64;
/// Vocabularies beyond have ids that float32 does not hold.
pub const LARGEST_VOCABULARY: usize = 1 << 24;

/// Logits kept of a row of `vocabulary`.
pub fn kept(vocabulary: usize) -> usize {
    vocabulary.min(MOST)
}

/// Values of such a row for a vocabulary.
pub fn columns(vocabulary: usize) -> usize {
    2 * kept(vocabulary) + 1
}

/// Such a row.
#[derive(Debug, Clone, Copy)]
pub struct Likeliest<'a> {
    logits: &'a [f32],
    ids: &'a [f32],
    log_sum: f32,
}

impl<'a> Likeliest<'a> {
    /// From its values; `None` where they are not [`columns`] of any vocabulary.
    pub fn of(row: &'a [f32]) -> Option<Self> {
        let (&log_sum, both) = row.split_last()?;
        let (logits, ids) = both.split_at_checked(both.len() / 2)?;
        (logits.len() == ids.len() && !ids.is_empty()).then_some(Self {
            logits,
            ids,
            log_sum,
        })
    }

    /// Ids and logits, the likeliest first.
    pub fn all(self) -> impl Iterator<Item = (u32, f32)> {
        let ids = self.ids.iter().map(|&id| id as u32);
        ids.zip(self.logits.iter().copied())
    }

    /// The least of these logits: no other of the row is larger.
    pub fn least(self) -> f32 {
        self.logits.last().copied().unwrap_or(f32::INFINITY)
    }

    /// The logarithm of the sum of the exponentials of all logits. `None` where one of them is no finite number.
    pub fn log_sum(self) -> Option<f32> {
        self.log_sum.is_finite().then_some(self.log_sum)
    }
}

/// The definition: appends what is said of a row of logits to `out`.
pub fn summarize(logits: &[f32], out: &mut Vec<f32>) {
    let kept = kept(logits.len());
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    let likelier = |a: &u32, b: &u32| -> Ordering {
        let (x, y) = (logits[*a as usize], logits[*b as usize]);
        y.total_cmp(&x).then(a.cmp(b))
    };
    if kept < order.len() {
        order.select_nth_unstable_by(kept, likelier);
        order.truncate(kept);
    }
    order.sort_unstable_by(likelier);
    out.extend(order.iter().map(|&id| logits[id as usize]));
    out.extend(order.iter().map(|&id| id as f32));
    let most = order.first().map_or(0.0, |&id| logits[id as usize]);
    let sum: f64 = logits
        .iter()
        .map(|&logit| f64::from(logit - most).exp())
        .sum();
    out.push(match logits.iter().all(|logit| logit.is_finite()) {
        true => (f64::from(most) + sum.ln()) as f32,
        false => f32::NAN,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_are_in_order_and_of_equals_the_lower_id_comes_first() {
        let mut logits = vec![0.0; 100];
        (logits[90], logits[7], logits[50]) = (3.0, 3.0, 5.0);
        let mut row = Vec::new();
        summarize(&logits, &mut row);
        assert_eq!(row.len(), columns(100));
        let row = Likeliest::of(&row).expect("a row");
        let first: Vec<_> = row.all().take(5).collect();
        assert_eq!(first, [(50, 5.0), (7, 3.0), (90, 3.0), (0, 0.0), (1, 0.0)]);
        assert_eq!((row.all().count(), row.least()), (MOST, 0.0));
        let sum = 97.0 + 2.0 * 3.0_f32.exp() + 5.0_f32.exp();
        assert!((row.log_sum().expect("finite") - sum.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_small_vocabulary_is_there_as_a_whole() {
        let mut row = Vec::new();
        summarize(&[1.0, 2.0], &mut row);
        assert_eq!(row[..4], [2.0, 1.0, 1.0, 0.0]);
        assert_eq!(row.len(), columns(2));
    }

    #[test]
    fn a_logit_that_is_no_number_shows() {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut row = Vec::new();
            summarize(&[1.0, broken, 2.0], &mut row);
            assert_eq!(Likeliest::of(&row).expect("a row").log_sum(), None);
        }
    }

    #[test]
    fn values_that_are_no_such_row_are_refused() {
        assert!(Likeliest::of(&[]).is_none());
        assert!(Likeliest::of(&[1.0]).is_none());
        assert!(Likeliest::of(&[1.0, 2.0]).is_none());
    }
}
