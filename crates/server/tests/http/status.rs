use axum::http::StatusCode;
use desk::State;

use crate::stage::stage;

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
