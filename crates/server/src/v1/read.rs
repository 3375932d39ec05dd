//! From a body to a request: bounded, understood, and with the place named where it is wrong.

use axum::body::Body;
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::fault;
use super::refused::{Rule, check};
use crate::access::Asker;
use crate::body::{self, Unread};
use crate::error::{ApiError, said};
use crate::room::Place;
use crate::shared::Shared;
use crate::width;

/// A request with several photographs inside.
pub(super) const BODY_BYTES: u64 = 48 * 1024 * 1024;

/// A request, and the room that it has.
pub(super) struct Read<T> {
    pub request: T,
    pub place: Held,
}

/// The room of a request: to be held as long as its pictures and its schema are.
pub(super) struct Held {
    /// As it came.
    _body: Option<Place>,
    /// As it was read: a small body may become a large one.
    _unfolded: Place,
    /// When it was whole: from then on its time runs.
    since: Instant,
}

impl Held {
    /// When the request was whole.
    pub fn since(&self) -> Instant {
        self.since
    }
}

/// Reads a request, of which `rules` say what is not offered.
pub(super) async fn read<T>(
    shared: &Shared,
    asker: &Asker,
    headers: &HeaderMap,
    body: Body,
    rules: &'static [Rule],
) -> Result<Read<T>, ApiError>
where
    T: DeserializeOwned + Send + 'static,
{
    if !body::is_json(headers) {
        return Err(ApiError::NotJson);
    }
    let read = body::read_large(headers, body, BODY_BYTES, (&shared.room, asker)).await;
    let (bytes, place) = read.map_err(|unread| match unread {
        Unread::TooLarge(_) => ApiError::BodyTooLarge { limit: BODY_BYTES },
        Unread::Failed(error) => error,
    })?;
    let since = Instant::now();
    let counted = spawn_blocking(move || width::unfolded(&bytes).map(|size| (bytes, size)));
    let (bytes, size) = counted.await.map_err(|_| ApiError::Internal)??;
    let unfolded = shared.unfolded.place(asker, size).await?;
    // Held here: a client that leaves does not end the reading.
    let place = Held {
        _body: place,
        _unfolded: unfolded,
        since,
    };
    let read = spawn_blocking(move || {
        let request = understand(&bytes, rules)?;
        Ok::<_, ApiError>(Read { request, place })
    });
    read.await.map_err(|_| ApiError::Internal)?
}

fn understand<T: DeserializeOwned>(bytes: &[u8], rules: &[Rule]) -> Result<T, ApiError> {
    let invalid = |reason: String| ApiError::InvalidJson { reason };
    let body: Value = serde_json::from_slice(bytes).map_err(|error| invalid(said(&error)))?;
    let Value::Object(fields) = body else {
        return Err(invalid("it must be an object".to_owned()));
    };
    check(&fields, rules)?;
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let place = error.path().to_string();
        fault::refused(&place, &error.into_inner().to_string())
    })
}
