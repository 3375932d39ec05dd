//! Questions in, answers out as a stream of events.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use desk::{AnswerEvent, AnswerRequest, AnswerStream, Refusal, Wishes};
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::body::read_json;
use crate::error::{ApiError, ErrorBody};
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
        (status = 200, body = AnswerEvent, content_type = "text/event-stream"),
        (status = 400, description = "Ask differently", body = ErrorBody),
        (status = 404, description = "A picture is unknown; upload it again", body = ErrorBody),
        (status = 429, description = "The queue is full; see Retry-After", body = ErrorBody),
        (status = 503, description = "The model is not ready", body = ErrorBody),
    )
)]
pub(crate) async fn answer(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let request: AnswerRequest = read_json(&headers, body).await?;
    let desk = shared.desk.clone();
    // Should the client leave now, the finished stream is dropped, which cancels.
    let answer = spawn_blocking(move || desk.answer(request, Wishes::default())).await;
    let answer = answer.map_err(|_| ApiError::Internal)??;
    let events = until_closing(answer, shared.closing).map(to_wire);
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
    Ok(response)
}

/// The answer, cut short with a word when the server closes.
fn until_closing(
    answer: AnswerStream,
    closing: watch::Receiver<bool>,
) -> impl Stream<Item = AnswerEvent> {
    unfold(Some((answer, closing)), async |running| {
        let (mut answer, mut closing) = running?;
        let event = tokio::select! {
            biased;
            event = answer.next() => Some(event?),
            () = told_to_close(&mut closing) => None,
        };
        Some(match event {
            Some(event) => (event, Some((answer, closing))),
            None => (AnswerEvent::Error(Refusal::shutting_down()), None),
        })
    })
}

/// Ready when the server closes; a server that is gone will not say it.
async fn told_to_close(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        pending::<()>().await;
    }
}

fn to_wire(event: AnswerEvent) -> Result<Event, Infallible> {
    let named = Event::default().event(event.name());
    Ok(named.json_data(&event).unwrap_or_else(|error| {
        // Plain data always serialises; a comment keeps the stream whole.
        tracing::error!(%error, "an event could not be written");
        Event::default().comment("lost")
    }))
}
