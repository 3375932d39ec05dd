//! Questions in, answers out as a stream of events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use desk::{AnswerEvent, AnswerRequest, Wishes};
use futures_core::Stream;
use futures_util::StreamExt;
use serde::Serialize;

use crate::access::Asker;
use crate::body::read_json;
use crate::error::{ApiError, ErrorBody};
use crate::meter;
use crate::shared::Shared;

/// Often enough that no proxy thinks the line dead.
const PING: Duration = Duration::from_secs(10);

/// Answers a question. The response is a stream of server-sent events; each
/// one's data is an `AnswerEvent`, its name the event's `type`. It ends after
/// `done` or `error`. Closing the connection cancels the answer.
#[utoipa::path(
    post,
    path = "/api/answers",
    request_body = AnswerRequest,
    responses(
        (status = 200, body = serde_json::Value, content_type = "text/event-stream"),
        (status = 400, description = "Ask differently", body = ErrorBody),
        (status = 401, description = "A key is missing or unknown", body = ErrorBody),
        (status = 404, description = "A picture is unknown; upload it again", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
        (status = 429, description = "The queue is full; see Retry-After", body = ErrorBody),
        (status = 503, description = "The model is not ready", body = ErrorBody),
    )
)]
pub(crate) async fn answer(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let request: AnswerRequest = read_json(&headers, body).await?;
    let wishes = Wishes {
        asker: Some(asker.0),
        ..Wishes::default()
    };
    // Should the client leave now, the finished stream is dropped, which cancels.
    let answer = shared.conversations.answer(request, wishes).await?;
    Ok(streamed(meter::events(&shared, answer).map(to_wire)))
}

/// Events on their way, past proxies that would rather keep them.
pub(crate) fn streamed(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let keep_alive = KeepAlive::new().interval(PING).text("ping");
    let unbuffered = [
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    for (name, value) in unbuffered {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn to_wire(event: AnswerEvent) -> Result<Event, Infallible> {
    Ok(named(event.name(), &event))
}

/// An event with its name and its data.
pub(crate) fn named(name: &str, data: &impl Serialize) -> Event {
    let named = Event::default().event(name);
    named.json_data(data).unwrap_or_else(|error| {
        // Plain data always serialises; a comment keeps the stream whole.
        tracing::error!(%error, "an event could not be written");
        Event::default().comment("lost")
    })
}
