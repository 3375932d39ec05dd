//! What a request may get wrong, and what its writer is told: the place, what it must be, and nothing of how this
//! program is made.

use serde_json::{Value, json};

use crate::stage::{Stage, stage};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// Words of the parser and of this program's types.
const INNER: [&str; 14] = [
    "variant",
    "struct",
    "enum",
    "untagged",
    "invalid type",
    "invalid value",
    "u32",
    "f32",
    "i64",
    "serde",
    "::",
    "sequence",
    "string or map",
    "Fields",
];

async fn told(stage: &Stage, path: &str, body: &Value) -> (String, String) {
    let reply = stage.post(path, body).await;
    let (status, param, code) = reply.openai_error();
    assert_eq!((status, code.as_str()), (400, "invalid_field"), "{body}");
    let message = reply.json()["error"]["message"]
        .as_str()
        .expect("words")
        .to_owned();
    for word in INNER {
        assert!(!message.contains(word), "{word} in: {message}");
    }
    assert!(message.len() < 300, "{message}");
    (param.expect("a place"), message)
}

/// A chat completion whose second piece is this.
fn piece(piece: Value) -> Value {
    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, piece]}]})
}

fn chat(field: &str, value: Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": "?"}]});
    body[field] = value;
    body
}

#[tokio::test]
async fn a_wrong_piece_of_a_message_is_told_with_its_place_and_what_it_must_be() {
    let stage = stage();
    let at = "messages[0].content[1]";
    let address = "data:image/png;base64,AAAA";
    for (part, place, words) in [
        (
            json!({"type": "image_url", "image_url": 7}),
            ".image_url",
            "an object with the picture's `url`, not 7",
        ),
        (
            json!({"type": "image_url", "image_url": ["x"]}),
            ".image_url",
            "not a list",
        ),
        (
            json!({"type": "image_url", "image_url": {}}),
            ".image_url.url",
            "is missing",
        ),
        (
            json!({"type": "image_url", "image_url": {"uri": "x"}}),
            ".image_url.url",
            "is missing",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": null}}),
            ".image_url.url",
            "must be a text, not null",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": address, "detail": "tiny"}}),
            ".image_url.detail",
            r#"must be "auto", "low", "high" or "original", not "tiny""#,
        ),
        (json!({"type": "image_url"}), ".image_url", "is missing"),
        (
            json!({"type": "image_url", "url": address}),
            ".image_url",
            "is missing",
        ),
        (json!({"type": "text"}), ".text", "is missing"),
        (
            json!({"type": "text", "text": 7}),
            ".text",
            "must be a text, not 7",
        ),
        (
            json!({"type": "input_image", "image_url": address}),
            ".type",
            r#"must be "text" or "image_url", not "input_image""#,
        ),
        (json!({"type": 3}), ".type", "must be a text, not 3"),
        (json!({"text": "no type"}), ".type", "is missing"),
        (json!("words"), "", "must be an object, not a text"),
    ] {
        let (param, message) = told(&stage, CHAT, &piece(part.clone())).await;
        assert_eq!(param, format!("{at}{place}"), "{part}");
        assert!(message.contains(words), "{part}: {message}");
        assert!(message.contains(&param), "{part}: {message}");
    }
    assert!(stage.answerer.asked().is_empty());
}

