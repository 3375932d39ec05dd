//! Who gets no place costs the desk no work: places are asked for before pictures are decoded and schemas are read, and
//! come back from whatever goes wrong in between.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk::DeskLimits;
use desk::testing::{done, png};
use serde_json::{Value, json};

use crate::stage::stage;

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

fn data_uri(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

fn chat(bytes: &[u8]) -> Value {
    let picture = json!({"type": "image_url", "image_url": {"url": data_uri(bytes)}});
    json!({"messages": [{"role": "user", "content": [picture]}]})
}

fn response(bytes: &[u8]) -> Value {
    let picture = json!({"type": "input_image", "image_url": data_uri(bytes)});
    json!({"input": [{"role": "user", "content": [picture]}]})
}

#[tokio::test]
async fn a_request_without_a_place_is_refused_before_anything_is_decoded() {
    let stage = stage();
    stage.answerer.set_places(0);
    let good = png(640, 480);
    for (path, body) in [
        (CHAT, chat(&good)),
        (CHAT, chat(b"no picture")),
        (RESPONSES, response(&good)),
    ] {
        let reply = stage.post(path, &body).await;
        assert_eq!(reply.openai_error(), (429, None, "queue_full".into()));
        assert!(!reply.header("retry-after").is_empty());
    }
    let reply = stage.ask(&desk::testing::ask("?", &[])).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (429, "queue_full".into())
    );
    assert_eq!(stage.answerer.inspected(), 0);
    assert!(stage.answerer.asked().is_empty());
    // To count asks for no place.
    let counted = stage
        .post(&format!("{CHAT}/input_tokens"), &chat(&good))
        .await;
    assert_eq!(counted.status, StatusCode::OK, "{}", counted.text());
    assert_eq!(stage.answerer.inspected(), 1);
}

#[tokio::test]
async fn several_answers_get_all_their_places_or_none() {
    let stage = stage();
    stage.answerer.set_places(2);
    let with_n = async |n: u32| {
        let mut question = chat(&png(64, 64));
        question["n"] = n.into();
        stage.post(CHAT, &question).await
    };
    assert_eq!(
        with_n(3).await.openai_error(),
        (429, None, "queue_full".into())
    );
    assert_eq!(stage.answerer.places_taken(), 0);
    assert_eq!(stage.answerer.inspected(), 0);
    let whole = with_n(2).await;
    assert_eq!(whole.json()["choices"].as_array().map(Vec::len), Some(2));
    assert_eq!(stage.answerer.places_taken(), 0);
}

#[tokio::test]
async fn a_picture_that_cannot_be_read_gives_the_place_back() {
    let stage = stage();
    stage.answerer.set_places(1);
    for _ in 0..2 {
        let reply = stage.post(CHAT, &chat(b"no picture")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text());
        assert_eq!(stage.answerer.places_taken(), 0);
    }
    stage.answerer.will_say([done()]);
    let reply = stage.post(CHAT, &chat(&png(64, 64))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
}

#[tokio::test]
async fn what_a_question_waited_for_before_the_engine_is_taken_from_the_desks_own_time_as_well() {
    let stage = stage();
    let longest = DeskLimits::default().answer_time;
    for timeout in [Value::Null, json!(2 * longest.as_secs())] {
        let mut question = chat(&png(64, 64));
        question["timeout"] = timeout;
        let reply = stage.post(CHAT, &question).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        let asked = stage.answerer.asked().pop().expect("asked");
        assert!(asked.time_limit.expect("a limit") < longest);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_before_its_pictures_are_decoded() {
    let stage = stage();
    let mut question = chat(&png(640, 480));
    let messages = question["messages"].as_array_mut().expect("a list");
    messages.push(json!({"role": "assistant", "content": "AX73"}));
    let mut warm = chat(&png(640, 480));
    warm["temperature"] = json!(7);
    for (body, code) in [(question, "question_order"), (warm, "setting_out_of_range")] {
        for path in [CHAT.to_owned(), format!("{CHAT}/input_tokens")] {
            let (status, _, why) = stage.post(&path, &body).await.openai_error();
            assert_eq!((status, why.as_str()), (400, code));
        }
    }
    assert_eq!(stage.answerer.inspected(), 0);
}
