use axum::body::Body;
use axum::http::header::ORIGIN;
use axum::http::{Method, StatusCode};
use desk::DeskLimits;
use server::access::keys::new_key;
use server::{CorsOrigins, Keys};

use crate::stage::{Reply, Stage, request, stage, stage_of};

const GUEST: &str = "https://app.example";

async fn from(stage: &Stage, origin: &str, method: Method, path: &str) -> Reply {
    let request = request(method, path)
        .header(ORIGIN, origin)
        .header("access-control-request-method", "POST")
        .header("content-type", "application/json")
        .body(Body::from(
            r#"{"messages": [{"role": "user", "content": "?"}]}"#,
        ));
    stage.send(request.expect("a request")).await
}

fn open() -> Stage {
    let origins = CorsOrigins::new(&[GUEST.to_owned()]).expect("an origin");
    stage_of(DeskLimits::default(), |options| options.cors = origins)
}

#[tokio::test]
async fn no_other_sites_page_comes_in_unless_it_was_named() {
    let path = "/v1/chat/completions";
    let closed = from(&stage(), GUEST, Method::POST, path).await;
    assert_eq!(
        closed.openai_error(),
        (403, None, "origin_not_allowed".into())
    );
    assert_eq!(closed.header("access-control-allow-origin"), "");
    let stranger = from(&open(), "https://evil.example", Method::POST, path).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    assert_eq!(stranger.header("access-control-allow-origin"), "");
    let preflight = from(&open(), "https://evil.example", Method::OPTIONS, path).await;
    assert_eq!(preflight.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_named_page_may_use_the_interface_for_programs_and_nothing_else() {
    let stage = open();
    let path = "/v1/chat/completions";
    let preflight = from(&stage, GUEST, Method::OPTIONS, path).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), GUEST);
    // The second comes with the helpers of OpenAI's own client.
    for header in ["authorization", "x-stainless-helper-method"] {
        let allowed = preflight.header("access-control-allow-headers");
        assert!(allowed.split(", ").any(|one| one == header), "{header}");
    }
    assert_eq!(preflight.header("access-control-allow-credentials"), "");
    let answer = from(&stage, GUEST, Method::POST, path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), GUEST);
    assert_eq!(answer.header("vary"), "origin");
    let desk = from(&stage, GUEST, Method::POST, "/api/answers").await;
    assert_eq!(desk.code(), "origin_not_allowed");
    assert_eq!(desk.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_guest_needs_a_key_where_keys_are_asked_for() {
    let made = new_key("app").expect("random bytes");
    let keys = Keys::parse(&made.line).expect("a key");
    let origins = CorsOrigins::new(&[GUEST.to_owned()]).expect("an origin");
    let stage = stage_of(DeskLimits::default(), |options| {
        options.cors = origins;
        options.keys = Some(keys.into());
    });
    let path = "/v1/chat/completions";
    let preflight = from(&stage, GUEST, Method::OPTIONS, path).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    let answer = from(&stage, GUEST, Method::POST, path).await;
    assert_eq!(answer.openai_error().0, 401);
    assert_eq!(answer.header("access-control-allow-origin"), GUEST);
}
