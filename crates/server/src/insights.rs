//! What the records tell: figures, customers, and who took out or deleted what.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use desk::records::{AuditEntry, ConversationId, Customer, Insights, InsightsWish};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
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

/// What there is of a customer, and what else may be theirs: names that look alike, conversations
/// linked with theirs. Look at it before deleting.
#[utoipa::path(
    get,
    path = "/api/customers/{name}",
    params(("name" = String, Path)),
    responses(
        (status = 200, body = Customer),
        (status = 404, description = "No conversation names anybody like this", body = ErrorBody),
    )
)]
pub(crate) async fn customer(
    State(shared): State<Shared>,
    Named(name): Named<String>,
) -> Result<Json<Customer>, ApiError> {
    Ok(Json(shared.conversations.records().customer(&name).await?))
}

/// What to delete with a customer.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HowToForget {
    /// Also these: every conversation linked with theirs that names nobody, as the lookup showed them,
    /// with commas in between. Where other ones are linked by now, nothing is deleted.
    #[serde(default, deserialize_with = "with_commas")]
    #[param(required = false, style = Form, explode = false)]
    pub linked: Vec<ConversationId>,
}

/// Ids with commas in between.
fn with_commas<'de, D: Deserializer<'de>>(query: D) -> Result<Vec<ConversationId>, D::Error> {
    let list = String::deserialize(query)?;
    let ids = list.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().map_err(D::Error::custom)).collect()
}

/// Deletes all conversations of a customer for good: rows, pictures that nobody else uses, what the
/// search knows of them. The name is meant to the letter. What an import that is under way still holds
/// of the customer is left out of it.
#[utoipa::path(
    delete,
    path = "/api/customers/{name}",
    params(("name" = String, Path), HowToForget),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "Not a way to delete", body = ErrorBody),
        (
            status = 404,
            description = "No conversation names this customer, and no import may bring one",
            body = ErrorBody
        ),
        (status = 409, description = "Other ones are linked than `linked` says", body = ErrorBody),
    )
)]
pub(crate) async fn forget_customer(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    Named(name): Named<String>,
    Wished(how): Wished<HowToForget>,
) -> Result<StatusCode, ApiError> {
    let records = shared.conversations.records();
    let deleted = records.delete_customer(&name, &how.linked, asker.name());
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest 500 entries of the audit log, newest first.
#[utoipa::path(get, path = "/api/audit", responses((status = 200, body = Vec<AuditEntry>)))]
pub(crate) async fn audit(State(shared): State<Shared>) -> Result<Json<Vec<AuditEntry>>, ApiError> {
    Ok(Json(shared.conversations.records().audit().await?))
}
