//! Several runs become one: the median of every figure, and how far the runs lay apart.

use engine::{Memory, Timings};
use serde::Serialize;

/// The smallest and largest value of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    pub min: f64,
    pub max: f64,
}

/// The ranges of all figures, under the names of the figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    pub load_ms: Range,
    pub image_ms: Range,
    pub vision_ms: Range,
    pub prefill_ms: Range,
    pub ttft_ms: Range,
    pub decode_ms: Range,
    pub decode_tokens_per_s: Range,
}

/// Medians and spread of at least one run.
pub fn summary(runs: &[Timings]) -> (Timings, Spread) {
    let of = |figure: fn(&Timings) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let load = of(|t| t.load_ms);
    let image = of(|t| t.image_ms);
    let vision = of(|t| t.vision_ms);
    let prefill = of(|t| t.prefill_ms);
    let ttft = of(|t| t.ttft_ms);
    let decode = of(|t| t.decode_ms);
    let speed = of(|t| t.decode_tokens_per_s);
    let medians = Timings {
        load_ms: median(&load),
        image_ms: median(&image),
        vision_ms: median(&vision),
        prefill_ms: median(&prefill),
        ttft_ms: median(&ttft),
        decode_ms: median(&decode),
        decode_tokens_per_s: median(&speed),
    };
    let spread = Spread {
        load_ms: range(&load),
        image_ms: range(&image),
        vision_ms: range(&vision),
        prefill_ms: range(&prefill),
        ttft_ms: range(&ttft),
        decode_ms: range(&decode),
        decode_tokens_per_s: range(&speed),
    };
    (medians, spread)
}

/// The largest memory any run saw.
pub fn peak(runs: impl Iterator<Item = Memory>) -> Memory {
    Memory {
        peak_rss_bytes: runs.map(|memory| memory.peak_rss_bytes).max().unwrap_or(0),
    }
}

/// Of sorted values; the mean of the middle two when their number is even.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn range(sorted: &[f64]) -> Range {
    let min = sorted.first().copied().unwrap_or(0.0);
    Range {
        min,
        max: sorted.last().copied().unwrap_or(min),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(prefill_ms: f64, decode_tokens_per_s: f64) -> Timings {
        Timings {
            prefill_ms,
            decode_tokens_per_s,
            ..Timings::default()
        }
    }

    #[test]
    fn each_figure_has_its_own_median_and_range() {
        let (medians, spread) = summary(&[run(30.0, 1.0), run(10.0, 3.0), run(20.0, 2.5)]);
        assert_eq!(
            (medians.prefill_ms, medians.decode_tokens_per_s),
            (20.0, 2.5)
        );
        assert_eq!(
            spread.prefill_ms,
            Range {
                min: 10.0,
                max: 30.0
            }
        );
        assert_eq!(spread.decode_tokens_per_s, Range { min: 1.0, max: 3.0 });
    }

    #[test]
    fn an_even_number_of_runs_takes_the_middle_of_two() {
        let (medians, _) = summary(&[run(10.0, 0.0), run(20.0, 0.0)]);
        assert_eq!(medians.prefill_ms, 15.0);
    }
}
