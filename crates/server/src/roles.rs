//! Role presets: who the model is asked to be.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use desk::records::{NewRole, RoleChange, RoleId, RolePreset};

use crate::body::read_json;
use crate::error::{ApiError, ErrorBody};
use crate::extract::Named;
use crate::shared::Shared;

/// All role presets, in their order.
#[utoipa::path(get, path = "/api/roles", responses((status = 200, body = Vec<RolePreset>)))]
pub(crate) async fn list_roles(
    State(shared): State<Shared>,
) -> Result<Json<Vec<RolePreset>>, ApiError> {
    Ok(Json(shared.conversations.records().roles().await?))
}

/// Adds a role at the end.
#[utoipa::path(
    post,
    path = "/api/roles",
    request_body = NewRole,
    responses(
        (status = 201, body = RolePreset),
        (status = 400, description = "A field is empty or too long", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
    )
)]
pub(crate) async fn add_role(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<RolePreset>), ApiError> {
    let new: NewRole = read_json(&headers, body).await?;
    let role = shared.conversations.records().add_role(new).await?;
    Ok((StatusCode::CREATED, Json(role)))
}

/// Changes a role. What is left out stays.
#[utoipa::path(
    patch,
    path = "/api/roles/{id}",
    params(("id" = RoleId, Path)),
    request_body = RoleChange,
    responses(
        (status = 200, body = RolePreset),
        (status = 400, description = "A field is empty or too long", body = ErrorBody),
        (status = 404, description = "No such role", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "The body does not say that it is JSON", body = ErrorBody),
    )
)]
pub(crate) async fn change_role(
    State(shared): State<Shared>,
    Named(id): Named<RoleId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RolePreset>, ApiError> {
    let change: RoleChange = read_json(&headers, body).await?;
    let records = shared.conversations.records();
    Ok(Json(records.change_role(id, change).await?))
}

/// Deletes a role, unless it comes with the desk.
#[utoipa::path(
    delete,
    path = "/api/roles/{id}",
    params(("id" = RoleId, Path)),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "It comes with the desk", body = ErrorBody),
        (status = 404, description = "No such role", body = ErrorBody),
    )
)]
pub(crate) async fn delete_role(
    State(shared): State<Shared>,
    Named(id): Named<RoleId>,
) -> Result<StatusCode, ApiError> {
    shared.conversations.records().delete_role(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
