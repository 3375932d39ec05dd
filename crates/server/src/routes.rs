//! All routes on one page, and the layers around them.

use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::openapi::Frame;
use crate::shared::Shared;
use crate::{answers, envelope, gate, health, page, pictures, samples, status};

/// What the API offers, with its description.
pub(crate) fn api() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(status::status))
        .routes(routes!(samples::samples))
        .routes(routes!(pictures::upload))
        .routes(routes!(pictures::show))
        .routes(routes!(answers::answer))
        .routes(routes!(health::readyz))
}

/// The whole server, outermost layer last.
pub(crate) fn router(shared: Shared) -> Router {
    let (api, document) = api().split_for_parts();
    let compressed = CompressionLayer::new();
    api.merge(openapi_route(document))
        .fallback(page::page.layer(compressed))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn_with_state(shared.clone(), gate::gate))
        .merge(health::ungated())
        .layer(CatchPanicLayer::custom(envelope::panicked))
        .layer(from_fn(envelope::envelope))
        .with_state(shared)
}

fn openapi_route(document: Document) -> Router<Shared> {
    let show = async move || Json(document);
    let show = show.layer(CompressionLayer::new());
    Router::new().route("/openapi.json", axum::routing::get(show))
}
