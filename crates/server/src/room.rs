//! Room in memory for large bodies on their way, shared between those who send them. It knows amounts and names,
//! not bodies.
//!
//! A body gets its room when so much of it has come that it means it, and then all that it may need: bodies that
//! each held a part of theirs would wait for one another. Who gets it is decided as the engine decides on its
//! places: a client gets more as long as it then holds no more than was left, and the quarter that is kept for
//! those who hold none stays. Alone it may hold about half. A body that gets none yet waits, and what another
//! gives back goes to whoever may have it and has waited longest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::time::timeout;

use crate::access::Asker;
use crate::error::ApiError;

/// What a body may have without asking: the connections bound how many do.
pub(crate) const FREE: u64 = 1024 * 1024;
/// All large bodies together: a dozen photographs of the largest size, and far more of the usual one.
const WHOLE: u64 = 256 * 1024 * 1024;
/// Kept for clients that hold none. A body is smaller, so the first who comes finds room.
const KEPT: u64 = WHOLE / 4;
/// How long a body waits for others to make room, mostly others of the same client.
pub(crate) const TURN: Duration = Duration::from_secs(30);

/// The room there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Arc<Mutex<Counts>>);

/// What a body has of it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Room,
    client: Arc<str>,
    bytes: u64,
}

/// Who has what, and who waits.
#[derive(Debug, Default)]
struct Counts {
    taken: u64,
    /// Bytes of each client; none is 0.
    held: HashMap<Arc<str>, u64>,
    /// In the order of their coming.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    client: Arc<str>,
    bytes: u64,
    turn: Sender<Place>,
}

