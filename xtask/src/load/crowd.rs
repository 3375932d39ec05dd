//! Many clients that ask about pictures at the same time and hear their answers to the end. Nothing may
//! fail but by a declared 429, the words are those of the same question asked alone, and memory stays flat.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Found;
use super::desk::Desk;
use super::drip;
use super::http::OWN_ADDRESSES;
use super::questions::{Asked, Question};

/// The longest that an answer or a place in the queue may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// During the warm-up every so many questions one is about a picture nobody has seen. Later none is: what
/// the engine keeps of pictures grows to its bounds, and minutes of that would hide a leak.
const NEW_EVERY: u64 = 16;
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// By how much memory may grow after the warm-up, and shrink.
const FLAT_PERCENT: u64 = 5;
/// A machine that does other things as well is not always as fast.
const SLACK_MS: u64 = 250;
/// Faults that are told.
const TOLD: usize = 5;
/// Places of a desk, to be answered or to wait: with more clients than that somebody has to be turned away.
const PLACES: usize = 48;

/// What they ask, and what is right.
pub struct Crowd<'a> {
    pub questions: &'a [Question],
    pub alone: &'a [String],
    pub clients: usize,
    pub limit: Duration,
}

/// What happened.
#[derive(Default)]
struct Tally {
    answers: u64,
    /// Questions whose answers were held against those given alone.
    compared: BTreeSet<usize>,
    refusals: u64,
    /// Refusals of clients because of their share, though each asks one question at a time.
    share_refusals: u64,
    waits_ms: Vec<u64>,
    /// When a question was asked, and after how long its first word came.
    first_words: Vec<(Duration, u64)>,
    /// Clients that never got an answer.
    starved: usize,
    faults: Vec<String>,
}

/// The answers to all questions, asked one after another.
pub fn alone(desk: &Desk, questions: &[Question]) -> Result<Vec<String>, String> {
    let mut answers = Vec::new();
    for question in questions {
        match question.ask(&desk.address, PATIENCE) {
            Ok(Asked::Answered(words, _)) => answers.push(words),
            Ok(Asked::Refused(_)) => {
                return Err(format!("{}: refused, though asked alone", question.name));
            }
            Err(why) => return Err(format!("{}: {why}", question.name)),
        }
    }
    Ok(answers)
}

