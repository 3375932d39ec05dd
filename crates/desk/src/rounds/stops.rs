//! The answers that run, and how somebody stops one.
//!
//! Stopping is said, not shown by leaving: a connection that ends may be a closed page or a broken
//! network, and the records tell these apart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::records::AnswerId;

/// Every answer that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stops(Arc<Mutex<HashMap<AnswerId, Arc<Notify>>>>);

/// Whether one answer was told to stop. It can be for as long as this lives.
#[derive(Debug)]
pub(crate) struct Stop {
    stops: Stops,
    answer: AnswerId,
    said: Arc<Notify>,
}

impl Stops {
    /// An answer that begins to run.
    pub fn begin(&self, answer: AnswerId) -> Stop {
        let said = Arc::new(Notify::new());
        self.running().insert(answer, said.clone());
        Stop {
            stops: self.clone(),
            answer,
            said,
        }
    }

    /// Tells an answer to stop. Says whether it runs.
    pub fn stop(&self, answer: AnswerId) -> bool {
        let running = self.running();
        let said = running.get(&answer);
        said.inspect(|said| said.notify_one()).is_some()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<AnswerId, Arc<Notify>>> {
        // No code that holds the lock can leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stop {
    /// Where it can be told so.
    pub fn stops(&self) -> Stops {
        self.stops.clone()
    }

    /// Ready once, when the answer was told to stop; also where that was before.
    pub async fn said(&self) {
        self.said.notified().await;
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stops.running().remove(&self.answer);
    }
}
