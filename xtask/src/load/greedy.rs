//! One client that asks far more than the others, from one address and without waiting as it is told. Nobody else
//! may be refused because of it, and nobody waits for its whole queue: clients take turns.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Found;
use super::desk::Desk;
use super::http::OWN_ADDRESSES;
use super::questions::{Asked, Question};

/// The one, among the clients' numbers.
const GREEDY: usize = 0;
/// So many of its questions at the same time: more than the half of all places that it may hold alone.
const ITS_QUESTIONS: usize = 40;
/// So many others, each with a question at a time: the quarter of the places that is kept for them.
const OTHERS: usize = 12;
/// So often each of them asks.
const ROUNDS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What happened to one side.
#[derive(Default)]
struct Side {
    /// How long each waited for its first word.
    waits_ms: Mutex<Vec<u64>>,
    refusals: AtomicUsize,
}

impl Side {
    /// Asks once.
    fn ask(&self, client: usize, address: &str, question: &Question) -> Result<(), String> {
        match question.ask_as(client, address, PATIENCE)? {
            Asked::Answered(_, first) => self.waits_ms().push(first.as_millis() as u64),
            Asked::Refused(_) => {
                self.refusals.fetch_add(1, Ordering::Relaxed);
                thread::sleep(AGAIN_AFTER);
            }
        }
        Ok(())
    }

    fn waits_ms(&self) -> MutexGuard<'_, Vec<u64>> {
        self.waits_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many answers, and how long the first word of the one in the middle took.
    fn median_ms(self) -> (usize, u64) {
        let mut waits_ms = self
            .waits_ms
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        waits_ms.sort_unstable();
        let median = waits_ms.get(waits_ms.len() / 2).copied();
        (waits_ms.len(), median.unwrap_or(u64::MAX))
    }
}

/// Lets it ask for as long as the others need for theirs.
pub fn run(desk: &Desk, questions: &[Question]) -> Found {
    if !*OWN_ADDRESSES {
        return Ok("not shown: on this system all clients have one address".to_owned());
    }
    let (its, others) = (Side::default(), Side::default());
    let address = desk.address.as_str();
    let left = AtomicUsize::new(OTHERS);
    let asked = thread::scope(|scope| {
        let (its, others, left) = (&its, &others, &left);
        let greedy = (0..ITS_QUESTIONS).map(|at| {
            scope.spawn(move || -> Result<(), String> {
                let mut questions = questions.iter().cycle().skip(at);
                while left.load(Ordering::Relaxed) > 0 {
                    let question = questions.next().ok_or("there are no questions")?;
                    its.ask(GREEDY, address, question)?;
                }
                Ok(())
            })
        });
        let mut all: Vec<_> = greedy.collect();
        // It is first, and takes what it can.
        let started = Instant::now();
        while its.refusals.load(Ordering::Relaxed) == 0 && started.elapsed() < PATIENCE {
            thread::sleep(AGAIN_AFTER);
        }
        // What counts is how long it waits beside the others.
        its.waits_ms().clear();
        all.extend((0..OTHERS).map(|other| {
            scope.spawn(move || {
                let mut questions = questions.iter().cycle().skip(other).take(ROUNDS);
                let asked = questions
                    .try_for_each(|question| others.ask(GREEDY + 1 + other, address, question));
                left.fetch_sub(1, Ordering::Relaxed);
                asked
            })
        }));
        all.into_iter().try_for_each(|client| match client.join() {
            Ok(asked) => asked,
            Err(_) => Err("a client fell over".to_owned()),
        })
    });
    asked?;
    let (its_refusals, refusals) = (
        its.refusals.load(Ordering::Relaxed),
        others.refusals.load(Ordering::Relaxed),
    );
    let ((its_answers, its_ms), (answers, ms)) = (its.median_ms(), others.median_ms());
    let told = format!(
        "{ITS_QUESTIONS} questions at once from one: {its_answers} answers, the first word after {its_ms} ms \
         (median), {its_refusals} declared 429s; {OTHERS} others beside it: {answers} answers, the first word after \
         {ms} ms, {refusals} refused"
    );
    match its_refusals > 0 && refusals == 0 && ms < its_ms {
        true => Ok(told),
        false => Err(told),
    }
}