impl Crowd<'_> {
    pub fn run(&self, desk: &Desk) -> Found {
        let tally = Mutex::new(Tally::default());
        let over = AtomicBool::new(false);
        let started = Instant::now();
        let memory = thread::scope(|scope| {
            let sampler = scope.spawn(|| sample(desk, &over));
            let last_third = (started + self.limit * 2 / 3, started + self.limit);
            drip::all(scope, &desk.address, self.questions, last_third);
            let clients: Vec<_> = (0..self.clients)
                .map(|client| {
                    let tally = &tally;
                    let address = desk.address.as_str();
                    scope.spawn(move || self.client(client as u64, address, started, tally))
                })
                .collect();
            for client in clients {
                if client.join().is_err() {
                    note(&tally, |tally| {
                        tally.faults.push("a client fell over".into())
                    });
                }
            }
            over.store(true, Ordering::Relaxed);
            sampler.join().unwrap_or_default()
        });
        let wall = started.elapsed();
        let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let first_words = not_held_up(&tally.first_words, self.limit);
        self.judge(tally, wall, [flat(&memory, self.limit), first_words])
    }

    fn judge(&self, mut tally: Tally, wall: Duration, found: [Found; 2]) -> Found {
        if tally.starved > 0 {
            let fault = format!("{} clients never got an answer", tally.starved);
            tally.faults.push(fault);
        }
        if tally.share_refusals > 0 && *OWN_ADDRESSES {
            let fault = format!(
                "{} were told that they have their share, with one question each",
                tally.share_refusals
            );
            tally.faults.push(fault);
        }
        let mut held = Vec::new();
        for found in found
            .into_iter()
            .chain([self.full(&tally), self.compared(&tally)])
        {
            match found {
                Ok(told) => held.push(told),
                Err(why) => tally.faults.push(why),
            }
        }
        if !tally.faults.is_empty() {
            let count = tally.faults.len();
            tally.faults.truncate(TOLD);
            let answers = tally.answers;
            let told = tally.faults.join("\n  ");
            return Err(format!("{count} faults in {answers} answers:\n  {told}"));
        }
        tally.waits_ms.sort_unstable();
        let at = |share: usize| {
            let place = (tally.waits_ms.len() * share / 100).min(tally.waits_ms.len() - 1);
            tally.waits_ms.get(place).copied().unwrap_or_default()
        };
        Ok(format!(
            "{} clients{}, {} answers ({:.1} a second), none wrong; an answer took {} ms (median), {} ms (99 of \
             100); {}",
            self.clients,
            whose_address(),
            tally.answers,
            tally.answers as f64 / wall.as_secs_f64(),
            at(50),
            at(99),
            held.join("; "),
        ))
    }

    /// Whether there were more clients than places for a while: else nothing was shown of how they are turned away.
    fn full(&self, tally: &Tally) -> Found {
        match self.clients > PLACES && tally.refusals == 0 {
            true => Err(format!(
                "{} clients on {PLACES} places, and nobody met a full queue",
                self.clients
            )),
            false => Ok(format!("{} declared 429s", tally.refusals)),
        }
    }

    /// Whether answers were held against those of the same questions asked alone.
    fn compared(&self, tally: &Tally) -> Found {
        let (compared, all) = (tally.compared.len(), self.questions.len());
        let told = format!("{compared} of {all} questions were compared with single runs");
        match compared > 0 && compared * 2 >= all {
            true => Ok(told),
            false => Err(told),
        }
    }

    fn client(&self, client: u64, address: &str, started: Instant, tally: &Mutex<Tally>) {
        let mut round = 0;
        let mut answered = false;
        // Whoever still has no answer at the end waits for one: else nobody would see starvation.
        while started.elapsed() < self.limit
            || (!answered && started.elapsed() < self.limit + PATIENCE)
        {
            let turn = client * 7 + round;
            round += 1;
            let index = (turn % self.questions.len() as u64) as usize;
            let asked_alone = (self.questions.get(index), self.alone.get(index));
            let (Some(question), Some(right)) = asked_alone else {
                return;
            };
            let warming_up = started.elapsed() < self.limit / 3;
            let new = (warming_up && turn.is_multiple_of(NEW_EVERY))
                .then(|| Question::about_something_new(client << 32 | round));
            let asked = Instant::now();
            let asked_as = client as usize;
            let question = new.as_ref().unwrap_or(question);
            match question.ask_as(asked_as, address, PATIENCE) {
                Ok(Asked::Answered(words, first)) => {
                    answered = true;
                    let at = asked - started;
                    let took = asked.elapsed().as_millis() as u64;
                    note(tally, |tally| {
                        tally.answers += 1;
                        tally.waits_ms.push(took);
                        tally.first_words.push((at, first.as_millis() as u64));
                        if new.is_some() {
                            return;
                        }
                        tally.compared.insert(index);
                        if words != *right {
                            let name = &question.name;
                            let fault = format!("{name}: {words:?}, and alone {right:?}");
                            tally.faults.push(fault);
                        }
                    });
                }
                Ok(Asked::Refused(away)) => {
                    note(tally, |tally| {
                        tally.refusals += 1;
                        tally.share_refusals += u64::from(away.has_its_share);
                    });
                    thread::sleep(Duration::from_secs(away.after_s.min(10)));
                }
                Err(why) => note(tally, |tally| tally.faults.push(why)),
            }
        }
        if !answered {
            note(tally, |tally| tally.starved += 1);
        }
    }
}

fn note(tally: &Mutex<Tally>, what: impl FnOnce(&mut Tally)) {
    what(&mut tally.lock().unwrap_or_else(PoisonError::into_inner));
}

/// What a line says of the clients' addresses.
fn whose_address() -> &'static str {
    match *OWN_ADDRESSES {
        true => "",
        false => " with one address, for this system has no others, and so with the share of one",
    }
}

/// Memory over time.
fn sample(desk: &Desk, over: &AtomicBool) -> Vec<(Duration, u64)> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while !over.load(Ordering::Relaxed) {
        if let Some(bytes) = desk.resident_bytes() {
            samples.push((started.elapsed(), bytes));
        }
        thread::sleep(LOOK_EVERY);
    }
    samples
}

