//! The description of the interface as a page: made from the OpenAPI document when it is asked for, with
//! nothing to load from elsewhere and no script.

mod html;

use axum::Json;
use axum::extract::Extension;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use serde_json::Value;
use std::sync::Arc;

/// The OpenAPI document of this server.
pub(crate) type Document = Arc<Value>;

/// This description, for programs.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    responses((status = 200, body = Value))
)]
pub(crate) async fn openapi(Extension(document): Extension<Document>) -> Json<Value> {
    Json(Value::clone(&document))
}

/// This description, for people.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "describe",
    responses((status = 200, body = String, content_type = "text/html"))
)]
pub(crate) async fn page(Extension(document): Extension<Document>) -> Html<String> {
    Html(html::page(&document))
}

/// How the pages look that are made here.
#[utoipa::path(
    get,
    path = "/plain.css",
    operation_id = "plain_style",
    responses((status = 200, body = String, content_type = "text/css"))
)]
pub(crate) async fn style() -> ([(HeaderName, &'static str); 1], &'static str) {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("plain.css"),
    )
}
