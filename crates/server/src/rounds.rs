//! Questions asked in a conversation, and what people and the model make of the answers.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Event;
use desk::records::{AnswerId, ConversationId, Feedback, FeedbackChange, Reading, RoundId};
use desk::rounds::{AskedAgain, AskedRound, RoundEvent, RoundStream};
use desk::{AskedReading, EvidenceFound};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Asker;
use crate::answers::{named, streamed};
use crate::body::read_json;
use crate::error::{ApiError, ErrorBody};
use crate::extract::Named;
use crate::meter;
use crate::shared::Shared;

/// What to look for on the pictures.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedEvidence {
    /// Something the answer says; left out, all of it.
    pub about: Option<String>,
}

/// Asks a question in a conversation. The response is a stream of server-sent events; each one's data
/// is a `RoundEvent`, its name the event's `type`. The first is `asked`: question and answer are
/// stored. It ends after `done` or `error`. Closing the connection ends the answer, which is then kept as
/// `left`, with what was said; to stop it on purpose there is a route.
#[utoipa::path(
    post,
    path = "/api/conversations/{id}/rounds",
    params(("id" = ConversationId, Path)),
    request_body = AskedRound,
    responses(
        (status = 200, body = serde_json::Value, content_type = "text/event-stream"),
        (status = 400, description = "Ask differently", body = ErrorBody),
        (status = 404, description = "The conversation or a picture is unknown", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 409, description = "An answer in it is being written", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
        (status = 507, description = "The disk is full", body = ErrorBody),
    )
)]
pub(crate) async fn ask_round(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(id): Named<ConversationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let asked: AskedRound = read_json(&headers, body).await?;
    let stream = shared.conversations.ask(id, asked, &asker.by()).await?;
    Ok(told(&shared, stream))
}

/// Answers the newest question of a conversation once more; the stream is the same as for a new one.
/// The earlier answers stay.
#[utoipa::path(
    post,
    path = "/api/rounds/{id}/answers",
    params(("id" = RoundId, Path)),
    request_body = AskedAgain,
    responses(
        (status = 200, body = serde_json::Value, content_type = "text/event-stream"),
        (status = 400, description = "A setting is out of range", body = ErrorBody),
        (status = 404, description = "No such round", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 409, description = "Not the newest round, or being answered", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
    )
)]
pub(crate) async fn answer_again(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(id): Named<RoundId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let asked: AskedAgain = read_json(&headers, body).await?;
    let stream = shared.conversations.again(id, asked, &asker.by()).await?;
    Ok(told(&shared, stream))
}

/// Stops an answer that is being written: its stream ends with `done`, what was said is kept. One that
/// has ended stays as it is.
#[utoipa::path(
    post,
    path = "/api/answers/{id}/stop",
    params(("id" = AnswerId, Path)),
    responses(
        (status = 204, description = "It stops"),
        (status = 404, description = "No such answer", body = ErrorBody),
    )
)]
pub(crate) async fn stop_answer(
    State(shared): State<Shared>,
    Named(id): Named<AnswerId>,
) -> Result<StatusCode, ApiError> {
    shared.conversations.stop(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what people make of an answer. What is left out stays, null clears.
#[utoipa::path(
    patch,
    path = "/api/answers/{id}/feedback",
    params(("id" = AnswerId, Path)),
    request_body = FeedbackChange,
    responses(
        (status = 200, body = Feedback),
        (status = 400, description = "The correction is too long", body = ErrorBody),
        (status = 404, description = "No such answer", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
    )
)]
pub(crate) async fn judge_answer(
    State(shared): State<Shared>,
    Named(id): Named<AnswerId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Feedback>, ApiError> {
    let change: FeedbackChange = read_json(&headers, body).await?;
    let records = shared.conversations.records();
    Ok(Json(records.judge(id, change).await?))
}

/// Asks the model where on the pictures an answer stands. What is found replaces what was found
/// before.
#[utoipa::path(
    post,
    path = "/api/answers/{id}/evidence",
    params(("id" = AnswerId, Path)),
    request_body = AskedEvidence,
    responses(
        (status = 200, body = EvidenceFound),
        (status = 400, description = "`about` is too long", body = ErrorBody),
        (status = 404, description = "No such answer", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
        (status = 429, description = "The queue is full; see Retry-After", body = ErrorBody),
        (status = 503, description = "The model is not ready", body = ErrorBody),
    )
)]
pub(crate) async fn find_evidence(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(id): Named<AnswerId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<EvidenceFound>, ApiError> {
    let asked: AskedEvidence = read_json(&headers, body).await?;
    let by = asker.by();
    let found = shared.conversations.evidence(id, asked.about, &by).await?;
    Ok(Json(found))
}

/// Reads a place of a picture again at full resolution and compares it with a string of the answer.
#[utoipa::path(
    post,
    path = "/api/answers/{id}/readings",
    params(("id" = AnswerId, Path)),
    request_body = AskedReading,
    responses(
        (status = 201, body = Reading),
        (status = 400, description = "`was` is empty or too long", body = ErrorBody),
        (status = 404, description = "No such answer, or not one of its pictures", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
        (status = 422, description = "The model sees no such place; mark it by hand", body = ErrorBody),
        (status = 429, description = "The queue is full; see Retry-After", body = ErrorBody),
        (status = 503, description = "The model is not ready", body = ErrorBody),
    )
)]
pub(crate) async fn read_again(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(id): Named<AnswerId>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Reading>), ApiError> {
    let asked: AskedReading = read_json(&headers, body).await?;
    let by = asker.by();
    let reading = shared.conversations.look_closer(id, asked, &by).await?;
    Ok((StatusCode::CREATED, Json(reading)))
}

fn told(shared: &Shared, stream: RoundStream) -> Response {
    let events = meter::events(shared, stream);
    streamed(events.map(|event: RoundEvent| Ok::<Event, Infallible>(named(event.name(), &event))))
}
