//! Places with the engine, to be answered or to wait: how many are taken and by whom, and that each is
//! given back.
//!
//! A client gets another place as long as it holds fewer than are left, and more are left than the quarter that
//! is kept for those who hold none. Alone it may hold half of all places, beside one other like it a third, and
//! whoever comes with a first question finds a place for each answer it asks for, however much the others ask.
//! Nobody has to say beforehand how many clients there will be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::request::SubmitError;

/// One in so many places is kept for clients that hold none.
const KEPT: usize = 4;

/// Counts shared between handles and the worker.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    counts: Mutex<Counts>,
    /// Milliseconds from one end of an answer to the next while there is work, smoothed; for telling people
    /// when it will be their turn.
    pub(crate) answer_ms: AtomicUsize,
}

/// Who is here.
#[derive(Debug, Default)]
struct Counts {
    running: usize,
    waiting: usize,
    /// Places of each client that has a name; none is 0.
    held: HashMap<Arc<str>, usize>,
}

/// How many places there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) waiting: usize,
    pub(crate) running: usize,
}

impl Gauge {
    /// So many places at once, unless too few are left or `client` would hold more than its share: then none.
    pub(super) fn take(
        gauge: &Arc<Self>,
        capacity: Capacity,
        client: Option<&str>,
        answers: usize,
    ) -> Result<Vec<Place>, SubmitError> {
        let mut counts = gauge.counts();
        let most = capacity.running.saturating_add(capacity.waiting);
        let left = most.saturating_sub(counts.running + counts.waiting);
        let known = client.and_then(|client| counts.held.get_key_value(client));
        let held = known.map_or(0, |(_, &held)| held);
        // The last of them is the hardest to get: by then the others are held.
        let more = answers.saturating_sub(1);
        let left_then = left.saturating_sub(more);
        let is_first = client.is_none() || held == 0;
        let is_fair = is_first || held + more < left_then && left_then > most / KEPT;
        if left_then == 0 || !is_fair {
            let waiting = counts.waiting;
            return Err(match left > 0 && held > 0 {
                true => SubmitError::OverShare {
                    held,
                    retry_after_s: gauge.time_for_s(ends_until(more, held, left, most)),
                },
                false => SubmitError::Busy {
                    waiting,
                    retry_after_s: gauge.time_for_s(waiting),
                },
            });
        }
        let client = known
            .map(|(client, _)| Arc::clone(client))
            .or(client.map(Arc::from));
        if let Some(client) = &client {
            *counts.held.entry(Arc::clone(client)).or_default() += answers;
        }
        counts.waiting += answers;
        let place = || Place {
            gauge: Arc::clone(gauge),
            client: client.clone(),
            waiting: true,
        };
        Ok((0..answers).map(|_| place()).collect())
    }

    /// How many run and how many wait.
    pub(crate) fn running_and_waiting(&self) -> (usize, usize) {
        let counts = self.counts();
        (counts.running, counts.waiting)
    }

    /// An answer took so long, one of `running` at once.
    pub(crate) fn note_answer(&self, took: Duration, running: usize) {
        let share = (took.as_millis() as usize / running.max(1)).max(1);
        let before = self.answer_ms.load(Ordering::Relaxed);
        let mean = match before {
            0 => share,
            _ => (before * 3 + share) / 4,
        };
        self.answer_ms.store(mean, Ordering::Relaxed);
    }

    /// In how many seconds so many answers will have ended; at least one.
    fn time_for_s(&self, answers: usize) -> u64 {
        let each_ms = self.answer_ms.load(Ordering::Relaxed);
        answers.saturating_mul(each_ms).div_ceil(1000).max(1) as u64
    }

