//! Counts of durations in fixed ranges, as metrics systems want them.

/// Upper ends of the ranges, in seconds: 1 ms to two minutes, about three to a decade.
pub const BOUNDS_S: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// How often a duration fell into which range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Histogram {
    /// `counts[i]`: at most `BOUNDS_S[i]` and more than the bound before it; the last: longer than all.
    pub counts: [u64; BOUNDS_S.len() + 1],
    /// All durations together.
    pub sum_s: f64,
}

impl Histogram {
    /// Takes note of one duration.
    pub fn observe(&mut self, seconds: f64) {
        let range = BOUNDS_S.partition_point(|&bound| bound < seconds);
        self.counts[range] += 1;
        self.sum_s += seconds;
    }

    /// How many durations were observed.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean, if anything was observed.
    pub fn mean_s(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum_s / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_range_that_holds_it() {
        let mut histogram = Histogram::default();
        for seconds in [0.0, 0.001, 0.002, 120.0, 500.0] {
            histogram.observe(seconds);
        }
        assert_eq!(histogram.counts[..2], [2, 1]);
        assert_eq!(histogram.counts[15..], [1, 1]);
        assert_eq!((histogram.count(), histogram.mean_s()), (5, Some(124.0006)));
    }
}
