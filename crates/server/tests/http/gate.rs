use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{Method, Request, StatusCode};
use desk::testing::ask;

use crate::stage::{Reply, Stage, request, stage};

async fn addressed_to(stage: &Stage, host: &str, path: &str) -> Reply {
    let request = Request::get(path).header(HOST, host).body(Body::empty());
    stage.send(request.expect("a request")).await
}

#[tokio::test]
async fn a_rebound_name_reads_nothing_but_the_pulse() {
    let stage = stage();
    for path in [
        "/",
        "/api/status",
        "/api/samples",
        "/openapi.json",
        "/readyz",
        "/api/nothing",
    ] {
        let reply = addressed_to(&stage, "evil.example:8501", path).await;
        assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert_eq!(reply.code(), "host_not_allowed", "{path}");
    }
    let pulse = addressed_to(&stage, "evil.example:8501", "/healthz").await;
    assert_eq!(pulse.text(), "ok");
    let ours = addressed_to(&stage, "desk.example", "/api/status").await;
    assert_eq!(ours.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_one_clear_host_stays_out() {
    let stage = stage();
    let none = Request::get("/api/status").body(Body::empty());
    let two = request(Method::GET, "/api/status").header(HOST, "desk.example");
    let two = two.body(Body::empty());
    let contradicting = request(Method::GET, "http://evil.example/api/status");
    let contradicting = contradicting.body(Body::empty());
    for request in [none, two, contradicting] {
        let reply = stage.send(request.expect("a request")).await;
        assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST);
    }
}

async fn ask_with(stage: &Stage, name: &str, value: &str) -> StatusCode {
    let body = serde_json::to_vec(&ask("?", &[])).expect("plain data");
    let request = request(Method::POST, "/api/answers")
        .header(CONTENT_TYPE, "application/json")
        .header(name, value)
        .body(body.into());
    stage.send(request.expect("a request")).await.status
}

#[tokio::test]
async fn only_our_own_page_may_change_things() {
    let stage = stage();
    let origin = ORIGIN.as_str();
    for strange in [
        "http://evil.example",
        "http://localhost:3000",
        "null",
        "http://localhost:8501.evil.example",
        "",
    ] {
        let status = ask_with(&stage, origin, strange).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{strange}");
    }
    assert_eq!(
        ask_with(&stage, origin, "http://localhost:8501").await,
        StatusCode::OK
    );
    for strange in ["cross-site", "same-site"] {
        let status = ask_with(&stage, "sec-fetch-site", strange).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{strange}");
    }
    assert_eq!(
        ask_with(&stage, "sec-fetch-site", "same-origin").await,
        StatusCode::OK
    );
    assert_eq!(stage.answerer.asked().len(), 2);
}

#[tokio::test]
async fn a_strange_page_may_not_upload_either() {
    let stage = stage();
    let request = request(Method::POST, "/api/pictures")
        .header(ORIGIN, "https://evil.example")
        .body(desk::testing::png(4, 4).into());
    let reply = stage.send(request.expect("a request")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(reply.code(), "origin_not_allowed");
}

#[tokio::test]
async fn a_wrong_method_is_named_as_such() {
    let stage = stage();
    let reply = stage.get("/api/answers").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.code(), "method_not_allowed");
    assert_eq!(reply.header("allow"), "POST");
}
