//! Who answers, under which names.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::question::served_name;
use crate::error::{ApiError, OpenAiErrorBody};
use crate::shared::Shared;

/// The names of the model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

/// A name of the model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    id: String,
    object: &'static str,
    /// Since when it is served, in seconds since 1970.
    created: u64,
    owned_by: &'static str,
}

impl Model {
    fn of(shared: &Shared, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            object: "model",
            created: shared.started,
            owned_by: "lookdesk",
        }
    }
}

/// Every name the model may be called by. There is one model; further names are the same one.
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "list_models",
    responses((status = 200, body = ModelList))
)]
pub(crate) async fn list(State(shared): State<Shared>) -> Json<ModelList> {
    let models = shared.models.iter();
    Json(ModelList {
        object: "list",
        data: models.map(|id| Model::of(&shared, id)).collect(),
    })
}

/// One of the names.
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    operation_id = "retrieve_model",
    params(("model" = String, Path)),
    responses(
        (status = 200, body = Model),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
    )
)]
pub(crate) async fn show(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Model>, ApiError> {
    let Path(model) = path.map_err(|_| ApiError::NotFound)?;
    served_name(&shared, Some(&model))?;
    Ok(Json(Model::of(&shared, &model)))
}
