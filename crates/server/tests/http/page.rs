use axum::body::Body;
use axum::http::{Method, StatusCode};
use desk::testing::small_office;
use server::{AllowedHosts, HOW_TO_BUILD, Server, ServerOptions};

use crate::stage::{Stage, request, stage};

#[tokio::test]
async fn the_page_is_asked_for_again_and_its_hashed_files_never() {
    let stage = stage();
    let index = stage.get("/").await;
    assert_eq!(index.status, StatusCode::OK);
    assert!(index.text().contains("<title>desk</title>"));
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(index.header("cache-control"), "no-cache");
    let script = stage.get("/assets/app-1a2b.js").await;
    assert_eq!(
        script.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
}

#[tokio::test]
async fn a_page_the_browser_has_is_not_sent_again() {
    let stage = stage();
    let tag = stage.get("/").await.header("etag").to_owned();
    let again = request(Method::GET, "/").header("if-none-match", tag);
    let reply = stage
        .send(again.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(reply.status, StatusCode::NOT_MODIFIED);
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn assets_travel_compressed() {
    let stage = stage();
    let path = "/assets/app-1a2b.js";
    let plain = stage.get(path).await.body.len();
    for encoding in ["br", "gzip"] {
        let packed = request(Method::GET, path).header("accept-encoding", encoding);
        let reply = stage
            .send(packed.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(reply.header("content-encoding"), encoding);
        assert!(reply.body.len() * 10 < plain);
    }
}

#[tokio::test]
async fn addresses_of_the_pages_own_router_get_the_page() {
    let stage = stage();
    assert!(
        stage
            .get("/insights")
            .await
            .text()
            .contains("<title>desk</title>")
    );
    for path in ["/api", "/api/nothing", "/favicon.ico", "/assets/gone.js"] {
        let reply = stage.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.code(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_page() {
    let stage = stage();
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/..%2f..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
        "//etc/passwd",
        "/assets/..%5c..%5cCargo.toml",
        "/api/pictures/..%2f..%2fCargo.toml",
    ] {
        let reply = stage.get(path).await;
        assert!(!reply.text().contains("[package]"), "{path}");
        assert!(!reply.text().contains("root:"), "{path}");
        if path.contains('.') {
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn a_build_without_its_page_says_how_to_get_one() {
    let (conversations, answerer) = small_office();
    let bound = "127.0.0.1:8501".parse().expect("an address");
    let hosts = AllowedHosts::new(bound, &[]).expect("no hosts");
    let options = ServerOptions {
        page: |_| None,
        ..ServerOptions::new(hosts)
    };
    let server = Server::new(conversations.clone(), options);
    let stage = Stage {
        answerer,
        conversations,
        server,
    };
    let reply = stage.get("/").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.text(), HOW_TO_BUILD);
    assert_eq!(stage.get("/api/status").await.status, StatusCode::OK);
}
