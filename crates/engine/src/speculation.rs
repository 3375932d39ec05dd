//! Whether guessing ahead pays, and how far.
//!
//! A step over a few rows costs little more than over one, because reading the weights is what takes
//! time. Checking `k` guesses gives one token for certain and one more for each guess that was right up to
//! the first wrong one. How often they are right is learned per answer, what the rows cost is measured
//! ([`Pace`]); a guess is made only while more tokens per second come of it.

use crate::pace::Pace;

/// Most guesses in a row.
pub(crate) const MOST_GUESSES: usize = 7;
/// How much one more guess, right or wrong, counts.
const NEW: f64 = 0.08;
/// Share of right guesses an engine expects before its first.
const FIRST_SHARE: f64 = 0.6;
/// Chances to guess that pass by before one is taken on trial, in case the text has changed its nature.
const TRIAL_AFTER: u32 = 48;
/// How much better guessing must look: what was measured is not exact.
const MARGIN: f64 = 1.03;

/// When to guess ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speculation {
    /// While it is measured to pay.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Whenever there is a guess.
    On,
}

/// How well guesses do in one answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    share: f64,
    passed: u32,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            share: FIRST_SHARE,
            passed: 0,
        }
    }
}

impl Record {
    /// Of `proposed` guesses the first `accepted` were right; what stood behind the first wrong one was
    /// not looked at.
    pub(crate) fn learn(&mut self, proposed: usize, accepted: usize) {
        for guess in 0..proposed.min(accepted + 1) {
            let right = if guess < accepted { 1.0 } else { 0.0 };
            self.share += (right - self.share) * NEW;
        }
    }

    /// How many of `available` guesses to check in a step that has `others` rows besides this answer's.
    pub(crate) fn choose(
        &mut self,
        speculation: Speculation,
        available: usize,
        others: usize,
        pace: &Pace,
    ) -> usize {
        let available = available.min(MOST_GUESSES);
        match speculation {
            Speculation::Off => return 0,
            Speculation::On => return available,
            Speculation::Auto if available == 0 => return 0,
            Speculation::Auto => {}
        }
        let speed = |guesses: usize| {
            let ms = pace.step_ms(others + 1 + guesses)?;
            Some((others as f64 + self.tokens(guesses)) / ms)
        };
        let Some(plain) = speed(0) else { return 0 };
        let best = (1..=available)
            .filter_map(|guesses| Some((guesses, speed(guesses)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match best {
            Some((guesses, speed)) if speed > plain * MARGIN => {
                self.passed = 0;
                guesses
            }
            _ => {
                self.passed += 1;
                if self.passed < TRIAL_AFTER {
                    return 0;
                }
                self.passed = 0;
                available.min(2)
            }
        }
    }

    /// Tokens that a step with so many guesses is likely to give.
    fn tokens(&self, guesses: usize) -> f64 {
        (0..=guesses as i32)
            .map(|right| self.share.powi(right))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which rows two to eight cost `extra` of a pass each.
    fn machine(extra: f64) -> Pace {
        let mut pace = Pace::default();
        for rows in 1..=16 {
            pace.observe(rows, 100.0 * (1.0 + extra * (rows - 1) as f64));
        }
        pace
    }

    fn choose(record: &mut Record, pace: &Pace) -> usize {
        record.choose(Speculation::Auto, 7, 0, pace)
    }

    #[test]
    fn guesses_that_come_true_are_made_further_ahead() {
        let (mut record, pace) = (Record::default(), machine(0.05));
        let first = choose(&mut record, &pace);
        (0..20).for_each(|_| record.learn(first, first));
        assert!(first > 0 && choose(&mut record, &pace) == 7);
    }

    #[test]
    fn guesses_that_fail_are_given_up_and_tried_again_now_and_then() {
        let (mut record, pace) = (Record::default(), machine(0.2));
        (0..60).for_each(|_| record.learn(3, 0));
        let made: Vec<usize> = (0..200).map(|_| choose(&mut record, &pace)).collect();
        assert_eq!(made.iter().filter(|&&guesses| guesses > 0).count(), 4);
    }

    #[test]
    fn where_each_row_costs_as_much_as_a_pass_none_is_guessed() {
        let mut record = Record::default();
        (0..20).for_each(|_| record.learn(2, 2));
        assert_eq!(choose(&mut record, &machine(1.0)), 0);
    }

    #[test]
    fn others_in_the_step_make_guessing_pay_less() {
        let (mut alone, pace) = (Record::default(), machine(0.15));
        let guesses = choose(&mut alone, &pace);
        let beside = Record::default().choose(Speculation::Auto, 7, 8, &pace);
        assert!(beside < guesses, "{beside} beside eight, {guesses} alone");
    }

    #[test]
    fn it_can_be_forced_on_and_off() {
        let (mut record, pace) = (Record::default(), machine(1.0));
        assert_eq!(record.choose(Speculation::On, 9, 0, &pace), MOST_GUESSES);
        assert_eq!(record.choose(Speculation::Off, 9, 0, &machine(0.0)), 0);
    }
}
