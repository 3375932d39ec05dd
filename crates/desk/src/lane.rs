//! Events on their way from one who never waits to one who reads when it may, and what they weigh meanwhile. The ends and
//! what a last event means are the business of whoever has one.

use std::collections::VecDeque;
use std::task::Waker;

use crate::unread::{Pile, Unread};

/// Something that takes room while it lies unread.
pub(crate) trait Weighed {
    /// About how many bytes.
    fn bytes(&self) -> usize;
}

/// Events that nobody has read yet, and who reads.
pub(crate) struct Lane<E> {
    unread: VecDeque<E>,
    bytes: usize,
    reader: Reader,
    /// Counted together with that of other answers.
    pile: Option<Pile>,
}

enum Reader {
    /// Has read all there was, and is to be woken.
    Waiting(Waker),
    /// Does something else, and will look again.
    Elsewhere,
    Gone,
}

/// What is left to do once the lane is no longer locked: others' code may run.
#[must_use]
#[derive(Default)]
pub(crate) struct Put {
    waker: Option<Waker>,
    too_much: Option<Unread>,
}

impl Put {
    /// Wakes the reader, and keeps what lies unread of all within its bound.
    pub fn tell(self) {
        if let Some(waker) = self.waker {
            waker.wake();
        }
        if let Some(unread) = self.too_much {
            unread.keep_within();
        }
    }
}

impl<E: Weighed> Lane<E> {
    pub fn new() -> Self {
        Self {
            unread: VecDeque::new(),
            bytes: 0,
            reader: Reader::Elsewhere,
            pile: None,
        }
    }

    /// From now on what lies here is counted there.
    pub fn count_in(&mut self, pile: Pile) -> Put {
        let too_much = pile.add(self.bytes);
        self.pile = Some(pile);
        Put {
            too_much,
            waker: None,
        }
    }

    /// Lays an event down.
    pub fn put(&mut self, event: E) -> Put {
        let bytes = event.bytes();
        self.bytes += bytes;
        self.unread.push_back(event);
        let too_much = self.pile.as_ref().and_then(|pile| pile.add(bytes));
        let woken = self.wake();
        Put { too_much, ..woken }
    }

    /// The next event, read.
    pub fn next(&mut self) -> Option<E> {
        let event = self.unread.pop_front()?;
        self.count_out(event.bytes());
        Some(event)
    }

    /// Lets go of what nobody has read. To be dropped where the lane is not locked.
    pub fn clear(&mut self) -> VecDeque<E> {
        self.count_out(self.bytes);
        std::mem::take(&mut self.unread)
    }

    /// Nothing new, but the reader is to look again.
    pub fn wake(&mut self) -> Put {
        let waker = match std::mem::replace(&mut self.reader, Reader::Elsewhere) {
            Reader::Waiting(waker) => Some(waker),
            reader => {
                self.reader = reader;
                None
            }
        };
        Put {
            waker,
            too_much: None,
        }
    }

    /// The reader has read all there is, and is to be woken.
    pub fn wait(&mut self, waker: &Waker) {
        self.reader = Reader::Waiting(waker.clone());
    }

    /// The reader leaves.
    pub fn leave(&mut self) -> VecDeque<E> {
        self.reader = Reader::Gone;
        self.clear()
    }

    /// Whether the reader has left.
    pub fn is_left(&self) -> bool {
        matches!(self.reader, Reader::Gone)
    }

    /// What lies here.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many events lie here.
    pub fn len(&self) -> usize {
        self.unread.len()
    }

    fn count_out(&mut self, bytes: usize) {
        self.bytes -= bytes;
        if let Some(pile) = &self.pile {
            pile.take(bytes);
        }
    }
}