#[tokio::test]
async fn every_field_of_a_chat_completion_is_told_by_its_name() {
    let stage = stage();
    for (body, place, words) in [
        (json!({}), "messages", "is missing"),
        (
            chat("messages", json!("hello")),
            "messages",
            "must be a list, not a text",
        ),
        (
            chat("messages", json!([7])),
            "messages[0]",
            "must be an object, not 7",
        ),
        (
            chat("messages", json!([{"content": "?"}])),
            "messages[0].role",
            "is missing",
        ),
        (
            chat("messages", json!([{"role": "king", "content": "?"}])),
            "messages[0].role",
            r#""system", "developer""#,
        ),
        (
            chat("messages", json!([{"role": "user", "content": 7}])),
            "messages[0].content",
            "must be a text or a list, not 7",
        ),
        (
            chat("model", json!(["a"])),
            "model",
            "must be a text, not a list",
        ),
        (
            chat("max_tokens", json!(-5)),
            "max_tokens",
            "from 0 to 4294967295, not -5",
        ),
        (chat("max_tokens", json!("12")), "max_tokens", "not a text"),
        (
            chat("max_completion_tokens", json!(1.5)),
            "max_completion_tokens",
            "not 1.5",
        ),
        (
            chat("temperature", json!("hot")),
            "temperature",
            "must be a number, not a text",
        ),
        (chat("seed", json!(1e30)), "seed", "must be a whole number"),
        (chat("stop", json!([1])), "stop[0]", "must be a text, not 1"),
        (
            chat("stop", json!({"a": 1})),
            "stop",
            "must be a text or a list, not an object",
        ),
        (chat("n", json!(true)), "n", "not true"),
        (
            chat("stream", json!("yes")),
            "stream",
            "must be true or false, not a text",
        ),
        (
            chat("stream_options", json!([])),
            "stream_options",
            "must be an object, not a list",
        ),
        (
            chat("stream_options", json!({"include_usage": 1})),
            "stream_options.include_usage",
            "must be true or false, not 1",
        ),
        (
            chat("response_format", json!("json")),
            "response_format",
            "must be an object, not a text",
        ),
        (
            chat("response_format", json!({"type": "xml"})),
            "response_format.type",
            r#"must be "text", "json_object" or "json_schema""#,
        ),
        (
            chat("response_format", json!({"type": "json_schema"})),
            "response_format.json_schema",
            "is missing",
        ),
        (
            chat(
                "response_format",
                json!({"type": "json_schema", "json_schema": {"name": 3}}),
            ),
            "response_format.json_schema.name",
            "must be a text, not 3",
        ),
    ] {
        let (param, message) = told(&stage, CHAT, &body).await;
        assert_eq!(param, place, "{body}");
        assert!(message.contains(words), "{body}: {message}");
    }
}

#[tokio::test]
async fn every_field_of_a_response_is_told_by_its_name() {
    let stage = stage();
    let with = |field: &str, value: Value| {
        let mut body = json!({"input": "?"});
        body[field] = value;
        body
    };
    let part = |part: Value| json!({"input": [{"role": "user", "content": [part]}]});
    let at = "input[0].content[0]";
    for (body, place, words) in [
        (json!({}), "input".to_owned(), "is missing"),
        (
            with("input", json!(7)),
            "input".into(),
            "must be a text or a list, not 7",
        ),
        (
            with("input", json!([{"role": "king"}])),
            "input[0].role".into(),
            r#""user" or "assistant""#,
        ),
        (
            part(json!({"type": "image_url", "image_url": {"url": "x"}})),
            format!("{at}.type"),
            r#""input_image", not "image_url""#,
        ),
        (
            part(json!({"type": "input_image", "image_url": {"url": "x"}})),
            format!("{at}.image_url"),
            "must be a text, not an object",
        ),
        (
            part(json!({"type": "input_text"})),
            format!("{at}.text"),
            "is missing",
        ),
        (
            part(json!({"type": "input_image", "image_url": "x", "detail": "tiny"})),
            format!("{at}.detail"),
            "\"low\"",
        ),
        (
            with("metadata", json!({"a": 1})),
            "metadata.a".into(),
            "must be a text, not 1",
        ),
        (
            with("metadata", json!([])),
            "metadata".into(),
            "must be an object, not a list",
        ),
        (
            with("metadata", json!({"a": "x".repeat(513)})),
            "metadata.a".into(),
            "at most 512 characters",
        ),
        (
            with("metadata", json!({"x".repeat(65): "a"})),
            "metadata".into(),
            "64 characters",
        ),
        (
            with("include", json!("logprobs")),
            "include".into(),
            "must be a list, not a text",
        ),
        (
            with("text", json!({"format": {"type": "yaml"}})),
            "text.format.type".into(),
            "\"json_schema\"",
        ),
        (
            with(
                "text",
                json!({"format": {"type": "json_schema", "name": "a"}}),
            ),
            "text.format.schema".into(),
            "is missing",
        ),
        (
            with(
                "text",
                json!({"format": {"type": "json_schema", "schema": {}}}),
            ),
            "text.format.name".into(),
            "is missing",
        ),
    ] {
        let (param, message) = told(&stage, RESPONSES, &body).await;
        assert_eq!(param, place, "{body}");
        assert!(message.contains(words), "{body}: {message}");
    }
    let many: serde_json::Map<_, _> = (0..17).map(|i| (format!("k{i}"), json!("v"))).collect();
    let (param, message) = told(&stage, RESPONSES, &with("metadata", many.into())).await;
    assert_eq!(param, "metadata");
    assert!(message.contains("at most 16"), "{message}");
}

