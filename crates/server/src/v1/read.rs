//! From a body to a request: bounded, understood, and with the place named where it is wrong.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::refused::{Rule, check};
use crate::body::{self, Unread};
use crate::error::ApiError;
use crate::pictures::TURN;
use crate::shared::Shared;

/// A request with several photographs inside.
pub(super) const BODY_BYTES: u64 = 48 * 1024 * 1024;
/// A larger body waits for its turn, because it holds pictures and memory.
const SMALL_BYTES: u64 = 1024 * 1024;

/// A request with its turn to hold pictures in memory, if it needed one.
pub(super) struct Read<T> {
    pub request: T,
    pub turn: Option<OwnedSemaphorePermit>,
}

/// Reads a request, of which `rules` say what is not offered.
pub(super) async fn read<T>(
    shared: &Shared,
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
    let turn = match is_small(headers) {
        true => None,
        false => {
            let turn = timeout(TURN, shared.uploads.clone().acquire_owned()).await;
            Some(
                turn.ok()
                    .and_then(Result::ok)
                    .ok_or(ApiError::UploadsBusy)?,
            )
        }
    };
    let bytes = body::read(headers, body, BODY_BYTES).await;
    let bytes = bytes.map_err(|unread| match unread {
        Unread::TooLarge(_) => ApiError::BodyTooLarge { limit: BODY_BYTES },
        Unread::Failed(error) => error,
    })?;
    let read = spawn_blocking(move || understand(&bytes, rules)).await;
    let request = read.map_err(|_| ApiError::Internal)??;
    Ok(Read { request, turn })
}

fn is_small(headers: &HeaderMap) -> bool {
    let announced = headers.get(CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|text| text.to_str().ok()?.parse().ok());
    announced.is_some_and(|bytes| bytes <= SMALL_BYTES)
}

fn understand<T: DeserializeOwned>(bytes: &[u8], rules: &[Rule]) -> Result<T, ApiError> {
    let fields: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
        let reason = error.to_string();
        ApiError::InvalidJson { reason }
    })?;
    check(&fields, rules)?;
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let param = error.path().to_string();
        let fault = error.into_inner();
        let message = match param.as_str() {
            "." => format!("The request is incomplete: {fault}."),
            param => format!("`{param}` cannot be taken: {fault}."),
        };
        ApiError::Field { param, message }
    })
}
