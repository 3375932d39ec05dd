//! How long steps take on this machine, learned as they are made, and how many rows fit into a time.
//!
//! Measured, because it differs a hundredfold between machines and models. A pass over the weights costs
//! the same for a few rows; beyond, each row costs about the same again. All are running means, so a
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
/// Where many newcomers wait beside few who hear words, the few wait longer for each: at most so many times.
const MOST_PATIENCE: f64 = 4.0;
/// Fewest rows of a prompt in a step, with somebody waiting for words, and without. A step unpacks every weight
/// once, whatever its rows: fewer would make each row dearer, and dearer rows would again be fewer.
const LEAST_ROWS: [usize; 2] = [32, 256];

/// How pressing the next step is.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) enum Press {
    /// Nobody waits for the next word.
    #[default]
    Calm,
    /// Somebody does, and so do so many newcomers for each who does.
    Words { newcomers_each: f64 },
}

impl Press {
    /// With so many who wait for the next word, and so many who have not had their first.
    pub(crate) fn of(speaking: usize, newcomers: usize) -> Self {
        match speaking {
            0 => Self::Calm,
            _ => Self::Words {
                newcomers_each: newcomers as f64 / speaking as f64,
            },
        }
    }
}

/// Times of steps so far, and the bounds they are to keep.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// How long a step and the reading beside it should take at most while somebody waits for words.
    hurry_ms: f64,
    /// And otherwise: how long a newcomer waits, or one who cancels.
    calm_ms: f64,
    /// By rows, less one: mean time of a step of few rows.
    few: [Option<f64>; FEW],
    /// Steps of many rows.
    many: Line,
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
            many: Line::default(),
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
            self.many.observe(rows as f64, ms);
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
        let (pass, row_ms) = self.many.fit(self.few_ms(1).unwrap_or(0.0))?;
        Some(pass + rows as f64 * row_ms)
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
    fn beside_ms(&self, pass: f64, press: Press) -> f64 {
        let calm = (self.calm_ms - pass).max(pass * CALM_SHARE);
        match press {
            Press::Calm => calm,
            Press::Words { newcomers_each } => {
                let patience = newcomers_each.clamp(1.0, MOST_PATIENCE);
                let hurry = (self.hurry_ms - pass).max(pass * HURRY_SHARE);
                (hurry * patience).min(calm)
            }
        }
    }

    /// Rows of prompts that fit beside `taken` rows.
    pub(crate) fn prompt_rows(&self, taken: usize, press: Press) -> usize {
        let calm = usize::from(press == Press::Calm);
        let few = self.step_ms(taken.clamp(1, FEW)).unwrap_or(0.0);
        let Some((pass, row_ms)) = self.many.fit(few) else {
            return FIRST_ROWS[calm];
        };
        let rows = self.beside_ms(pass, press) / row_ms.max(1e-6);
        (rows as usize).max(LEAST_ROWS[calm])
    }

    /// How long a picture may be read beside a step of `taken` rows.
    pub(crate) fn reading_ms(&self, taken: usize, press: Press) -> f64 {
        self.beside_ms(self.step_ms(taken).unwrap_or(0.0), press)
    }
}

/// A line through recent steps of many rows: what such a step costs at all, and what each row costs. The first
/// is more than a pass for few rows where weights have to be unpacked for many; taken for a share of
/// each row's, it would make steps shorter and shorter and each row dearer.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// Sums over steps, older ones counting less: of one, rows, times, rows squared, rows by times.
    one: f64,
    rows: f64,
    ms: f64,
    rows_rows: f64,
    rows_ms: f64,
}

impl Line {
    fn observe(&mut self, rows: f64, ms: f64) {
        let add = |sum: &mut f64, new: f64| *sum = *sum * (1.0 - NEW / 2.0) + new;
        add(&mut self.one, 1.0);
        add(&mut self.rows, rows);
        add(&mut self.ms, ms);
        add(&mut self.rows_rows, rows * rows);
        add(&mut self.rows_ms, rows * ms);
    }

