//! What one client may take of the desk, and how it is told: time, answers at once, places, and schemas that no
//! answer can be held to.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};
use desk::testing::{delta, done, done_for};
use desk::{AnswerEvent, DeskLimits, FinishReason, Refusal};
use serde_json::{Value, json};
use server::Keys;
use server::access::keys::new_key;
use tower::ServiceExt;

use crate::stage::{stage, stage_of, stage_with};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

fn chat(fields: Value) -> Value {
    let mut question = json!({"messages": [{"role": "user", "content": "?"}]});
    for (field, value) in fields.as_object().expect("fields") {
        question[field] = value.clone();
    }
    question
}

fn with_key(secret: &str, body: &Value) -> Request<Body> {
    crate::stage::request(Method::POST, CHAT)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {secret}"))
        .body(Body::from(body.to_string()))
        .expect("a request")
}

#[tokio::test]
async fn several_answers_at_once_count_as_several_against_a_keys_limit() {
    let made = new_key("script").expect("random bytes");
    let (line, _) = made.line.rsplit_once("  ").expect("limits");
    let keys = Keys::parse(&format!("{line} at_once=4")).expect("a key");
    let stage = stage_of(DeskLimits::default(), |options| {
        options.keys = Some(keys.into());
    });
    let never = stage
        .send(with_key(&made.secret, &chat(json!({"n": 5}))))
        .await;
    assert_eq!(
        never.openai_error(),
        (400, Some("n".into()), "invalid_field".into())
    );
    assert!(never.text().contains("at most 4"), "{}", never.text());
    let scripts = [(); 3].map(|()| stage.answerer.will_wait());
    let router = stage.server.router();
    let three = with_key(&made.secret, &chat(json!({"n": 3, "stream": true})));
    let running = router.oneshot(three).await.expect("never fails");
    assert_eq!(running.status(), StatusCode::OK);
    let two = stage
        .send(with_key(&made.secret, &chat(json!({"n": 2}))))
        .await;
    assert_eq!(two.openai_error(), (429, None, "too_many_at_once".into()));
    let one = stage.send(with_key(&made.secret, &chat(json!({})))).await;
    assert_eq!(one.status, StatusCode::OK);
    for script in scripts {
        script.send(done());
    }
    let read = http_body_util::BodyExt::collect(running.into_body()).await;
    assert!(read.is_ok());
    let four = stage
        .send(with_key(&made.secret, &chat(json!({"n": 4}))))
        .await;
    assert_eq!(four.status, StatusCode::OK, "{}", four.text());
}

#[tokio::test]
async fn a_client_with_its_share_of_the_places_is_told_how_many_it_has() {
    let stage = stage();
    stage.answerer.will_refuse(Refusal::share_full(24, 7));
    let reply = stage.post(CHAT, &chat(json!({}))).await;
    assert_eq!(reply.openai_error(), (429, None, "share_full".into()));
    assert_eq!(reply.header("retry-after"), "7");
    let message = reply.json()["error"]["message"].to_string();
    assert!(
        message.contains("You already have 24 questions"),
        "{message}"
    );
}

