use axum::http::{Method, StatusCode};
use desk::testing::{ask, delta, done, png};
use desk::{AnswerEvent, PictureId, Refusal, State};
use serde_json::{Value, json};

use crate::stage::{request, stage};

/// The events of a stream: their names and their data.
fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
    let read = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let name = field("event: ").expect("a name").to_owned();
        let data = serde_json::from_str(field("data: ").expect("data")).expect("JSON");
        (name, data)
    };
    blocks.map(read).collect()
}

#[tokio::test]
async fn an_answer_arrives_as_named_events_in_order() {
    let stage = stage();
    stage.upload(png(64, 64)).await;
    let reading = AnswerEvent::Reading {
        picture: 1,
        of: 1,
        tokens: 4,
        cached: false,
    };
    let said = [
        AnswerEvent::Queued {
            position: 0,
            wait_ms: None,
        },
        reading,
        delta("E102\n"),
        done(),
    ];
    stage.answerer.will_say(said);
    let reply = stage
        .ask(&ask("error code?", &[PictureId::of(&png(64, 64))]))
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert_eq!(reply.header("cache-control"), "no-store");
    let events = events(reply.text());
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["queued", "reading", "delta", "done"]);
    for (name, data) in &events {
        assert_eq!(data["type"], *name);
    }
    assert_eq!(events[1].1["tokens"], 4);
    assert_eq!(events[2].1["text"], "E102\n");
    assert_eq!(events[3].1["finish_reason"], "stop");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let stage = stage();
    stage.answerer.will_refuse(Refusal::queue_full(8, 12));
    let reply = stage.ask(&ask("?", &[])).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.code(), "queue_full");
    assert_eq!(reply.header("retry-after"), "12");
    assert_eq!(reply.json()["error"]["details"]["waiting"], 8);
}

#[tokio::test]
async fn a_loading_model_answers_nothing_yet() {
    let stage = stage();
    let what = "reading weights".to_owned();
    stage
        .answerer
        .set_state(State::Loading { percent: 40, what });
    let reply = stage.ask(&ask("?", &[])).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.code(), "not_ready");
}

#[tokio::test]
async fn an_unknown_picture_is_named_so_that_it_can_be_sent_again() {
    let id = PictureId::of(b"elsewhere");
    let reply = stage().ask(&ask("?", &[id])).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.code(), "picture_unknown");
    assert_eq!(reply.json()["error"]["details"]["id"], id.to_string());
}

#[tokio::test]
async fn what_is_no_question_is_a_bad_request() {
    let stage = stage();
    let user = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    let no_settings = user(json!({"type": "text", "text": "?"}));
    let mut hot = no_settings.clone();
    hot["settings"] = json!({"temperature": 9});
    let mut misspelt = no_settings.clone();
    misspelt["settings"] = json!({"temprature": 1});
    for (question, code) in [
        (json!({}), "invalid_json"),
        (json!({"messages": []}), "question_empty"),
        (user(json!({"type": "text", "text": " "})), "question_empty"),
        (
            user(json!({"type": "image_url", "url": "http://x/"})),
            "invalid_json",
        ),
        (
            user(json!({"type": "picture", "id": "../etc/passwd"})),
            "invalid_json",
        ),
        (hot, "setting_out_of_range"),
        (misspelt, "invalid_json"),
    ] {
        let reply = stage.ask_raw(question.to_string().into_bytes()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{question}");
        assert_eq!(reply.code(), code, "{question}");
    }
    let reply = stage.ask_raw(b"{\"messages\": [".to_vec()).await;
    assert_eq!(reply.code(), "invalid_json");
    assert!(stage.answerer.asked().is_empty());
}

#[tokio::test]
async fn deep_nesting_is_refused_and_not_followed() {
    let deep = "[".repeat(500_000).into_bytes();
    assert_eq!(stage().ask_raw(deep).await.code(), "invalid_json");
}

#[tokio::test]
async fn a_question_must_call_itself_json_and_be_of_human_size() {
    let stage = stage();
    let plain = request(Method::POST, "/api/answers").header("content-type", "text/plain");
    let reply = stage
        .send(plain.body("{}".into()).expect("a request"))
        .await;
    assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(reply.code(), "not_json");
    let reply = stage.ask_raw(vec![b' '; 2 * 1024 * 1024]).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.code(), "body_too_large");
}

#[tokio::test]
async fn an_engine_that_vanishes_ends_the_stream_with_an_error() {
    let stage = stage();
    let script = stage.answerer.will_wait();
    let question = ask("?", &[]);
    let prompter = async {
        while stage.answerer.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        script.send(delta("WAN"));
        script.vanish();
    };
    let (reply, ()) = tokio::join!(stage.ask(&question), prompter);
    let events = events(reply.text());
    assert_eq!(events[0].1["text"], "WAN");
    assert_eq!(events[1].0, "error");
    assert_eq!(events[1].1["code"], "answer_failed");
}
