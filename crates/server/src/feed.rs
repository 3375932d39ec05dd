//! How things stand, told once a second to all who listen.
//!
//! One task looks and writes it down for everybody; while nobody listens there is none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::shared::Shared;

/// Between two looks.
const SECOND: Duration = Duration::from_secs(1);

/// The newest look, as JSON; `None` before the first one.
type Latest = Option<Arc<str>>;

/// The one who looks.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    latest: watch::Sender<Latest>,
    looking: Mutex<bool>,
}

/// One who listens.
pub(crate) struct Listener {
    latest: watch::Receiver<Latest>,
    ending: watch::Receiver<bool>,
}

impl Feed {
    /// Begins to listen; the first look comes at once.
    pub fn listen(shared: &Shared) -> Listener {
        let feed = &shared.feed;
        let mut looking = feed.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latest = feed.latest.subscribe();
        latest.mark_changed();
        if !*looking {
            *looking = true;
            tokio::spawn(look(shared.clone()));
        }
        Listener {
            latest,
            ending: shared.ending.clone(),
        }
    }

    /// Whether it may rest: nobody listens. Who begins to listen at this moment wakes it again.
    fn rests(&self) -> bool {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.latest.receiver_count() == 0 {
            *looking = false;
            self.latest.send_replace(None);
        }
        !*looking
    }
}

async fn look(shared: Shared) {
    let mut next = Instant::now();
    while !shared.feed.rests() {
        let asked = shared.clone();
        let status = spawn_blocking(move || serde_json::to_string(&asked.status())).await;
        match status {
            Ok(Ok(json)) => {
                shared.feed.latest.send_replace(Some(json.into()));
            }
            failed => tracing::error!(?failed, "the status could not be told"),
        }
        // Should one look take longer than a second, the next one is later, not sooner.
        next = Instant::now().max(next + SECOND);
        sleep_until(next).await;
    }
}

impl Listener {
    /// The next look. `None` when the server ends.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        loop {
            tokio::select! {
                _ = self.ending.wait_for(|ending| *ending) => return None,
                changed = self.latest.changed() => changed.ok()?,
            }
            if let Some(json) = self.latest.borrow_and_update().clone() {
                return Some(json);
            }
        }
    }
}
