//! How things stand, for the device bar.

use axum::Json;
use axum::extract::State;
use desk::DeskStatus;

use crate::shared::Shared;

/// How the desk is doing, what it can take, and who answers.
#[utoipa::path(get, path = "/api/status", responses((status = 200, body = DeskStatus)))]
pub(crate) async fn status(State(shared): State<Shared>) -> Json<DeskStatus> {
    Json(shared.desk.status())
}