#[tokio::test]
async fn a_refusal_does_not_repeat_a_picture_that_stands_at_a_wrong_place() {
    let stage = stage();
    let picture = format!("data:image/png;base64,{}", "QUJD".repeat(50_000));
    for body in [
        chat("temperature", json!(picture)),
        chat("response_format", json!({"type": picture})),
        piece(json!({"type": "text", "text": {"url": picture}})),
        piece(json!({"type": picture})),
    ] {
        told(&stage, CHAT, &body).await;
    }
}

#[tokio::test]
async fn a_name_of_a_million_letters_is_not_told_back() {
    let stage = stage();
    let name = "n".repeat(1_000_000);
    let (param, message) = told(
        &stage,
        RESPONSES,
        &json!({"input": "?", "metadata": {name.as_str(): 7}}),
    )
    .await;
    assert!(
        param.starts_with("metadata.nnn") && param.len() < 200,
        "{param}"
    );
    assert!(message.contains("must be a text, not 7"), "{message}");
    // The desk's own routes repeat what the parser says, in part.
    let name = "n".repeat(900_000);
    for (path, body) in [
        ("/api/answers", json!({name.as_str(): 7})),
        ("/api/answers", json!({"messages": name.as_str()})),
        (
            "/api/answers",
            json!({"messages": [{"role": name.as_str(), "content": []}]}),
        ),
        ("/api/roles", json!({"name": {name.as_str(): 1}})),
    ] {
        let reply = stage.post(path, &body).await;
        assert_eq!(reply.status.as_u16(), 400, "{path}");
        assert!(reply.body.len() < 1000, "{path}: {}", reply.body.len());
    }
    let reply = stage
        .get(&format!("/api/conversations?{}=1", "n".repeat(5000)))
        .await;
    assert_eq!(reply.status.as_u16(), 400);
    assert!(reply.body.len() < 1000, "{}", reply.text());
}

#[tokio::test]
async fn a_value_that_speaks_like_the_parser_changes_nothing_about_its_place() {
    let stage = stage();
    let lie = "missing field `evil`, expected `evil`";
    for (body, place, words) in [
        (
            json!({"messages": [{"role": lie, "content": "?"}]}),
            "messages[0].role",
            "must be",
        ),
        (
            chat("temperature", json!(lie)),
            "temperature",
            "must be a number, not a text",
        ),
        (
            chat("n", json!({"missing field `evil`": 1})),
            "n",
            "not an object",
        ),
    ] {
        let (param, message) = told(&stage, CHAT, &body).await;
        assert_eq!(param, place, "{message}");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("is missing"), "{message}");
    }
}

#[tokio::test]
async fn what_is_no_json_is_told_with_its_line() {
    let stage = stage();
    for (body, words) in [
        ("{\"messages\": [}", "line 1 column 15"),
        ("", "line 1 column 0"),
        ("[1, 2]", "an object"),
        ("\"hello\"", "an object"),
    ] {
        let request = crate::stage::request(axum::http::Method::POST, CHAT)
            .header("content-type", "application/json")
            .body(body.to_owned().into());
        let reply = stage.send(request.expect("a request")).await;
        let (status, _, code) = reply.openai_error();
        assert_eq!((status, code.as_str()), (400, "invalid_json"), "{body}");
        let message = reply.json()["error"]["message"]
            .as_str()
            .expect("words")
            .to_owned();
        assert!(message.contains(words), "{body}: {message}");
        for word in INNER {
            assert!(!message.contains(word), "{word} in: {message}");
        }
    }
}
