use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use desk::State;
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::stage::{Stage, request, stage};

#[tokio::test]
async fn status_shows_who_answers_and_what_fits() {
    let reply = stage().get("/api/status").await;
    assert_eq!(reply.status, StatusCode::OK);
    let status = reply.json();
    assert_eq!(status["state"]["kind"], "ready");
    assert_eq!(status["model"]["name"], "script");
    assert_eq!(status["limits"]["picture_bytes"], 20 * 1024 * 1024);
    assert_eq!(status["defaults"]["temperature"], 0.25);
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_loading_server_lives_but_is_not_ready() {
    let stage = stage();
    let what = "reading weights".to_owned();
    stage
        .answerer
        .set_state(State::Loading { percent: 40, what });
    assert_eq!(stage.get("/healthz").await.status, StatusCode::OK);
    let ready = stage.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.text(), "loading");
    let status = stage.get("/api/status").await.json();
    assert_eq!(status["state"]["percent"], 40);
    stage.answerer.set_state(State::Ready);
    assert_eq!(stage.get("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn samples_come_with_pictures_one_can_look_at() {
    let stage = stage();
    let samples = stage.get("/api/samples").await.json();
    assert_eq!(samples[0]["id"], "router");
    assert_eq!(samples[0]["question"]["zh"], "标签上写了什么？");
    let picture = &samples[0]["pictures"][0];
    assert_eq!(picture["width"], 320);
    let url = picture["url"].as_str().expect("an address");
    assert_eq!(stage.get(url).await.header("content-type"), "image/png");
}

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let stage = stage();
    for path in [
        "/",
        "/api/status",
        "/healthz",
        "/api/nothing",
        "/assets/app-1a2b.js",
    ] {
        let reply = stage.get(path).await;
        let policy = reply.header("content-security-policy");
        for rule in [
            "default-src 'self'",
            "img-src 'self' blob: data:",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!reply.header("x-request-id").is_empty(), "{path}");
    }
}

/// Listens to the status and gives what comes next.
async fn listen(stage: &Stage) -> impl AsyncFnMut() -> String {
    let request = request(Method::GET, "/api/status/stream").body(Body::empty());
    let response = stage
        .server
        .router()
        .oneshot(request.expect("a request"))
        .await;
    let response = response.expect("the router never fails");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    async move || {
        let frame = body.frame().await.expect("it goes on").expect("whole");
        String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_is_told_at_once_and_then_once_a_second_to_all_who_listen() {
    let stage = stage();
    let started = Instant::now();
    let mut one = listen(&stage).await;
    let first = one().await;
    assert!(first.starts_with("event: status\ndata: {"), "{first}");
    assert!(first.contains("\"readings\":{\"cpu_percent\":"), "{first}");
    let mut other = listen(&stage).await;
    assert_eq!(other().await, first);
    assert!(started.elapsed() < Duration::from_millis(900));
    let (second, same) = tokio::join!(one(), other());
    assert_eq!(second, same);
    assert!(started.elapsed() > Duration::from_millis(900));
    drop((one, other));
    // Who comes back when nobody has listened for a while is told at once.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let what = "weights".to_owned();
    stage
        .answerer
        .set_state(State::Loading { percent: 7, what });
    let mut again = listen(&stage).await;
    let again = again().await;
    assert!(again.contains("\"percent\":7"), "{again}");
}