    /// Time of a step at all, which is at least `pass`, and per row; `None` before any step. Where all steps had
    /// about the same rows, the first is taken to be `pass`.
    fn fit(&self, pass: f64) -> Option<(f64, f64)> {
        if self.one == 0.0 {
            return None;
        }
        let (rows, ms) = (self.rows / self.one, self.ms / self.one);
        let spread = self.rows_rows / self.one - rows * rows;
        let least = ms / rows / 8.0;
        let alone = ((ms - pass) / rows).max(least);
        let slope = match spread > (rows / 8.0).powi(2) {
            true => (self.rows_ms / self.one - rows * ms) / spread,
            false => alone,
        };
        // More rows in less time: the machine has changed its speed meanwhile.
        let slope = match slope > least {
            true => slope.min(alone),
            false => alone,
        };
        Some(((ms - rows * slope).max(pass), slope))
    }
}

fn blend(mean: &mut Option<f64>, new: f64) {
    *mean = Some(mean.map_or(new, |mean| mean + (new - mean) * NEW));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody waits for words, and nobody for the first.
    const HURRY: Press = Press::Words {
        newcomers_each: 1.0,
    };

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
        assert_eq!(pace.prompt_rows(1, HURRY), 75);
        assert_eq!(pace.prompt_rows(0, Press::Calm), 450);
        assert!(pace.step_ms(75).is_some_and(|ms| ms <= 250.0));
    }

    #[test]
    fn on_a_slow_machine_words_come_at_half_their_speed_at_worst() {
        let mut pace = Pace::default();
        pace.observe(1, 900.0);
        pace.observe(100, 2_900.0);
        assert_eq!(pace.prompt_rows(1, HURRY), 45);
        assert_eq!(pace.reading_ms(1, HURRY), 900.0);
        // And a prompt makes the most of each pass when nobody waits for words.
        assert_eq!(pace.prompt_rows(0, Press::Calm), 256);
    }

    #[test]
    fn where_newcomers_outnumber_those_who_hear_words_these_wait_longer_but_not_without_bound() {
        let pace = measured();
        let rows = |newcomers| pace.prompt_rows(1, Press::of(2, newcomers));
        assert_eq!(rows(0), 75);
        assert_eq!(rows(2), 75);
        assert_eq!(rows(4), 150);
        assert_eq!(rows(8), 300);
        assert_eq!(rows(1000), 300);
        assert!(rows(1000) <= pace.prompt_rows(0, Press::of(0, 1000)));
    }

    #[test]
    fn a_very_slow_machine_still_gets_on() {
        let mut pace = Pace::default();
        pace.observe(1, 1.0);
        pace.observe(100, 200_000.0);
        assert_eq!(pace.prompt_rows(1, HURRY), LEAST_ROWS[0]);
    }

    #[test]
    fn what_a_step_of_many_rows_costs_at_all_is_not_taken_for_the_cost_of_its_rows() {
        // 70 ms for one row, but 400 ms for more than a few and 5 ms for each of them.
        let mut pace = Pace::default();
        pace.observe(1, 70.0);
        let mut rows = pace.prompt_rows(1, HURRY);
        for _ in 0..40 {
            pace.observe(rows + 1, 400.0 + 5.0 * rows as f64);
            rows = pace.prompt_rows(1, HURRY);
            pace.observe(250, 1650.0);
        }
        assert!((70..=90).contains(&rows), "{rows}");
        assert!(pace.prompt_rows(0, Press::Calm) > 250);
    }

    #[test]
    fn a_machine_that_grows_slower_is_noticed() {
        let mut pace = measured();
        (0..12).for_each(|_| pace.observe(75, 1000.0));
        assert!(
            pace.prompt_rows(1, HURRY) <= 32,
            "{}",
            pace.prompt_rows(1, HURRY)
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