    /// Each change is whole before the lock is let go, so a panic leaves counts that are still right.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many answers, whoever's, have to end until a client that holds so many places gets another, and `more` beside
/// it. Answers end among clients as places are held; what comes in meanwhile is not foreseen.
fn ends_until(more: usize, held: usize, left: usize, most: usize) -> usize {
    let taken = most.saturating_sub(left);
    // With each end one more place is left, and the client holds `held / taken` fewer.
    let until_fewer = (held + 2 * more)
        .checked_sub(left)
        .map_or(0, |over| over * taken / (taken + held).max(1) + 1);
    let until_not_kept = (most / KEPT + 1 + more).saturating_sub(left);
    until_fewer.max(until_not_kept)
}

/// A place with the engine; gives itself back when dropped, wherever that happens.
pub(crate) struct Place {
    gauge: Arc<Gauge>,
    client: Option<Arc<str>>,
    waiting: bool,
}

impl Place {
    /// From waiting to running.
    pub(crate) fn start(&mut self) {
        if self.waiting {
            self.waiting = false;
            let mut counts = self.gauge.counts();
            counts.running += 1;
            counts.waiting -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gauge.counts();
        if self.waiting {
            counts.waiting -= 1;
        } else {
            counts.running -= 1;
        }
        let Some(client) = &self.client else {
            return;
        };
        if let Some(held) = counts.held.get_mut(client) {
            *held -= 1;
            if *held == 0 {
                counts.held.remove(client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAPACITY: Capacity = Capacity {
        waiting: 32,
        running: 16,
    };

    fn one(gauge: &Arc<Gauge>, client: Option<&str>) -> Result<Place, SubmitError> {
        let taken = Gauge::take(gauge, CAPACITY, client, 1);
        taken.map(|mut places| places.pop().expect("one"))
    }

    /// As many places as the client gets.
    fn all(gauge: &Arc<Gauge>, client: &str) -> Vec<Place> {
        std::iter::from_fn(|| one(gauge, Some(client)).ok()).collect()
    }

    /// How many places the client is told that it holds, and when to come back.
    fn told(gauge: &Arc<Gauge>, client: &str) -> (usize, u64) {
        match one(gauge, Some(client)).map(drop) {
            Err(SubmitError::OverShare {
                held,
                retry_after_s,
            }) => (held, retry_after_s),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_client_alone_holds_half_of_the_places_and_is_told_why_it_gets_no_more() {
        let gauge = Arc::new(Gauge::default());
        gauge.note_answer(Duration::from_secs(5), 1);
        let mut held = all(&gauge, "script");
        assert_eq!(held.len(), 24);
        // One of them has to end, not all.
        assert_eq!(told(&gauge, "script"), (24, 5));
        // Whether they run or wait makes no difference; giving one back does.
        held.iter_mut().take(16).for_each(Place::start);
        assert_eq!(gauge.running_and_waiting(), (16, 8));
        assert!(all(&gauge, "script").is_empty());
        held.pop();
        assert_eq!(all(&gauge, "script").len(), 1);
    }

    #[test]
    fn the_time_that_is_told_is_that_until_the_client_would_get_a_place() {
        let gauge = Arc::new(Gauge::default());
        gauge.note_answer(Duration::from_secs(5), 1);
        let mut first = all(&gauge, "first");
        let mut second = all(&gauge, "second");
        assert_eq!((first.len(), second.len()), (24, 12));
        // It is enough that anybody's ends.
        assert_eq!(told(&gauge, "second"), (12, 5));
        // Of eight that end, five are the first's.
        assert_eq!(told(&gauge, "first"), (24, 40));
        first.truncate(24 - 5);
        second.truncate(12 - 2);
        assert!(one(&gauge, Some("first")).is_err());
        second.pop();
        assert!(one(&gauge, Some("first")).is_ok());
        // Places that are kept for others have to be left as well.
        let single: Vec<_> = (0..19)
            .map(|client| one(&gauge, Some(&format!("single {client}"))))
            .collect();
        assert_eq!(single.iter().filter(|place| place.is_ok()).count(), 19);
        assert_eq!(told(&gauge, "single 0"), (1, 60));
    }

    #[test]
    fn whoever_comes_new_gets_a_place_beside_clients_that_take_all_they_can() {
        let gauge = Arc::new(Gauge::default());
        let mut held = Vec::new();
        for client in 0..14 {
            held.push(all(&gauge, &format!("script {client}")));
        }
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [24, 12, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        // As answers end, the places go to those who hold the fewest.
        held[0].truncate(12);
        assert_eq!(all(&gauge, "script 0").len(), 0);
        assert_eq!(all(&gauge, "script 2").len(), 0);
        held[1].truncate(6);
        let more = all(&gauge, "script 2");
        assert_eq!(more.len(), 6);
    }

    #[test]
    fn whoever_comes_new_gets_a_place_for_each_answer_it_asks_for() {
        let gauge = Arc::new(Gauge::default());
        let _greedy = [all(&gauge, "script"), all(&gauge, "other")];
        let eight = Gauge::take(&gauge, CAPACITY, Some("new"), 8).expect("places are kept for it");
        assert_eq!(eight.len(), 8);
        assert!(one(&gauge, Some("new")).is_err());
        assert!(Gauge::take(&gauge, CAPACITY, Some("newer"), 5).is_err());
        assert!(Gauge::take(&gauge, CAPACITY, Some("newer"), 4).is_ok());
    }

    #[test]
    fn who_has_no_name_is_held_to_no_share() {
        let gauge = Arc::new(Gauge::default());
        let held: Vec<_> = std::iter::from_fn(|| one(&gauge, None).ok()).collect();
        assert_eq!(held.len(), 48);
        assert!(matches!(
            one(&gauge, None),
            Err(SubmitError::Busy { waiting: 48, .. })
        ));
        drop(held);
        assert_eq!(gauge.running_and_waiting(), (0, 0));
    }

    #[test]
    fn who_asks_for_several_places_gets_all_of_them_or_none() {
        let gauge = Arc::new(Gauge::default());
        gauge.note_answer(Duration::from_secs(5), 1);
        let three = |client| Gauge::take(&gauge, CAPACITY, client, 3);
        let held = Gauge::take(&gauge, CAPACITY, Some("script"), 22).expect("22 of its 24");
        // Two more it could have.
        match three(Some("script")).map(drop) {
            Err(SubmitError::OverShare {
                held,
                retry_after_s,
            }) => assert_eq!((held, retry_after_s), (22, 5)),
            other => panic!("{other:?}"),
        }
        assert_eq!(gauge.running_and_waiting(), (0, 22));
        let two = Gauge::take(&gauge, CAPACITY, Some("script"), 2).expect("two");
        drop(held);
        let nameless = Gauge::take(&gauge, CAPACITY, None, 44).expect("44 of 46");
        assert!(matches!(three(None), Err(SubmitError::Busy { .. })));
        // Who holds none is told of no share.
        assert!(matches!(three(Some("new")), Err(SubmitError::Busy { .. })));
        assert_eq!(gauge.running_and_waiting(), (0, 46));
        drop((two, nameless));
        assert_eq!(gauge.running_and_waiting(), (0, 0));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Take(u8, usize),
        Start(usize),
        GiveBack(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (0_u8..6, 1_usize..4).prop_map(|(client, answers)| Act::Take(client, answers)),
            1 => any::<usize>().prop_map(Act::Start),
            2 => any::<usize>().prop_map(Act::GiveBack),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn no_script_of_comings_and_goings_locks_a_newcomer_out_or_loses_a_place(
            acts in prop::collection::vec(act(), 1..200),
            waiting in 0_usize..12,
            running in 1_usize..6,
        ) {
            let (gauge, capacity) = (Arc::new(Gauge::default()), Capacity { waiting, running });
            let most = waiting + running;
            let mut held: Vec<(u8, Place)> = Vec::new();
            for act in acts {
                match act {
                    Act::Take(client, answers) => {
                        let own = held.iter().filter(|(other, _)| *other == client).count();
                        let left = most - held.len();
                        // One after another, as if each were asked for by itself.
                        let is_fair = (0..answers).all(|before| {
                            let (own, left) = (own + before, left.saturating_sub(before));
                            own < left && left > most / KEPT
                        });
                        let fits = left >= answers && (own == 0 || is_fair);
                        match Gauge::take(&gauge, capacity, Some(&client.to_string()), answers) {
                            Ok(places) => {
                                prop_assert!(fits && places.len() == answers);
                                held.extend(places.into_iter().map(|place| (client, place)));
                            }
                            Err(SubmitError::Busy { .. }) => {
                                prop_assert!(!fits && (left == 0 || own == 0));
                            }
                            Err(SubmitError::OverShare { held, .. }) => {
                                prop_assert!(!fits && own > 0 && held == own);
                            }
                            Err(other) => prop_assert!(false, "{}", other),
                        }
                    }
                    Act::Start(_) | Act::GiveBack(_) if held.is_empty() => {}
                    Act::Start(at) => {
                        let at = at % held.len();
                        held[at].1.start();
                    }
                    Act::GiveBack(at) => {
                        let at = at % held.len();
                        held.swap_remove(at);
                    }
                }
                let (running, waiting) = gauge.running_and_waiting();
                prop_assert_eq!(running + waiting, held.len());
            }
            held.clear();
            let counts = gauge.counts();
            prop_assert_eq!((counts.running, counts.waiting, counts.held.len()), (0, 0, 0));
        }
    }
}
