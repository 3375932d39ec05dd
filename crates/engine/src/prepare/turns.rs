//! How many pictures are decoded at the same time.
//!
//! A file of a few hundred kilobytes may unfold to hundreds of megabytes. The limits of a picture bound
//! that for one; this bounds it for all askers together, each of whom decodes on a thread of its own.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Turns to be taken, so many at a time.
#[derive(Debug)]
pub(super) struct DecodeTurns {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A turn; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a DecodeTurns);

impl DecodeTurns {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            free: Mutex::new(at_once),
            freed: Condvar::new(),
        }
    }

    /// Waits for a turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let free = self.freed.wait_while(self.free(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }

    /// A number is whole whatever happened while it was locked.
    fn free(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn no_more_than_allowed_have_a_turn_and_all_come_to_theirs() {
        let turns = DecodeTurns::new(2);
        let (now, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = turns.take();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // The first waits for company, which may be slow to come, and then for a third.
                    let began = Instant::now();
                    while most.load(Ordering::SeqCst) < 2 && began.elapsed() < PATIENCE {
                        thread::yield_now();
                    }
                    thread::sleep(Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(done.into_inner(), 8);
        assert_eq!(most.into_inner(), 2);
    }

    #[test]
    fn a_panic_gives_the_turn_back() {
        let turns = DecodeTurns::new(1);
        let fell = thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _turn = turns.take();
                    panic!("a decoder fell over");
                })
                .join()
        });
        assert!(fell.is_err());
        drop(turns.take());
    }
}
