//! How long steps take on this machine, learned as they are made, and how many rows fit into a time.
//!
//! Measured, because it differs a hundredfold between machines and models. A pass over the weights costs
//! the same for a few rows; beyond, each row costs about the same again. Both are running means, so a
//! machine that grows slower (others use it too) is noticed within a few steps.

/// Rows up to which a step's time is kept for each number of rows.
const FEW: usize = 16;
/// How much a new figure counts.
const NEW: f64 = 0.25;
/// Rows that one more row among few is taken to cost before it was measured, as a share of a pass.
const UNMEASURED: f64 = 0.04;

/// Rows of a prompt before anything was measured: with somebody waiting for words, and without.
const FIRST_ROWS: [usize; 2] = [64, 256];
/// Where a pass over the weights is itself long: time for prompts and pictures beside it, as a share of the
/// pass. With somebody waiting for words these come at half their speed for a while; without, a pass is made to pay.
const HURRY_SHARE: f64 = 1.0;
const CALM_SHARE: f64 = 4.0;
/// Fewest rows of a prompt in a step, with somebody waiting for words, and without. A step unpacks every weight
/// once, whatever its rows: fewer would make each row dearer, and dearer rows would again be fewer.
const LEAST_ROWS: [usize; 2] = [32, 256];

/// Times of steps so far, and the bounds they are to keep.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// How long a step and the reading beside it should take at most while somebody waits for words.
    hurry_ms: f64,
    /// And otherwise: how long a newcomer waits, or one who cancels.
    calm_ms: f64,
    /// By rows, less one: mean time of a step of few rows.
    few: [Option<f64>; FEW],
    /// Mean time per row beyond one pass, of steps of many rows.
    row_ms: Option<f64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(250.0, 1000.0)
    }
}

impl Pace {
    pub(crate) fn new(hurry_ms: f64, calm_ms: f64) -> Self {
        Self {
            hurry_ms,
            calm_ms,
            few: [None; FEW],
            row_ms: None,
        }
    }

    /// A step of `rows` rows took so long.
    pub(crate) fn observe(&mut self, rows: usize, ms: f64) {
        if rows == 0 || !ms.is_finite() {
            return;
        }
        if rows <= FEW {
            blend(&mut self.few[rows - 1], ms);
        } else {
            let pass = self.few_ms(1).unwrap_or(0.0);
            let row_ms = ((ms - pass) / rows as f64).max(ms / rows as f64 / 4.0);
            blend(&mut self.row_ms, row_ms);
        }
    }

    /// How long a step of so many rows is likely to take; `None` before anything like it was measured.
    pub(crate) fn step_ms(&self, rows: usize) -> Option<f64> {
        if rows == 0 {
            return Some(0.0);
        }
        if rows <= FEW {
            return self.few_ms(rows);
        }
        let few = self.few_ms(1).unwrap_or(0.0);
        Some(few + rows as f64 * self.row_ms?)
    }

    /// Between two measured numbers of rows, on the line between them; beyond, a little more per row.
    fn few_ms(&self, rows: usize) -> Option<f64> {
        let known = |at: usize| Some((at, self.few[at - 1]?));
        let below = (1..=rows).rev().find_map(known);
        let above = (rows..=FEW).find_map(known);
        Some(match (below, above) {
            (Some((_, ms)), _) if self.few[rows - 1].is_some() => ms,
            (Some((low, low_ms)), Some((high, high_ms))) => {
                let share = (rows - low) as f64 / (high - low) as f64;
                low_ms + (high_ms - low_ms) * share
            }
            (Some((low, ms)), None) => ms * (1.0 + UNMEASURED * (rows - low) as f64),
            (None, Some((high, ms))) => ms / (1.0 + UNMEASURED * (high - rows) as f64),
            (None, None) => return None,
        })
    }

    /// What is left of the bound beside a pass over the weights that takes `pass` ms. On a machine where
    /// that alone is near the bound, prompts and pictures still get a fair share of the time.
    fn beside_ms(&self, pass: f64, hurry: bool) -> f64 {
        let (bound, share) = match hurry {
            true => (self.hurry_ms, HURRY_SHARE),
            false => (self.calm_ms, CALM_SHARE),
        };
        (bound - pass).max(pass * share)
    }

    /// Rows of prompts that fit beside `taken` rows.
    pub(crate) fn prompt_rows(&self, taken: usize, hurry: bool) -> usize {
        let Some(row_ms) = self.row_ms else {
            return FIRST_ROWS[usize::from(!hurry)];
        };
        let pass = self.step_ms(taken.clamp(1, FEW)).unwrap_or(0.0);
        let rows = self.beside_ms(pass, hurry) / row_ms.max(1e-6);
        (rows as usize).max(LEAST_ROWS[usize::from(!hurry)])
    }

    /// How long a picture may be read beside a step of `taken` rows.
    pub(crate) fn reading_ms(&self, taken: usize, hurry: bool) -> f64 {
        self.beside_ms(self.step_ms(taken).unwrap_or(0.0), hurry)
    }
}

fn blend(mean: &mut Option<f64>, new: f64) {
    *mean = Some(mean.map_or(new, |mean| mean + (new - mean) * NEW));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with 100 ms per pass and 2 ms per row of a prompt.
    fn measured() -> Pace {
        let mut pace = Pace::default();
        pace.observe(1, 100.0);
        pace.observe(200, 500.0);
        pace
    }

    #[test]
    fn rows_of_a_prompt_fit_the_bound_beside_words() {
        let pace = measured();
        assert_eq!(pace.prompt_rows(1, true), 75);
        assert_eq!(pace.prompt_rows(0, false), 450);
        assert!(pace.step_ms(75).is_some_and(|ms| ms <= 250.0));
    }

    #[test]
    fn on_a_slow_machine_words_come_at_half_their_speed_at_worst() {
        let mut pace = Pace::default();
        pace.observe(1, 900.0);
        pace.observe(100, 2_900.0);
        assert_eq!(pace.prompt_rows(1, true), 45);
        assert_eq!(pace.reading_ms(1, true), 900.0);
        // And a prompt makes the most of each pass when nobody waits for words.
        assert_eq!(pace.prompt_rows(0, false), 256);
    }

    #[test]
    fn a_very_slow_machine_still_gets_on() {
        let mut pace = Pace::default();
        pace.observe(1, 1.0);
        pace.observe(100, 200_000.0);
        assert_eq!(pace.prompt_rows(1, true), LEAST_ROWS[0]);
    }

    #[test]
    fn a_machine_that_grows_slower_is_noticed() {
        let mut pace = measured();
        (0..12).for_each(|_| pace.observe(75, 1000.0));
        assert!(
            pace.prompt_rows(1, true) <= 32,
            "{}",
            pace.prompt_rows(1, true)
        );
    }

    #[test]
    fn few_rows_lie_between_what_was_measured() {
        let mut pace = Pace::default();
        assert_eq!(pace.step_ms(4), None);
        pace.observe(1, 100.0);
        assert_eq!(pace.step_ms(6), Some(120.0));
        pace.observe(5, 300.0);
        assert_eq!(
            (pace.step_ms(3), pace.step_ms(5)),
            (Some(200.0), Some(300.0))
        );
    }
}