#[tokio::test]
async fn a_time_limit_reaches_whoever_answers_and_never_exceeds_the_desks() {
    let stage = stage_with(DeskLimits {
        answer_time: Duration::from_secs(600),
        ..DeskLimits::default()
    });
    let asked = async |path: &str, body: Value| {
        let reply = stage.post(path, &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        let question = stage.answerer.asked().pop().expect("asked");
        question.time_limit.expect("a limit").as_secs_f64()
    };
    let response = |timeout: Value| json!({"input": "?", "timeout": timeout});
    for timeout in [json!(20.5), json!(20)] {
        for (path, body) in [
            (CHAT, chat(json!({"timeout": timeout}))),
            (RESPONSES, response(timeout.clone())),
        ] {
            let limit = asked(path, body).await;
            assert!((18.0..=20.5).contains(&limit), "{path}: {limit}");
        }
    }
    for timeout in [json!(null), json!(3600), json!(1e300)] {
        let limit = asked(CHAT, chat(json!({"timeout": timeout}))).await;
        // From when the request was whole.
        assert!(limit < 600.0 && limit > 500.0, "{timeout}: {limit}");
    }
    for timeout in [json!(0), json!(-3), json!(1e-12)] {
        for (path, body) in [
            (CHAT, chat(json!({"timeout": timeout}))),
            (RESPONSES, response(timeout.clone())),
        ] {
            let reply = stage.post(path, &body).await;
            let wanted = (400, Some("timeout".into()), "invalid_field".into());
            assert_eq!(reply.openai_error(), wanted, "{timeout}");
        }
    }
}

#[tokio::test]
async fn what_was_said_when_the_time_was_over_is_the_answer() {
    let stage = stage();
    let says = || {
        stage
            .answerer
            .will_say([delta("AX"), done_for(FinishReason::TimedOut)])
    };
    says();
    let reply = stage.post(CHAT, &chat(json!({"timeout": 1}))).await;
    let choice = &reply.json()["choices"][0];
    assert_eq!(choice["message"]["content"], "AX");
    assert_eq!(choice["finish_reason"], "length");
    says();
    let reply = stage.post(RESPONSES, &json!({"input": "?"})).await;
    assert_eq!(reply.json()["status"], "incomplete");
    let wanted = json!({"reason": "max_output_tokens", "cause": "timed_out"});
    assert_eq!(reply.json()["incomplete_details"], wanted);
    says();
    let conversation = stage.begin().await;
    let events = stage.round(&conversation, &json!({"question": "?"})).await;
    let last = events.last().expect("an ending");
    assert_eq!(last["finish_reason"], "timed_out", "{last}");
    let text = stage.get("/metrics").await.text().to_owned();
    let line = r#"lookdesk_answers_total{kind="timed_out"} 3"#;
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn a_time_that_is_over_before_the_first_word_is_an_error_of_its_own() {
    let stage = stage();
    let says = || {
        let over = AnswerEvent::Error(Refusal::timed_out());
        stage.answerer.will_say([over]);
    };
    says();
    let reply = stage.post(CHAT, &chat(json!({"timeout": 1}))).await;
    assert_eq!(reply.openai_error(), (408, None, "timed_out".into()));
    assert_eq!(reply.json()["error"]["type"], "timeout_error");
    // Without this the client library would ask twice more, just when the desk is full.
    assert_eq!(reply.headers["x-should-retry"], "false");
    let text = stage.get("/metrics").await.text().to_owned();
    let line = r#"lookdesk_answers_total{kind="timed_out"} 1"#;
    assert!(text.contains(line), "{text}");
    says();
    let reply = stage.post(CHAT, &chat(json!({"stream": true}))).await;
    assert_eq!(reply.status, StatusCode::OK);
    let last: Value = serde_json::from_str(reply.data().pop().expect("lines")).expect("JSON");
    assert_eq!(last["error"]["code"], "timed_out");
}

#[tokio::test]
async fn a_schema_that_fails_in_mid_answer_is_the_askers_to_change() {
    let stage = stage();
    let says = || {
        let lost = Refusal::shape_unsupported("an answer broke off: too many items");
        stage
            .answerer
            .will_say([delta("{"), AnswerEvent::Error(lost)]);
    };
    says();
    let whole = stage.post(CHAT, &chat(json!({}))).await;
    let wanted = (
        400,
        Some("response_format".into()),
        "shape_unsupported".into(),
    );
    assert_eq!(whole.openai_error(), wanted);
    says();
    let streamed = stage.post(CHAT, &chat(json!({"stream": true}))).await;
    assert_eq!(streamed.status, StatusCode::OK);
    let last: Value = serde_json::from_str(streamed.data().pop().expect("lines")).expect("JSON");
    let error = &last["error"];
    assert_eq!(error["code"], "shape_unsupported");
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["param"], "response_format");
    says();
    let whole = stage.post(RESPONSES, &json!({"input": "?"})).await;
    assert_eq!(
        whole.openai_error(),
        (400, Some("text.format".into()), "shape_unsupported".into())
    );
    says();
    let streamed = stage
        .post(RESPONSES, &json!({"input": "?", "stream": true}))
        .await;
    let last = streamed.events().pop().expect("an ending");
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"]["code"], "invalid_prompt");
}
