//! Bodies that are small on their way and large once they are read: refused before they are, while whatever people
//! have reason to send passes.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use desk::DeskLimits;
use desk::testing::png;
use serde_json::{Map, Value, json};

use crate::stage::{Reply, Stage, stage, stage_with};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

async fn sent(stage: &Stage, path: &str, body: String) -> Reply {
    let request = crate::stage::request(Method::POST, path)
        .header("content-type", "application/json")
        .body(body.into());
    stage.send(request.expect("a request")).await
}

/// The lists never end: whoever reads them all says that, and whoever stops in time says that there are too many.
fn endless(field: &str, bytes: usize) -> String {
    format!("{{\"{field}\":[{}", "[0],".repeat(bytes / 4))
}

#[tokio::test]
async fn millions_of_small_lists_are_refused_before_they_are_read() {
    let stage = stage();
    for path in [CHAT, RESPONSES] {
        for field in ["x", "messages", "metadata"] {
            for bytes in [900_000, 40_000_000] {
                let started = Instant::now();
                let reply = sent(&stage, path, endless(field, bytes)).await;
                let refused = (413, None, "too_many_values".into());
                assert_eq!(reply.openai_error(), refused, "{path} {field} {bytes}");
                let message = reply.json()["error"]["message"].to_string();
                assert!(message.contains("100000 values"), "{message}");
                assert!(started.elapsed() < Duration::from_secs(20));
            }
        }
    }
    assert!(stage.answerer.asked().is_empty());
}

#[tokio::test]
async fn small_lists_for_the_desk_are_refused_before_they_are_read() {
    let reply = sent(&stage(), "/api/answers", endless("x", 900_000)).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.code(), "too_many_values");
    assert_eq!(reply.json()["error"]["details"]["limit"], 100_000);
}

#[tokio::test]
async fn twenty_pictures_two_hundred_messages_and_a_schema_of_two_thousand_properties_pass() {
    let stage = stage_with(DeskLimits {
        pictures_per_question: 20,
        ..DeskLimits::default()
    });
    let mut messages = Vec::new();
    for turn in 0..99 {
        messages.push(
            json!({"role": "user", "content": [{"type": "text", "text": format!("{turn}?")}]}),
        );
        messages.push(json!({"role": "assistant", "content": format!("{turn}.")}));
    }
    let pictures = (0..20).map(|index| {
        let data = base64::engine::general_purpose::STANDARD.encode(png(64 + index, 64));
        let url = format!("data:image/png;base64,{data}");
        json!({"type": "image_url", "image_url": {"url": url, "detail": "high"}})
    });
    let mut last: Vec<Value> = pictures.collect();
    last.push(json!({"type": "text", "text": "What do they show?"}));
    messages.insert(0, json!({"role": "system", "content": "Be brief."}));
    messages.push(json!({"role": "user", "content": last}));
    assert_eq!(messages.len(), 200);
    let properties: Map<String, Value> = (0..2000)
        .map(|index| {
            let property = json!({
                "type": ["string", "null"], "description": "What the label says.",
                "enum": ["yes", "no", null],
            });
            (format!("field_{index}"), property)
        })
        .collect();
    let required: Vec<&String> = properties.keys().collect();
    let schema = json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    });
    let body = json!({
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": {"name": "all", "schema": schema}},
    });
    let reply = stage.post(CHAT, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let asked = stage.answerer.asked().pop().expect("asked");
    assert_eq!(asked.pictures().count(), 20);
}
