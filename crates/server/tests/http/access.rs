//! Keys: who comes in, how fast, and that nothing was left open.

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use axum::http::{Method, StatusCode};
use desk::DeskLimits;
use desk::testing::{ask, done};
use serde_json::{Value, json};
use server::Keys;
use server::access::keys::new_key;

use crate::stage::{Reply, Stage, request, stage_of};

/// A stage that asks for keys, and a key that opens it.
fn locked(limits: &str) -> (Stage, String) {
    let made = new_key("front-desk").expect("random bytes");
    let line = match limits {
        "" => made.line,
        limits => format!(
            "{} {limits}",
            made.line.rsplit_once("  ").expect("limits").0
        ),
    };
    let keys = Keys::parse(&line).expect("a key");
    let stage = stage_of(DeskLimits::default(), |options| {
        options.keys = Some(keys.into())
    });
    (stage, made.secret)
}

async fn send(stage: &Stage, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let method: Method = method.to_uppercase().parse().expect("a method");
    let mut request = request(method, path).header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stage
        .send(request.body(Body::from("{}")).expect("a request"))
        .await
}

/// Every route of the description, with something in place of its parameters.
async fn routes() -> Vec<(String, String)> {
    let document: Value =
        serde_json::from_str(&server::openapi_document().expect("plain data")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut routes = Vec::new();
    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            let path = path
                .replace("{id}", &"0".repeat(64))
                .replace("{model}", "script")
                .replace("{name}", "Li");
            routes.push((method.clone(), path));
        }
    }
    routes
}

#[tokio::test]
async fn every_route_asks_for_a_key_but_the_pulse_and_the_way_in() {
    let (stage, secret) = locked("");
    let mut routes = routes().await;
    assert!(routes.len() > 40, "{routes:?}");
    for path in [
        "/",
        "/index.html",
        "/assets/app-1a2b.js",
        "/anything",
        "/api/nothing",
        "/v1/x",
    ] {
        for method in ["get", "post", "delete", "options", "put"] {
            routes.push((method.into(), path.into()));
        }
    }
    let bearer = format!("Bearer {secret}");
    for (method, path) in routes {
        let open = ["/signin", "/plain.css"].contains(&path.as_str());
        let without = send(&stage, &method, &path, &[]).await;
        assert_eq!(
            without.status == StatusCode::UNAUTHORIZED,
            !open,
            "{method} {path}"
        );
        if open {
            continue;
        }
        assert_eq!(without.header("www-authenticate"), "Bearer");
        let wrong = send(
            &stage,
            &method,
            &path,
            &[("authorization", "Bearer ld_wrong")],
        )
        .await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        // With a key it tells for ever how things stand.
        if path == "/api/status/stream" {
            continue;
        }
        let with = send(&stage, &method, &path, &[("authorization", &bearer)]).await;
        assert_ne!(with.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert_eq!(stage.get("/healthz").await.text(), "ok");
    assert!(stage.answerer.asked().is_empty());
}

#[tokio::test]
async fn a_missing_key_and_a_wrong_one_are_told_apart_in_each_dialect() {
    let (stage, _) = locked("");
    let missing = send(&stage, "get", "/v1/models", &[]).await;
    assert_eq!(missing.openai_error(), (401, None, "key_missing".into()));
    assert_eq!(missing.json()["error"]["type"], "authentication_error");
    for wrong in ["Bearer nope", "Basic YTpi", "nope", "Bearer "] {
        let reply = send(&stage, "get", "/v1/models", &[("authorization", wrong)]).await;
        assert_eq!(reply.openai_error().2, "invalid_api_key", "{wrong}");
    }
    assert_eq!(
        send(&stage, "get", "/api/status", &[]).await.code(),
        "key_missing"
    );
}

#[tokio::test]
async fn a_person_is_shown_the_way_in_and_a_cookie_opens_the_page() {
    let (stage, secret) = locked("");
    let html = [(ACCEPT.as_str(), "text/html,*/*")];
    let sent = send(&stage, "get", "/", &html).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, "/signin")
    );
    let page = send(&stage, "get", "/signin", &html).await;
    assert!(page.text().contains("class=\"signin out\""));
    assert!(!page.text().contains("<script"));
    // Without it browsers would send the form with `Origin: null`.
    assert_eq!(page.header("referrer-policy"), "same-origin");
    let form = |key: &str, origin: &str| {
        request(Method::POST, "/signin")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ORIGIN, origin)
            .body(Body::from(format!("key={key}")))
            .expect("a request")
    };
    let ours = "http://localhost:8501";
    let wrong = stage.send(form("ld_guess", ours)).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text().contains("class=\"signin wrong\""));
    assert_eq!(wrong.header("set-cookie"), "");
    let strange = stage.send(form(&secret, "https://evil.example")).await;
    assert_eq!(strange.status, StatusCode::FORBIDDEN);
    let sent = stage.send(form(&secret, ours)).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    let cookie = sent.header("set-cookie").to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(
        !cookie.contains("Secure") && !cookie.contains("Max-Age"),
        "{cookie}"
    );
    let secure = stage.send(form(&secret, "https://localhost:8501")).await;
    assert!(secure.header("set-cookie").ends_with("; Secure"));
    let held = cookie.split(';').next().expect("a value");
    let mixed = format!("other=1; {held}");
    for cookie in [held, &mixed] {
        let opened = send(&stage, "get", "/api/status", &[(COOKIE.as_str(), cookie)]).await;
        assert_eq!(opened.status, StatusCode::OK, "{cookie}");
    }
    let inside = send(&stage, "get", "/signin", &[(COOKIE.as_str(), held)]).await;
    assert!(inside.text().contains("class=\"signin in\""));
    let out = stage.send(form("", ours)).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let forged = send(
        &stage,
        "get",
        "/api/status",
        &[(COOKIE.as_str(), "lookdesk_key=x")],
    )
    .await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_way_in_speaks_one_language_the_browsers_or_the_one_chosen() {
    let (stage, _) = locked("");
    let spoken = async |path: &str, header: (&str, &str)| {
        let reply = send(&stage, "get", path, &[header]).await;
        let cookie = reply.header("set-cookie").to_owned();
        (reply.text().to_owned(), cookie)
    };
    let (english, cookie) = spoken("/signin", ("accept-language", "de, en;q=0.5")).await;
    assert!(english.contains("Your key") && !english.contains("密钥"));
    assert_eq!(cookie, "");
    let (chinese, _) = spoken("/signin", ("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")).await;
    assert!(chinese.contains("<html lang=\"zh-CN\">") && !chinese.contains("Your key"));
    let (chosen, cookie) = spoken("/signin?language=en", ("accept-language", "zh-CN")).await;
    assert!(chosen.contains("Your key"));
    assert!(cookie.starts_with("lookdesk_language=en;"), "{cookie}");
    let kept = cookie.split(';').next().expect("a value").to_owned();
    let (later, _) = spoken("/signin", (COOKIE.as_str(), &kept)).await;
    assert!(later.contains("Your key"));
    let wrong = request(Method::POST, "/signin")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ORIGIN, "http://localhost:8501")
        .header("accept-language", "zh-CN")
        .body(Body::from("key=ld_guess"))
        .expect("a request");
    assert!(stage.send(wrong).await.text().contains("此密钥无效"));
}

