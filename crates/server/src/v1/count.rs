//! What a question costs, before it is asked.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use desk::TokenCount;
use serde::Serialize;
use utoipa::ToSchema;

use super::chat_request::ChatRequest;
use super::question::{self, served_name};
use super::read::{Read, read};
use super::refused;
use super::responses_request::ResponsesRequest;
use crate::access::Asker;
use crate::error::{ApiError, OpenAiErrorBody};
use crate::shared::Shared;

/// Tokens counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InputTokens {
    object: &'static str,
    /// All of them.
    input_tokens: u32,
    input_tokens_details: InputDetails,
}

/// Of them.
#[derive(Debug, Serialize, ToSchema)]
struct InputDetails {
    /// Tokens that are pictures.
    image_tokens: u32,
    /// Tokens that are not.
    text_tokens: u32,
}

impl InputTokens {
    fn of(object: &'static str, count: TokenCount) -> Self {
        Self {
            object,
            input_tokens: count.prompt_tokens,
            input_tokens_details: InputDetails {
                image_tokens: count.image_tokens,
                text_tokens: count.prompt_tokens.saturating_sub(count.image_tokens),
            },
        }
    }
}

/// How many tokens a chat completion would take in, pictures included. Takes the same body; asks nothing.
#[utoipa::path(
    post,
    path = "/v1/chat/completions/input_tokens",
    operation_id = "count_chat_completion",
    request_body = ChatRequest,
    responses(
        (status = 200, body = InputTokens),
        (status = 400, description = "Ask differently; see `param`", body = OpenAiErrorBody),
        (status = 401, description = "A key is missing or unknown", body = OpenAiErrorBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
        (status = 408, description = "The body came too slowly", body = OpenAiErrorBody),
        (status = 413, description = "Too large", body = OpenAiErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = OpenAiErrorBody),
        (status = 429, description = "Too much at once; see Retry-After", body = OpenAiErrorBody),
        (status = 503, description = "The model is not ready", body = OpenAiErrorBody),
    )
)]
pub(crate) async fn chat(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<InputTokens>, ApiError> {
    let Read { request, place } =
        read::<ChatRequest>(&shared, &asker, &headers, body, refused::CHAT).await?;
    served_name(&shared, request.model.as_deref())?;
    let (request, _) = request.understand()?;
    let count = question::count(&shared, asker, Read { request, place }).await?;
    Ok(Json(InputTokens::of("chat.completion.input_tokens", count)))
}

/// How many tokens a response would take in, pictures included. Takes the same body; asks nothing.
#[utoipa::path(
    post,
    path = "/v1/responses/input_tokens",
    operation_id = "count_response",
    request_body = ResponsesRequest,
    responses(
        (status = 200, body = InputTokens),
        (status = 400, description = "Ask differently; see `param`", body = OpenAiErrorBody),
        (status = 401, description = "A key is missing or unknown", body = OpenAiErrorBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
        (status = 408, description = "The body came too slowly", body = OpenAiErrorBody),
        (status = 413, description = "Too large", body = OpenAiErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = OpenAiErrorBody),
        (status = 429, description = "Too much at once; see Retry-After", body = OpenAiErrorBody),
        (status = 503, description = "The model is not ready", body = OpenAiErrorBody),
    )
)]
pub(crate) async fn responses(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<InputTokens>, ApiError> {
    let rules = refused::RESPONSES;
    let Read { request, place } =
        read::<ResponsesRequest>(&shared, &asker, &headers, body, rules).await?;
    served_name(&shared, request.model.as_deref())?;
    let (request, _) = request.understand()?;
    let count = question::count(&shared, asker, Read { request, place }).await?;
    Ok(Json(InputTokens::of("response.input_tokens", count)))
}
