//! `POST /v1/chat/completions`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use desk::AnswerEvent;
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::{iter, select_all, unfold};

use super::chat_reply::{ChatCompletion, Head};
use super::chat_request::ChatRequest;
use super::chat_stream::ChatWriter;
use super::question::{ask, served_name};
use super::read::{Read, read};
use super::{listen, refused};
use crate::access::{Asker, Brought};
use crate::answers::streamed;
use crate::error::{ApiError, OpenAiErrorBody};
use crate::held::holding;
use crate::meter;
use crate::shared::Shared;

/// Answers a conversation, as OpenAI's chat completions do. With `stream` the response is a stream of
/// server-sent events whose data are chunks, ended by `[DONE]`. Closing the connection cancels.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    operation_id = "create_chat_completion",
    request_body = ChatRequest,
    responses(
        (
            status = 200,
            description = "The answer; with `stream` its events as they come",
            content((ChatCompletion = "application/json"), (serde_json::Value = "text/event-stream"))
        ),
        (status = 400, description = "Ask differently; see `param`", body = OpenAiErrorBody),
        (status = 401, description = "A key is missing or unknown", body = OpenAiErrorBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
        (status = 408, description = "The body came too slowly, or the answer's time was over before a word", body = OpenAiErrorBody),
        (status = 413, description = "Too large", body = OpenAiErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = OpenAiErrorBody),
        (status = 429, description = "Too much at once; see Retry-After", body = OpenAiErrorBody),
        (status = 503, description = "The model is not ready", body = OpenAiErrorBody),
    )
)]
pub(crate) async fn complete(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Extension(brought): Extension<Brought>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Read { request, place } =
        read::<ChatRequest>(&shared, &asker, &headers, body, refused::CHAT).await?;
    let model = served_name(&shared, request.model.as_deref())?.to_owned();
    let (request, manner) = request.understand()?;
    let more = brought.also(manner.answers - 1)?;
    let places = request.places;
    let answers = ask(&shared, asker, Read { request, place }, manner.answers).await?;
    let head = Head::new(model);
    if !manner.stream {
        let heard = listen::to_all(&shared, answers, places).await?;
        return Ok(Json(head.whole(heard, manner.logprobs)).into_response());
    }
    let events = (0..).zip(answers).map(|(index, answer)| {
        let events = meter::events(&shared, answer);
        events.map(move |event| (index, event)).boxed()
    });
    let events = select_all(events.collect::<Vec<_>>());
    let writer = ChatWriter::new(head, manner, places);
    let opening = iter(writer.opening());
    let lines = opening.chain(lines(writer, events));
    Ok(holding(streamed(lines.map(Ok)), more))
}

/// The lines of these answers, until the last has ended or one has failed. Then nobody hears the others: they are let
/// go, which cancels them.
fn lines(
    writer: ChatWriter,
    events: impl Stream<Item = (u32, AnswerEvent)> + Unpin,
) -> impl Stream<Item = Event> {
    let written = unfold(Some((writer, events)), async |running| {
        let (mut writer, mut events) = running?;
        let (index, event) = events.next().await?;
        let lines = writer.lines(index, event);
        let more = !writer.is_over();
        Some((iter(lines), more.then_some((writer, events))))
    });
    written.flatten()
}
