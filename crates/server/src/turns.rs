//! Turns to do what takes memory and time for a moment: decoding pictures, compiling schemas, counting tokens. It knows
//! amounts and names, not the work.
//!
//! A turn that is free goes to the client that has the fewest, and of those to the one that has waited longest: one with
//! many requests is passed by one with few. The last is kept for a client that has none. Counting has no more than half
//! of the turns, for it answers nothing. A turn is for one picture, so whoever waits does not wait for long.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::{Receiver, Sender, channel};

/// Turns at once; each may hold a gigabyte for a moment, however small its request came.
const AT_ONCE: usize = 4;
/// Of these, turns to count.
const COUNTING: usize = AT_ONCE / 2;

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// To take a picture in, or a question with a place.
    Ask,
    /// To say what a question would cost.
    Count,
}

/// Turns, and those who wait for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<Line>>);

/// A turn; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    client: Arc<str>,
    work: Work,
}

#[derive(Debug, Default)]
struct Line {
    taken: usize,
    counting: usize,
    /// Turns of each client; none is 0.
    held: HashMap<Arc<str>, usize>,
    /// In the order of their coming.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    client: Arc<str>,
    work: Work,
    turn: Sender<Turn>,
}

impl Turns {
    /// Where the turn will come; whoever lets go of this waits no more.
    pub fn line_up(&self, client: &str, work: Work) -> Receiver<Turn> {
        let (turn, comes) = channel();
        let mut line = self.line();
        line.waiting.push_back(Waiting {
            client: client.into(),
            work,
            turn,
        });
        self.hand_out(line);
        comes
    }

    /// Gives the turns that are free to those whose they are.
    fn hand_out(&self, mut line: MutexGuard<'_, Line>) {
        let mut given = Vec::new();
        while let Some(next) = line.next() {
            let Waiting { client, work, turn } = next;
            line.taken += 1;
            line.counting += usize::from(work == Work::Count);
            *line.held.entry(client.clone()).or_default() += 1;
            let turns = self.clone();
            let its = Turn {
                turns,
                client,
                work,
            };
            given.push((turn, its));
        }
        drop(line);
        for (turn, its) in given {
            // What comes back, for its client has just left, is dropped and thereby given to others.
            let _ = turn.send(its);
        }
    }