/// Whether memory at the end is what it was after a third of the time, which is the warm-up.
fn flat(samples: &[(Duration, u64)], limit: Duration) -> Found {
    let mean = |from: Duration, to: Duration| {
        let within = |(at, _): &&(Duration, u64)| (from..to).contains(at);
        let bytes = samples.iter().filter(within).map(|(_, bytes)| bytes);
        let (sum, count) = bytes.fold((0, 0), |(sum, count), bytes| (sum + bytes, count + 1));
        (count > 0).then(|| sum / count)
    };
    let warm = mean(limit / 3, limit / 2);
    let end = mean(limit - limit / 6, limit);
    let (Some(warm), Some(end)) = (warm, end) else {
        return Ok("memory not measured: this system does not tell it".to_owned());
    };
    let told = format!(
        "memory {:.1} MB after the warm-up, {:.1} MB at the end",
        warm as f64 / 1e6,
        end as f64 / 1e6
    );
    match warm.abs_diff(end) * 100 <= warm * FLAT_PERCENT {
        true => Ok(told),
        false => Err(format!("{told}: more than {FLAT_PERCENT} % apart")),
    }
}

/// Whether first words came as soon while clients dripped, in the last third of the time, as in the third before.
fn not_held_up(first_words: &[(Duration, u64)], limit: Duration) -> Found {
    let median = |from: Duration, to: Duration| {
        let within = first_words.iter().filter(|(at, _)| (from..to).contains(at));
        let mut ms: Vec<u64> = within.map(|&(_, ms)| ms).collect();
        ms.sort_unstable();
        ms.get(ms.len() / 2).copied()
    };
    let (quiet, dripping) = (
        median(limit / 3, limit * 2 / 3),
        median(limit * 2 / 3, limit),
    );
    let (Some(quiet), Some(dripping)) = (quiet, dripping) else {
        return Err("nobody was answered in the last two thirds of the time".to_owned());
    };
    let told = format!(
        "a first word took {quiet} ms (median), and {dripping} ms beside {} clients that send or read drop by drop",
        drip::ALL
    );
    match dripping <= quiet + quiet / 2 + SLACK_MS {
        true => Ok(told),
        false => Err(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_that_come_later_beside_slow_clients_are_a_fault() {
        let limit = Duration::from_secs(9);
        let words = |last: u64| -> Vec<_> {
            let ms = |second| if second < 6 { 400 } else { last };
            (0..9)
                .map(|second| (Duration::from_secs(second), ms(second)))
                .collect()
        };
        assert!(not_held_up(&words(420), limit).is_ok());
        assert!(not_held_up(&words(2000), limit).is_err());
        assert!(not_held_up(&words(420)[..6], limit).is_err());
    }

    #[test]
    fn a_crowd_that_met_no_full_queue_or_compared_nothing_is_a_fault() {
        let questions: Vec<_> = (0..4).map(Question::about_something_new).collect();
        let crowd = |clients| Crowd {
            questions: &questions,
            alone: &[],
            clients,
            limit: Duration::ZERO,
        };
        let tally = |refusals, compared: usize| Tally {
            refusals,
            compared: (0..compared).collect(),
            ..Tally::default()
        };
        assert!(crowd(64).full(&tally(0, 4)).is_err());
        assert!(crowd(64).full(&tally(1, 4)).is_ok());
        assert!(crowd(8).full(&tally(0, 4)).is_ok());
        assert!(crowd(64).compared(&tally(1, 0)).is_err());
        assert!(crowd(64).compared(&tally(1, 1)).is_err());
        assert!(crowd(64).compared(&tally(1, 2)).is_ok());
    }

    #[test]
    fn memory_that_grows_after_the_warm_up_is_a_fault() {
        let limit = Duration::from_secs(30);
        let growing = |each: u64| -> Vec<_> {
            let at = |second| (Duration::from_secs(second), 1_000 + second * each);
            (0..30).map(at).collect()
        };
        assert!(flat(&growing(0), limit).is_ok());
        assert!(flat(&growing(1), limit).is_ok());
        assert!(flat(&growing(10), limit).is_err());
    }
}
