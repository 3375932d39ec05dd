//! What the records tell: figures, customers, and who took out or deleted what.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use desk::records::{AuditEntry, Insights, InsightsWish};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::access::Asker;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Named, Wished};
use crate::shared::Shared;

/// Which customers to name.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomersWish {
    /// What their names contain.
    pub query: Option<String>,
}

/// What the records tell about a time. Every figure is one of the filters of the list.
#[utoipa::path(
    get,
    path = "/api/insights",
    params(InsightsWish),
    responses(
        (status = 200, body = Insights),
        (status = 400, description = "Not a time", body = ErrorBody),
    )
)]
pub(crate) async fn insights(
    State(shared): State<Shared>,
    Wished(wish): Wished<InsightsWish>,
) -> Result<Json<Insights>, ApiError> {
    Ok(Json(shared.conversations.records().insights(&wish).await?))
}

/// Names of customers, at most 200, in order.
#[utoipa::path(
    get,
    path = "/api/customers",
    params(CustomersWish),
    responses(
        (status = 200, body = Vec<String>),
        (status = 400, description = "Not a query", body = ErrorBody),
    )
)]
pub(crate) async fn customers(
    State(shared): State<Shared>,
    Wished(wish): Wished<CustomersWish>,
) -> Result<Json<Vec<String>>, ApiError> {
    let records = shared.conversations.records();
    Ok(Json(records.customers(wish.query.as_deref()).await?))
}

/// Deletes all conversations of a customer for good: rows, pictures that nobody else uses, what the
/// search knows of them.
#[utoipa::path(
    delete,
    path = "/api/customers/{name}",
    params(("name" = String, Path)),
    responses(
        (status = 204, description = "Done"),
        (status = 404, description = "No conversation names this customer", body = ErrorBody),
        (status = 409, description = "An answer for this customer is being written", body = ErrorBody),
    )
)]
pub(crate) async fn forget_customer(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(name): Named<String>,
) -> Result<StatusCode, ApiError> {
    let records = shared.conversations.records();
    records.delete_customer(&name, asker.name()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest 500 entries of the audit log, newest first.
#[utoipa::path(get, path = "/api/audit", responses((status = 200, body = Vec<AuditEntry>)))]
pub(crate) async fn audit(State(shared): State<Shared>) -> Result<Json<Vec<AuditEntry>>, ApiError> {
    Ok(Json(shared.conversations.records().audit().await?))
}