#[tokio::test]
async fn a_desk_without_keys_has_no_sign_in() {
    let stage = stage_of(DeskLimits::default(), |_| {});
    let sent = stage.get("/signin").await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
}

#[tokio::test]
async fn a_key_that_asks_too_fast_is_slowed_and_may_still_look() {
    let (stage, secret) = locked("per_minute=2");
    let bearer = format!("Bearer {secret}");
    let headers = [(AUTHORIZATION.as_str(), bearer.as_str())];
    for _ in 0..2 {
        let reply = send(&stage, "post", "/v1/chat/completions", &headers).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    }
    let slowed = send(&stage, "post", "/v1/chat/completions", &headers).await;
    assert_eq!(
        slowed.openai_error(),
        (429, None, "rate_limit_exceeded".into())
    );
    let wait: u64 = slowed.header("retry-after").parse().expect("seconds");
    assert!((1..=30).contains(&wait), "{wait}");
    let looking = send(&stage, "get", "/v1/models", &headers).await;
    assert_eq!(looking.status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_is_read_holds_its_place_until_the_last_byte() {
    let (stage, secret) = locked("at_once=1");
    let bearer = format!("Bearer {secret}");
    let script = stage.answerer.will_wait();
    let body = serde_json::to_vec(&ask("?", &[])).expect("plain data");
    let question = || {
        request(Method::POST, "/api/answers")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, &bearer)
            .body(Body::from(body.clone()))
            .expect("a request")
    };
    let router = stage.server.router();
    let running = tower::ServiceExt::oneshot(router, question())
        .await
        .expect("never fails");
    assert_eq!(running.status(), StatusCode::OK);
    let second = stage.send(question()).await;
    assert_eq!(second.code(), "too_many_at_once");
    assert_eq!(second.header("retry-after"), "1");
    script.send(done());
    let read = http_body_util::BodyExt::collect(running.into_body()).await;
    assert!(read.is_ok());
    let third = stage.send(question()).await;
    assert_eq!(third.status, StatusCode::OK);
}

#[tokio::test]
async fn askers_are_told_apart_by_their_keys() {
    let (stage, secret) = locked("");
    let body = json!({"messages": [{"role": "user", "content": "?"}]});
    let request = request(Method::POST, "/v1/chat/completions")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("bearer {secret}"))
        .body(Body::from(body.to_string()))
        .expect("a request");
    assert_eq!(stage.send(request).await.status, StatusCode::OK);
    let asker = stage.answerer.asked().remove(0).asker;
    assert_eq!(asker.as_deref(), Some("key front-desk"));
}
