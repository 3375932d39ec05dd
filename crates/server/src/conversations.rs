//! Conversations: listed, begun, renamed, judged, binned, brought back, deleted for good.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use desk::records::{
    Conversation, ConversationChange, ConversationFilter, ConversationId, ConversationPage,
    NewConversation,
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::access::Asker;
use crate::body::read_json;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Named, Wished};
use crate::shared::Shared;

/// How to delete.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HowToDelete {
    /// At once and beyond recall, instead of into the bin, which is emptied after a day.
    pub for_good: Option<bool>,
}

/// Conversations, a page at a time: pinned ones first unless words are searched, then the newest.
#[utoipa::path(
    get,
    path = "/api/conversations",
    params(ConversationFilter),
    responses(
        (status = 200, body = ConversationPage),
        (status = 400, description = "Not a filter", body = ErrorBody),
    )
)]
pub(crate) async fn list_conversations(
    State(shared): State<Shared>,
    Wished(filter): Wished<ConversationFilter>,
) -> Result<Json<ConversationPage>, ApiError> {
    Ok(Json(shared.conversations.records().list(&filter).await?))
}

/// Begins a conversation.
#[utoipa::path(
    post,
    path = "/api/conversations",
    request_body = NewConversation,
    responses(
        (status = 201, body = Conversation),
        (status = 400, description = "A field is too long", body = ErrorBody),
        (status = 404, description = "There is nothing it could continue", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
        (status = 507, description = "The disk is full", body = ErrorBody),
    )
)]
pub(crate) async fn begin_conversation(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Conversation>), ApiError> {
    let new: NewConversation = read_json(&headers, body).await?;
    let begun = shared.conversations.records().create(new).await?;
    Ok((StatusCode::CREATED, Json(begun)))
}

/// A conversation with all that was said; also one in the bin.
#[utoipa::path(
    get,
    path = "/api/conversations/{id}",
    params(("id" = ConversationId, Path)),
    responses(
        (status = 200, body = Conversation),
        (status = 404, description = "No such conversation", body = ErrorBody),
    )
)]
pub(crate) async fn show_conversation(
    State(shared): State<Shared>,
    Named(id): Named<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(shared.conversations.records().conversation(id).await?))
}

/// Changes what people say about a conversation. What is left out stays, null clears.
#[utoipa::path(
    patch,
    path = "/api/conversations/{id}",
    params(("id" = ConversationId, Path)),
    request_body = ConversationChange,
    responses(
        (status = 200, body = Conversation),
        (status = 400, description = "A field is too long", body = ErrorBody),
        (status = 404, description = "No such conversation", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
    )
)]
pub(crate) async fn change_conversation(
    State(shared): State<Shared>,
    Named(id): Named<ConversationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Conversation>, ApiError> {
    let change: ConversationChange = read_json(&headers, body).await?;
    let records = shared.conversations.records();
    Ok(Json(records.change(id, change).await?))
}

/// Puts a conversation into the bin, or deletes it for good.
#[utoipa::path(
    delete,
    path = "/api/conversations/{id}",
    params(("id" = ConversationId, Path), HowToDelete),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "Not a way to delete", body = ErrorBody),
        (status = 404, description = "No such conversation", body = ErrorBody),
    )
)]
pub(crate) async fn delete_conversation(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(id): Named<ConversationId>,
    Wished(how): Wished<HowToDelete>,
) -> Result<StatusCode, ApiError> {
    let records = shared.conversations.records();
    match how.for_good {
        Some(true) => records.delete_for_good(id, asker.name()).await?,
        _ => records.delete(id, asker.name()).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a conversation out of the bin.
#[utoipa::path(
    post,
    path = "/api/conversations/{id}/restore",
    params(("id" = ConversationId, Path)),
    responses(
        (status = 200, body = Conversation),
        (status = 404, description = "No such conversation", body = ErrorBody),
    )
)]
pub(crate) async fn restore_conversation(
    State(shared): State<Shared>,
    Named(id): Named<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(shared.conversations.records().restore(id).await?))
}
