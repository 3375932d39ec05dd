use axum::http::StatusCode;

use crate::stage::stage;

#[test]
fn the_description_in_the_repository_is_the_one_the_routes_give() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
    let kept = std::fs::read_to_string(path).expect("web/openapi.json");
    let given = server::openapi_document().expect("plain data");
    assert!(
        kept == given,
        "web/openapi.json is stale; run `cargo xtask openapi`"
    );
}

#[tokio::test]
async fn the_server_tells_what_it_offers() {
    let reply = stage().get("/openapi.json").await;
    assert_eq!(reply.status, StatusCode::OK);
    let document = reply.json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in [
        "/api/status",
        "/api/samples",
        "/api/pictures",
        "/api/pictures/{id}",
        "/api/answers",
        "/v1/chat/completions",
        "/v1/chat/completions/input_tokens",
        "/v1/responses",
        "/v1/models",
        "/metrics",
        "/docs",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let text = server::openapi_document().expect("plain data");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths
        .values()
        .flat_map(|path| path.as_object().expect("operations").values());
    let mut names: Vec<_> = operations
        .map(|one| one["operationId"].to_string())
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
}
