//! From a body to a request: bounded, understood, and with the place named where it is wrong.

use axum::body::Body;
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::fault;
use super::refused::{Rule, check};
use crate::access::Asker;
use crate::body::{self, Unread};
use crate::error::ApiError;
use crate::room::Place;
use crate::shared::Shared;

/// A request with several photographs inside.
pub(super) const BODY_BYTES: u64 = 48 * 1024 * 1024;

/// A request, and the room that its pictures have.
pub(super) struct Read<T> {
    pub request: T,
    pub place: Option<Place>,
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
    let read = spawn_blocking(move || understand(&bytes, rules)).await;
    let request = read.map_err(|_| ApiError::Internal)??;
    Ok(Read { request, place })
}

fn understand<T: DeserializeOwned>(bytes: &[u8], rules: &[Rule]) -> Result<T, ApiError> {
    let invalid = |reason: String| ApiError::InvalidJson { reason };
    let body: Value = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
    let Value::Object(fields) = body else {
        return Err(invalid("it must be an object".to_owned()));
    };
    check(&fields, rules)?;
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let place = error.path().to_string();
        fault::refused(&place, &error.into_inner().to_string())
    })
}
