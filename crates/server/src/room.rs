//! Room in memory for large bodies on their way. A body gets its room when so much of it has come that it means it,
//! and then all that it may need: bodies that each held a part of theirs would wait for one another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::ApiError;

/// What a body may have without asking: the connections bound how many do.
pub(crate) const FREE: u64 = 1024 * 1024;
/// All large bodies together: a dozen photographs of the largest size, and far more of the usual one.
const WHOLE: u64 = 256 * 1024 * 1024;
/// How long a body waits for others to make room.
pub(crate) const TURN: Duration = Duration::from_secs(10);
/// A permit's worth.
const UNIT: u64 = 1024;

/// The room there is.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

/// What a body has of it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new((WHOLE / UNIT) as usize)))
    }
}

impl Room {
    /// A place for so many bytes, once there is one.
    pub async fn place(&self, bytes: u64) -> Result<Place, ApiError> {
        let wanted = bytes.saturating_sub(FREE).min(WHOLE).div_ceil(UNIT) as u32;
        if wanted == 0 {
            return Ok(Place { _permit: None });
        }
        let permit = timeout(TURN, self.0.clone().acquire_many_owned(wanted)).await;
        match permit {
            Ok(Ok(permit)) => Ok(Place {
                _permit: Some(permit),
            }),
            _ => Err(ApiError::UploadsBusy),
        }
    }
}
