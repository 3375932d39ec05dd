//! All routes on one page, and the layers around them.

use std::sync::Arc;

use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::signin;
use crate::error::ApiError;
use crate::openapi::Frame;
use crate::shared::Shared;
use crate::v1::{chat, count, models, responses};
use crate::{
    answers, conversations, docs, envelope, gate, health, insights, metrics, page, pictures, roles,
    rounds, samples, status, transfer,
};

/// What the server offers, with its description. Whatever is added here lies behind the gate.
pub(crate) fn api() -> OpenApiRouter<Shared> {
    let described = OpenApiRouter::new()
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::page))
        .layer(CompressionLayer::new());
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(status::status))
        .routes(routes!(status::status_stream))
        .routes(routes!(samples::samples))
        .routes(routes!(pictures::upload))
        .routes(routes!(pictures::show))
        .routes(routes!(pictures::facts))
        .routes(routes!(pictures::thumbnail))
        .routes(routes!(answers::answer))
        .merge(records())
        .routes(routes!(chat::complete))
        .routes(routes!(count::chat))
        .routes(routes!(responses::respond))
        .routes(routes!(count::responses))
        .routes(routes!(models::list))
        .routes(routes!(models::show))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(signin::show, signin::take))
        .routes(routes!(docs::style))
        .merge(described)
}

/// What is asked, answered and kept.
fn records() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(
            conversations::list_conversations,
            conversations::begin_conversation
        ))
        .routes(routes!(
            conversations::show_conversation,
            conversations::change_conversation,
            conversations::delete_conversation
        ))
        .routes(routes!(conversations::restore_conversation))
        .routes(routes!(rounds::ask_round))
        .routes(routes!(rounds::answer_again))
        .routes(routes!(rounds::stop_answer))
        .routes(routes!(rounds::judge_answer))
        .routes(routes!(rounds::find_evidence))
        .routes(routes!(rounds::read_again))
        .routes(routes!(roles::list_roles, roles::add_role))
        .routes(routes!(roles::change_role, roles::delete_role))
        .routes(routes!(insights::insights))
        .routes(routes!(insights::customers))
        .routes(routes!(insights::customer, insights::forget_customer))
        .routes(routes!(insights::audit))
        .routes(routes!(transfer::export))
        .routes(routes!(transfer::import))
}

/// The whole server, outermost layer last.
pub(crate) fn router(shared: Shared) -> Router {
    let (api, document) = api().split_for_parts();
    let document: docs::Document = Arc::new(serde_json::to_value(document).unwrap_or(Value::Null));
    let compressed = CompressionLayer::new();
    api.layer(Extension(document))
        .fallback(page::page.layer(compressed))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn_with_state(shared.clone(), gate::gate))
        .merge(health::ungated())
        .layer(CatchPanicLayer::custom(envelope::panicked))
        .layer(from_fn_with_state(shared.clone(), envelope::envelope))
        .with_state(shared)
}