    /// Each change is whole before the lock is let go, so a panic leaves counts that are still right.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Whose turn it is, if one is free.
    fn next(&mut self) -> Option<Waiting> {
        self.waiting.retain(|waiting| !waiting.turn.is_closed());
        if self.taken >= AT_ONCE {
            return None;
        }
        let is_last = self.taken + 1 == AT_ONCE;
        let may = |waiting: &Waiting| {
            let is_kept = is_last && self.held.contains_key(&waiting.client);
            !is_kept && (waiting.work == Work::Ask || self.counting < COUNTING)
        };
        let has = |waiting: &Waiting| self.held.get(&waiting.client).copied().unwrap_or(0);
        let waiting = self.waiting.iter().enumerate();
        // Of equals, the first.
        let next = waiting
            .filter(|(_, waiting)| may(waiting))
            .min_by_key(|(_, waiting)| has(waiting));
        let (at, _) = next?;
        self.waiting.remove(at)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.turns.line();
        line.taken -= 1;
        line.counting -= usize::from(self.work == Work::Count);
        if let Some(held) = line.held.get_mut(&self.client) {
            *held -= 1;
            if *held == 0 {
                line.held.remove(&self.client);
            }
        }
        self.turns.hand_out(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The turns that have come, taken out of those that wait.
    fn come(waiting: &mut Vec<(&'static str, Receiver<Turn>)>) -> Vec<(&'static str, Turn)> {
        let mut come = Vec::new();
        waiting.retain_mut(|(client, turn)| match turn.try_recv() {
            Ok(turn) => {
                come.push((*client, turn));
                false
            }
            Err(_) => true,
        });
        come
    }

    fn names(turns: &[(&'static str, Turn)]) -> Vec<&'static str> {
        turns.iter().map(|(client, _)| *client).collect()
    }

    #[test]
    fn one_with_many_requests_is_passed_by_one_with_few() {
        let turns = Turns::default();
        let ask = |client| (client, turns.line_up(client, Work::Ask));
        let mut waiting: Vec<_> = (0..10).map(|_| ask("script")).collect();
        let mut held = come(&mut waiting);
        assert_eq!(names(&held), ["script"; 3]);
        waiting.extend([ask("anna"), ask("bert"), ask("anna")]);
        // Nobody has to end first.
        let next = come(&mut waiting);
        assert_eq!(names(&next), ["anna"]);
        held.splice(0..0, next);
        let mut order = Vec::new();
        while let Some(done) = held.pop() {
            drop(done);
            let next = come(&mut waiting);
            order.extend(names(&next));
            held.splice(0..0, next);
        }
        assert_eq!(order[0], "bert");
        assert_eq!(order.len(), 9);
        let line = turns.line();
        assert_eq!((line.taken, line.held.len(), line.waiting.len()), (0, 0, 0));
    }

    #[test]
    fn counting_leaves_half_of_the_turns_to_others() {
        let turns = Turns::default();
        let count = |client| (client, turns.line_up(client, Work::Count));
        let mut waiting: Vec<_> = ["a", "b", "c", "d"].map(count).into();
        let mut counting = come(&mut waiting);
        assert_eq!(names(&counting), ["a", "b"]);
        let mut asked: Vec<_> = ["a", "e"]
            .map(|client| (client, turns.line_up(client, Work::Ask)))
            .into();
        let asking = come(&mut asked);
        assert_eq!(names(&asking), ["a", "e"]);
        counting.pop();
        assert_eq!(names(&come(&mut waiting)), ["c"]);
        // Who leaves gives up the place in the line as well as a turn that is on its way.
        waiting.clear();
        drop((counting, asking));
        assert_eq!(turns.line().taken, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn no_script_of_comings_and_goings_leaves_a_turn_lying_or_takes_too_many(
            acts in prop::collection::vec((0_u8..4, 0_u8..5, any::<usize>()), 1..150),
        ) {
            let turns = Turns::default();
            let mut waiting: Vec<(u8, Work, Receiver<Turn>)> = Vec::new();
            let mut held: Vec<(u8, Work, Turn)> = Vec::new();
            for (act, client, at) in acts {
                match act {
                    0 | 1 => {
                        let work = if act == 0 { Work::Ask } else { Work::Count };
                        waiting.push((client, work, turns.line_up(&client.to_string(), work)));
                    }
                    2 if !held.is_empty() => drop(held.swap_remove(at % held.len())),
                    3 if !waiting.is_empty() => drop(waiting.remove(at % waiting.len())),
                    _ => {}
                }
                let mut still = Vec::new();
                for (client, work, mut turn) in waiting {
                    match turn.try_recv() {
                        Ok(turn) => held.push((client, work, turn)),
                        Err(_) => still.push((client, work, turn)),
                    }
                }
                waiting = still;
                let counting = held.iter().filter(|(_, work, _)| *work == Work::Count).count();
                prop_assert!(held.len() <= AT_ONCE && counting <= COUNTING);
                let has_none = |client: u8| !held.iter().any(|(other, ..)| *other == client);
                let could = |client: u8, work: Work| {
                    (held.len() + 1 < AT_ONCE || held.len() < AT_ONCE && has_none(client))
                        && (work == Work::Ask || counting < COUNTING)
                };
                prop_assert!(!waiting.iter().any(|(client, work, _)| could(*client, *work)));
                let alone = held.iter().all(|(client, ..)| *client == held[0].0);
                prop_assert!(!alone || held.len() < AT_ONCE);
            }
            drop((waiting, held));
            let line = turns.line();
            prop_assert_eq!((line.taken, line.counting, line.held.len()), (0, 0, 0));
        }
    }
}
