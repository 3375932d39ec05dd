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
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
