//! Counting answers: accuracy per group, and how far it can be trusted with so few lines.

use std::collections::BTreeMap;

use serde::Serialize;

/// The normal quantile that leaves 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;

/// A share of some lines with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Lines counted.
    pub lines: usize,
    /// Their scores added up: of lines that are right or wrong, how many are right.
    pub score: f64,
    /// `score / lines`; 0 of no lines.
    pub share: f64,
    /// Lower end of the Wilson interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// Of scores between 0 and 1.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let (lines, score) = scores
            .into_iter()
            .fold((0, 0.0), |(lines, sum), score| (lines + 1, sum + score));
        let share = if lines == 0 {
            0.0
        } else {
            score / lines as f64
        };
        let (low, high) = wilson(share, lines);
        Self {
            lines,
            score,
            share,
            low,
            high,
        }
    }

    /// Of things that are so or not.
    pub fn counting(answers: impl IntoIterator<Item = bool>) -> Self {
        Self::of(answers.into_iter().map(|yes| if yes { 1.0 } else { 0.0 }))
    }
}

/// One share per name, in the order of the names.
pub fn by_name<'a>(scores: impl IntoIterator<Item = (&'a str, f64)>) -> BTreeMap<String, Share> {
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, score) in scores {
        groups.entry(name.to_owned()).or_default().push(score);
    }
    groups
        .into_iter()
        .map(|(name, scores)| (name, Share::of(scores)))
        .collect()
}

/// Wilson's score interval at 95 % (Wilson 1927): honest for few lines and near 0 and 1, where the
/// usual plus-minus is not. A mean of graded scores is treated as a share of right answers.
fn wilson(share: f64, lines: usize) -> (f64, f64) {
    if lines == 0 {
        return (0.0, 1.0);
    }
    let n = lines as f64;
    let spread = Z * Z / n;
    let centre = (share + spread / 2.0) / (1.0 + spread);
    let half = (Z / (1.0 + spread)) * (share * (1.0 - share) / n + spread / (4.0 * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // Values from Newcombe 1998, table I: 81 of 263 and 0 of 20.
        let (low, high) = wilson(81.0 / 263.0, 263);
        assert!(
            (low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4,
            "{low} {high}"
        );
        let (low, high) = wilson(0.0, 20);
        assert!(low == 0.0 && (high - 0.1611).abs() < 1e-4, "{low} {high}");
    }

    #[test]
    fn nothing_counted_is_nothing_known() {
        let share = Share::counting([]);
        assert_eq!(
            (share.lines, share.share, share.low, share.high),
            (0, 0.0, 0.0, 1.0)
        );
    }

    #[test]
    fn groups_are_counted_apart() {
        let groups = by_name([("b", 1.0), ("a", 0.0), ("b", 0.5)]);
        assert_eq!(groups.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((groups["b"].lines, groups["b"].share), (2, 0.75));
    }
}
