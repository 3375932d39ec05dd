//! `POST /v1/responses`, without memory.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::question::{ask, served_name};
use super::read::{Read, read};
use super::reply::new_id;
use super::responses_reply::{OutputText, ResponseReply, message, message_status};
use super::responses_request::ResponsesRequest;
use super::responses_stream::written;
use super::{listen, refused};
use crate::access::Asker;
use crate::answers::streamed;
use crate::error::{ApiError, OpenAiErrorBody};
use crate::meter;
use crate::shared::Shared;

/// Answers a question, as OpenAI's responses do, but stores nothing: the whole conversation comes with
/// each request. With `stream` the response is a stream of server-sent events, each named by its `type`.
/// Closing the connection cancels.
#[utoipa::path(
    post,
    path = "/v1/responses",
    operation_id = "create_response",
    request_body = ResponsesRequest,
    responses(
        (
            status = 200,
            description = "The answer; with `stream` its events as they come",
            content((ResponseReply = "application/json"), (serde_json::Value = "text/event-stream"))
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
pub(crate) async fn respond(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let rules = refused::RESPONSES;
    let Read { request, place } =
        read::<ResponsesRequest>(&shared, &asker, &headers, body, rules).await?;
    let model = served_name(&shared, request.model.as_deref())?.to_owned();
    let (request, manner) = request.understand()?;
    let places = request.places;
    let answers = ask(&shared, asker, Read { request, place }, 1).await?;
    let (stream, with_logprobs) = (manner.stream, manner.logprobs);
    let mut response = ResponseReply::begun(model, manner, &shared.desk.status().defaults);
    if stream {
        let answer = answers.into_iter().next().ok_or(ApiError::Internal)?;
        let events = meter::events(&shared, answer);
        return Ok(streamed(written(response, with_logprobs, events).map(Ok)));
    }
    let heard = listen::to_all(&shared, answers, places)
        .await?
        .pop()
        .ok_or(ApiError::Internal)?;
    let logprobs = match with_logprobs {
        true => heard.tokens.into_iter().map(Into::into).collect(),
        false => Vec::new(),
    };
    let status = message_status(heard.finish_reason);
    let part = OutputText::new(heard.text, logprobs);
    let item = message(new_id("msg_"), status, vec![part]);
    response.end(item, heard.finish_reason, heard.usage);
    Ok(Json(response).into_response())
}
