//! What lies unread of all answers together, and whose it is. It knows amounts and names, not words.
//!
//! An answer has a bound of its own, so that a slow reader may be slow; this one bounds what many of them cost. Where it
//! is passed, the client with the most lying unread loses, of its answers, the one with the most: what lies of it is let
//! go, and it ends. So whoever reads, or has little lying, is not in anybody's way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// All that lies unread.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    most: usize,
    piles: Arc<Mutex<Piles>>,
}

/// What lies unread of one answer.
#[derive(Debug)]
pub(crate) struct Pile {
    unread: Unread,
    key: u64,
}

/// Something whose unread words can be let go.
pub(crate) trait GiveUp: Send + Sync {
    /// Lets them go and ends. They are no longer counted.
    fn give_up(&self);
}

#[derive(Default)]
struct Piles {
    bytes: usize,
    next: u64,
    by_key: HashMap<u64, Entry>,
}

struct Entry {
    client: Arc<str>,
    bytes: usize,
    /// Nothing of it is counted any more.
    is_given_up: bool,
    whose: Weak<dyn GiveUp>,
}

impl Unread {
    /// No more than so many bytes.
    pub fn new(most: usize) -> Self {
        let piles = Arc::default();
        Self { most, piles }
    }

    /// Begins to count what lies of an answer to this client.
    pub fn pile(&self, client: Option<&str>, whose: Weak<dyn GiveUp>) -> Pile {
        let mut piles = self.piles();
        let key = piles.next;
        piles.next += 1;
        let entry = Entry {
            client: client.unwrap_or_default().into(),
            bytes: 0,
            is_given_up: false,
            whose,
        };
        piles.by_key.insert(key, entry);
        drop(piles);
        let unread = self.clone();
        Pile { unread, key }
    }

    /// Gives answers up until no more lies unread than may. None of them may be locked here.
    pub fn keep_within(&self) {
        while let Some(whose) = self.too_much() {
            if let Some(whose) = whose.upgrade() {
                whose.give_up();
            }
        }
    }

    /// Bytes of all.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.piles().bytes
    }

    /// What is to be given up next. It is not counted from here on, so that nobody else is given up for it.
    fn too_much(&self) -> Option<Weak<dyn GiveUp>> {
        let mut piles = self.piles();
        if piles.bytes <= self.most {
            return None;
        }
        let mut clients: HashMap<&str, usize> = HashMap::new();
        for entry in piles.by_key.values() {
            *clients.entry(&entry.client).or_default() += entry.bytes;
        }
        let of_client = |entry: &Entry| clients.get(&*entry.client).copied();
        // Of equals, the oldest.
        let most = piles
            .by_key
            .iter()
            .max_by_key(|(key, entry)| (of_client(entry), entry.bytes, u64::MAX - **key));
        let key = *most?.0;
        let entry = piles.by_key.get_mut(&key)?;
        entry.is_given_up = true;
        let bytes = std::mem::take(&mut entry.bytes);
        let whose = entry.whose.clone();
        piles.bytes -= bytes;
        Some(whose)
    }

    /// Each change is whole before the lock is let go. Nothing else is locked while this is.
    fn piles(&self) -> MutexGuard<'_, Piles> {
        self.piles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pile {
    /// More lies unread. Says where, if that is too much of all: to be brought down by whoever has nothing locked.
    pub fn add(&self, bytes: usize) -> Option<Unread> {
        let mut piles = self.unread.piles();
        let entry = piles.by_key.get_mut(&self.key)?;
        if entry.is_given_up {
            return None;
        }
        entry.bytes += bytes;
        piles.bytes += bytes;
        (piles.bytes > self.unread.most).then(|| self.unread.clone())
    }

    /// Less lies unread.
    pub fn take(&self, bytes: usize) {
        let mut piles = self.unread.piles();
        let Some(entry) = piles.by_key.get_mut(&self.key) else {
            return;
        };
        let bytes = bytes.min(entry.bytes);
        entry.bytes -= bytes;
        piles.bytes -= bytes;
    }
}

impl Drop for Pile {
    fn drop(&mut self) {
        let mut piles = self.unread.piles();
        if let Some(entry) = piles.by_key.remove(&self.key) {
            piles.bytes -= entry.bytes;
        }
    }
}

impl std::fmt::Debug for Piles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Piles")
            .field("bytes", &self.bytes)
            .field("answers", &self.by_key.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Answer(AtomicBool);

    impl GiveUp for Answer {
        fn give_up(&self) {
            assert!(!self.0.swap(true, Ordering::SeqCst), "given up twice");
        }
    }

    /// An answer to a client, with so much unread.
    fn answer(unread: &Unread, client: &str, bytes: usize) -> (Arc<Answer>, Pile) {
        let answer = Arc::new(Answer::default());
        let whose: Weak<Answer> = Arc::downgrade(&answer);
        let pile = unread.pile(Some(client), whose);
        if let Some(unread) = pile.add(bytes) {
            unread.keep_within();
        }
        (answer, pile)
    }

    fn given_up(answers: &[(Arc<Answer>, Pile)]) -> Vec<bool> {
        let answers = answers.iter();
        answers
            .map(|(answer, _)| answer.0.load(Ordering::SeqCst))
            .collect()
    }

    #[test]
    fn the_client_with_the_most_loses_its_largest_and_no_more_than_it_takes() {
        let unread = Unread::new(100);
        let answers = [
            answer(&unread, "anna", 30),
            answer(&unread, "script", 20),
            answer(&unread, "script", 25),
            answer(&unread, "script", 20),
        ];
        assert_eq!(given_up(&answers), [false; 4]);
        // Anna's is the largest of all; the script has more.
        let late = answer(&unread, "bert", 10);
        assert_eq!(given_up(&answers), [false, false, true, false]);
        assert_eq!((given_up(&[late]), unread.bytes()), (vec![false], 80));
        // What was given up is counted no more, whatever is still said of it.
        assert!(answers[2].1.add(1000).is_none());
        answers[2].1.take(1000);
        assert_eq!(unread.bytes(), 70, "the late one has gone");
        answers[1].1.take(15);
        drop(answers);
        assert_eq!(unread.bytes(), 0);
    }

    proptest! {
        #[test]
        fn no_script_of_words_and_readers_passes_the_bound_or_ends_one_who_has_read(
            acts in prop::collection::vec((0_usize..8, 0_usize..60, any::<bool>()), 1..200),
        ) {
            let unread = Unread::new(100);
            let answers: Vec<_> = (0..8)
                .map(|n| answer(&unread, &format!("client {}", n / 2), 0))
                .collect();
            let mut lies = [0_usize; 8];
            for (at, bytes, reads) in acts {
                let ended = given_up(&answers);
                if ended[at] {
                    continue;
                }
                if reads {
                    answers[at].1.take(lies[at]);
                    lies[at] = 0;
                } else {
                    lies[at] += bytes;
                    if let Some(unread) = answers[at].1.add(bytes) {
                        unread.keep_within();
                    }
                }
                for (n, (before, now)) in ended.iter().zip(given_up(&answers)).enumerate() {
                    if !before && now {
                        prop_assert!(lies[n] > 0);
                        lies[n] = 0;
                    }
                }
                prop_assert_eq!(unread.bytes(), lies.iter().sum::<usize>());
                prop_assert!(unread.bytes() <= 100);
            }
        }
    }
}
