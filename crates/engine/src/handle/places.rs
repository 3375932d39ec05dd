//! Places in the queue: how many are taken, and that each is given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts shared between handles and the worker.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) running: AtomicUsize,
    pub(crate) waiting: AtomicUsize,
    /// Milliseconds from one end of an answer to the next while there is work, smoothed; for telling people
    /// when it will be their turn.
    pub(crate) answer_ms: AtomicUsize,
}

/// No place is left.
pub(super) struct Full {
    pub(super) waiting: usize,
    /// A fair time to come back.
    pub(super) retry_after_s: u64,
}

impl Gauge {
    /// A place in the queue, unless `most_waiting` wait already. Whoever can start at once does not count.
    pub(super) fn take(
        gauge: &Arc<Self>,
        most_waiting: usize,
        most_running: usize,
    ) -> Result<Place, Full> {
        let running = gauge.running.load(Ordering::Acquire);
        let most = most_waiting + most_running.saturating_sub(running);
        let one_more = |waiting: usize| (waiting < most).then_some(waiting + 1);
        let taken = gauge
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        match taken {
            Ok(_) => Ok(Place {
                gauge: Arc::clone(gauge),
                waiting: true,
            }),
            Err(waiting) => {
                let each_ms = gauge.answer_ms.load(Ordering::Relaxed);
                let retry_after_s = waiting.saturating_mul(each_ms).div_ceil(1000).max(1) as u64;
                Err(Full {
                    waiting,
                    retry_after_s,
                })
            }
        }
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
}

/// A place in the queue; gives itself back when dropped, wherever that happens.
pub(crate) struct Place {
    gauge: Arc<Gauge>,
    waiting: bool,
}

impl Place {
    /// From waiting to running.
    pub(crate) fn start(&mut self) {
        if self.waiting {
            self.waiting = false;
            self.gauge.running.fetch_add(1, Ordering::AcqRel);
            self.gauge.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let count = if self.waiting {
            &self.gauge.waiting
        } else {
            &self.gauge.running
        };
        count.fetch_sub(1, Ordering::AcqRel);
    }
}