impl Room {
    /// A place for so many bytes, once there is one.
    pub async fn place(&self, client: &Asker, bytes: u64) -> Result<Place, ApiError> {
        let bytes = bytes.saturating_sub(FREE).min(WHOLE);
        let client = Arc::from(client.0.as_str());
        if bytes == 0 {
            let room = self.clone();
            return Ok(Place {
                room,
                client,
                bytes,
            });
        }
        match timeout(TURN, self.line_up(client, bytes)).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(ApiError::UploadsBusy),
        }
    }

    /// Where the place will come; whoever lets go of this waits no more.
    fn line_up(&self, client: Arc<str>, bytes: u64) -> Receiver<Place> {
        let (turn, place) = channel();
        let mut counts = self.counts();
        counts.waiting.push_back(Waiting {
            client,
            bytes,
            turn,
        });
        self.hand_out(counts);
        place
    }

    /// Gives those who wait what they may have by now.
    fn hand_out(&self, mut counts: MutexGuard<'_, Counts>) {
        let mut given = Vec::new();
        let mut at = 0;
        while let Some(next) = counts.waiting.get(at) {
            let gone = next.turn.is_closed();
            if !gone && !counts.may_have(&next.client, next.bytes) {
                at += 1;
                continue;
            }
            let Some(next) = counts.waiting.remove(at).filter(|_| !gone) else {
                continue;
            };
            counts.taken += next.bytes;
            *counts.held.entry(next.client.clone()).or_default() += next.bytes;
            let place = Place {
                room: self.clone(),
                client: next.client,
                bytes: next.bytes,
            };
            given.push((next.turn, place));
        }
        drop(counts);
        for (turn, place) in given {
            // What comes back, for its client has just left, is dropped and thereby given to others.
            let _ = turn.send(place);
        }
    }

    /// Each change is whole before the lock is let go, so a panic leaves counts that are still right.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn may_have(&self, client: &str, bytes: u64) -> bool {
        let left = WHOLE.saturating_sub(self.taken);
        match self.held.get(client) {
            None => bytes <= left,
            Some(held) => held + bytes <= left && left - bytes >= KEPT,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut counts = self.room.counts();
        counts.taken -= self.bytes;
        if let Some(held) = counts.held.get_mut(&self.client) {
            *held -= self.bytes;
            if *held == 0 {
                counts.held.remove(&self.client);
            }
        }
        self.room.hand_out(counts);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MB: u64 = 1024 * 1024;
    /// The largest request with pictures inside.
    const LARGEST: u64 = 48 * MB;

    /// As many places for a large picture as the client gets at once.
    fn all(room: &Room, client: &str) -> Vec<Place> {
        let next = || room.line_up(client.into(), 20 * MB).try_recv().ok();
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn a_client_alone_gets_half_of_the_room_and_others_find_some() {
        let room = Room::default();
        let held: Vec<_> = (0..6)
            .map(|client| all(&room, &client.to_string()))
            .collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [6, 3, 1, 1, 1, 0]);
        drop(held);
        assert!(room.counts().held.is_empty());
    }

    #[test]
    fn what_is_given_back_goes_to_who_has_waited_longest_and_may_have_it() {
        let room = Room::default();
        let mut script = all(&room, "script");
        let wait = |client: &str| room.line_up(client.into(), 20 * MB);
        let (mut second, mut third, gone) = (wait("script"), wait("script"), wait("script"));
        drop(gone);
        // Others pass a client that has its share.
        assert_eq!(all(&room, "person").len(), 3);
        assert!(second.try_recv().is_err());
        script.pop();
        let held = second.try_recv();
        assert!(held.is_ok());
        assert!(third.try_recv().is_err());
        script.clear();
        assert!(third.try_recv().is_ok());
        drop(held);
        let counts = room.counts();
        assert_eq!((counts.taken, counts.waiting.len()), (0, 0));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Ask(u8, u64),
        GiveBack(usize),
        Leave(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0_u8..6, 1..=LARGEST).prop_map(|(client, bytes)| Act::Ask(client, bytes)),
            2 => any::<usize>().prop_map(Act::GiveBack),
            1 => any::<usize>().prop_map(Act::Leave),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn no_script_of_comings_and_goings_takes_more_than_its_share_or_waits_for_what_it_may_have(
            acts in prop::collection::vec(act(), 1..200),
        ) {
            let room = Room::default();
            let mut held: Vec<(u8, u64, Place)> = Vec::new();
            let mut waiting: Vec<(u8, u64, Receiver<Place>)> = Vec::new();
            // The rule in other words: before and after in whole amounts.
            let fits = |held: &[(u8, u64, Place)], client: u8, bytes: u64| {
                let taken: u64 = held.iter().map(|(_, bytes, _)| bytes).sum();
                let own = held.iter().filter(|(other, ..)| *other == client);
                let own: u64 = own.map(|(_, bytes, _)| bytes).sum();
                let after = taken + bytes;
                after <= WHOLE
                    && (own == 0 || own + after <= WHOLE && after <= WHOLE / 4 * 3)
            };
            for act in acts {
                match act {
                    Act::Ask(client, bytes) => {
                        let place = room.line_up(client.to_string().into(), bytes);
                        waiting.push((client, bytes, place));
                    }
                    Act::GiveBack(at) if !held.is_empty() => {
                        held.swap_remove(at % held.len());
                    }
                    Act::Leave(at) if !waiting.is_empty() => {
                        waiting.remove(at % waiting.len());
                    }
                    Act::GiveBack(_) | Act::Leave(_) => {}
                }
                let mut still = Vec::new();
                for (client, bytes, mut place) in waiting {
                    let fits = fits(&held, client, bytes);
                    match place.try_recv() {
                        Ok(place) => {
                            prop_assert!(fits, "{} got {} beyond its share", client, bytes);
                            held.push((client, bytes, place));
                        }
                        Err(_) => {
                            prop_assert!(!fits, "{} waits for {} in vain", client, bytes);
                            still.push((client, bytes, place));
                        }
                    }
                }
                waiting = still;
                let one = held.iter().all(|(client, ..)| *client == held[0].0);
                if one {
                    let newcomer = room.line_up("newcomer".into(), LARGEST).try_recv();
                    prop_assert!(newcomer.is_ok());
                }
            }
            drop((waiting, held));
            let counts = room.counts();
            prop_assert_eq!((counts.taken, counts.held.len()), (0, 0));
        }
    }
}
