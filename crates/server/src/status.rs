//! How things stand, for the device bar.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use desk::DeskStatus;
use futures_util::stream::unfold;
use tokio::task::spawn_blocking;

use crate::answers::streamed;
use crate::error::ApiError;
use crate::feed::Feed;
use crate::shared::Shared;

/// How the desk is doing, what it can take, and who answers.
#[utoipa::path(get, path = "/api/status", responses((status = 200, body = DeskStatus)))]
pub(crate) async fn status(State(shared): State<Shared>) -> Result<Json<DeskStatus>, ApiError> {
    let status = spawn_blocking(move || shared.status()).await;
    status.map(Json).map_err(|_| ApiError::Internal)
}

/// The same, once a second: server-sent events named `status`, whose data is a `DeskStatus`.
#[utoipa::path(
    get,
    path = "/api/status/stream",
    responses((status = 200, body = serde_json::Value, content_type = "text/event-stream"))
)]
pub(crate) async fn status_stream(State(shared): State<Shared>) -> Response {
    let events = unfold(Feed::listen(&shared), async |mut listener| {
        let json = listener.next().await?;
        let event = Event::default().event("status").data(json);
        Some((Ok::<_, Infallible>(event), listener))
    });
    streamed(events)
}
