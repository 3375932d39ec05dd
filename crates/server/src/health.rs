//! For whoever watches over the process: does it live, can it answer.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::shared::Shared;

/// Lives outside the gate: a watcher may know this server by any name.
pub(crate) fn ungated() -> Router<Shared> {
    Router::new().route("/healthz", get(async || "ok"))
}

/// Whether questions can be answered.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain"),
    )
)]
pub(crate) async fn readyz(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    match shared.desk.status().state {
        desk::State::Ready => (StatusCode::OK, "ready"),
        desk::State::Loading { .. } => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
        desk::State::Failed { .. } => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    }
}
