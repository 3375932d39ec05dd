//! How things stand, for the device bar.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use desk::DeskStatus;
use futures_util::stream::unfold;

use crate::answers::streamed;
use crate::feed::Feed;
use crate::shared::Shared;

/// How the desk is doing, what it can take, and who answers.
#[utoipa::path(get, path = "/api/status", responses((status = 200, body = DeskStatus)))]
pub(crate) async fn status(State(shared): State<Shared>) -> Json<DeskStatus> {
    Json(shared.status())
}

/// The same, once a second: server-sent events named `status`, whose data is a `DeskStatus`.
#[utoipa::path(
    get,
    path = "/api/status/stream",
    responses((status = 200, body = DeskStatus, content_type = "text/event-stream"))
)]
pub(crate) async fn status_stream(State(shared): State<Shared>) -> Response {
    let events = unfold(Feed::listen(&shared), async |mut listener| {
        let json = listener.next().await?;
        let event = Event::default().event("status").data(json);
        Some((Ok::<_, Infallible>(event), listener))
    });
    streamed(events)
}
