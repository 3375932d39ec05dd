use axum::http::StatusCode;
use desk::testing::{delta, done_with, png, token};
use desk::{AnswerEvent, FinishReason, Piece, Refusal, Role, Shape, Timings, Usage};
use serde_json::{Value, json};

use crate::stage::{Reply, Stage, stage};

async fn ask(stage: &Stage, body: &Value) -> Reply {
    stage.post("/v1/responses", body).await
}

fn with(field: &str, value: Value) -> Value {
    let mut body = json!({"input": "which model?"});
    body[field] = value;
    body
}

fn usage() -> Usage {
    Usage {
        prompt_tokens: 50,
        image_tokens: 40,
        cached_tokens: 16,
        completion_tokens: 3,
    }
}

#[tokio::test]
async fn a_whole_response_comes_in_openais_shape() {
    let stage = stage();
    stage
        .answerer
        .will_say([delta("AX"), delta("73"), done_with(usage())]);
    let mut body = with("instructions", json!("Be brief."));
    body["metadata"] = json!({"ticket": "7"});
    let reply = ask(&stage, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let reply = reply.json();
    assert_eq!(reply["object"], "response");
    assert_eq!(reply["status"], "completed");
    assert_eq!(reply["store"], false);
    assert_eq!(reply["metadata"], json!({"ticket": "7"}));
    assert_eq!(reply["instructions"], "Be brief.");
    // What the published description has always, if only as null.
    for field in [
        "error",
        "incomplete_details",
        "max_output_tokens",
        "max_tool_calls",
        "previous_response_id",
    ] {
        assert_eq!(reply.get(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(
        (&reply["temperature"], &reply["top_p"]),
        (&json!(0.25), &json!(0.8))
    );
    assert_eq!(reply["service_tier"], "default");
    assert_eq!(reply["background"], false);
    assert!(
        reply["completed_at"].as_u64() >= reply["created_at"].as_u64(),
        "{reply}"
    );
    let message = &reply["output"][0];
    assert_eq!(
        (&message["type"], &message["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(
        message["content"],
        json!([{"type": "output_text", "text": "AX73", "annotations": [], "logprobs": []}])
    );
    assert_eq!(reply["usage"]["input_tokens"], 50);
    assert_eq!(reply["usage"]["input_tokens_details"]["image_tokens"], 40);
    assert_eq!(reply["usage"]["total_tokens"], 53);
    let asked = stage.answerer.asked().remove(0);
    assert_eq!(asked.turns[0].role, Role::System);
    assert_eq!(asked.turns[1].pieces, [Piece::Text("which model?".into())]);
}

#[tokio::test]
async fn messages_with_pictures_reach_the_desk_in_order() {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(png(64, 32));
    let stage = stage();
    let body = json!({
        "model": "script",
        "input": [
            {"role": "developer", "content": "Be brief."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_image", "detail": "low",
                 "image_url": format!("data:image/png;base64,{data}")},
                {"type": "input_text", "text": "which model?"},
            ]},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "AX73", "annotations": []}]},
            {"role": "user", "content": "sure?"},
        ],
        "text": {"format": {"type": "json_schema", "name": "label", "strict": true,
                            "schema": {"type": "object"}}},
        "max_output_tokens": 20, "temperature": 0.5,
    });
    let reply = ask(&stage, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.json()["text"]["format"]["name"], "label");
    let asked = stage.answerer.asked().remove(0);
    let roles: Vec<_> = asked.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::User]
    );
    assert_eq!(asked.pictures().count(), 1);
    assert_eq!(asked.shape, Shape::JsonSchema(json!({"type": "object"})));
    assert_eq!(
        (asked.settings.max_tokens, asked.settings.temperature),
        (20, 0.5)
    );
    assert_eq!(asked.settings.image_tokens, 256);
}

#[tokio::test]
async fn a_stream_tells_every_step_in_numbered_events() {
    let stage = stage();
    stage
        .answerer
        .will_say([token("AX", -0.1), token("73", -0.2), done_with(usage())]);
    let mut body = with("stream", json!(true));
    body["include"] = json!(["message.output_text.logprobs"]);
    body["temperature"] = json!(1.9);
    let reply = ask(&stage, &body).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let events: Vec<Value> = reply
        .data()
        .iter()
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().expect("text"))
        .collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64())
        .collect();
    assert_eq!(numbers, (0..10).map(Some).collect::<Vec<_>>());
    for kind in kinds {
        assert!(reply.text().contains(&format!("event: {kind}\n")), "{kind}");
    }
    assert_eq!(events[4]["delta"], "AX");
    assert_eq!(events[4]["logprobs"][0]["token"], "AX");
    assert_eq!(events[6]["text"], "AX73");
    let response = &events[9]["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "AX73");
    assert_eq!(
        response["output"][0]["content"][0]["logprobs"][1]["token"],
        "73"
    );
    assert_eq!(response["usage"]["output_tokens"], 3);
    assert_eq!(response["id"], events[0]["response"]["id"]);
    assert_eq!(response["temperature"], 1.9);
}

#[tokio::test]
async fn an_answer_cut_short_is_incomplete_and_one_that_breaks_has_failed() {
    let stage = stage();
    let cut = AnswerEvent::Done {
        finish_reason: FinishReason::Length,
        usage: usage(),
        timings: Timings::default(),
    };
    stage.answerer.will_say([delta("AX"), cut.clone()]);
    let reply = ask(&stage, &json!({"input": "?"})).await.json();
    assert_eq!(reply["status"], "incomplete");
    assert_eq!(reply["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(reply["completed_at"], json!(null));
    for (reason, cause) in [
        (FinishReason::Repetition, "repetition"),
        (FinishReason::Cancelled, "cancelled"),
    ] {
        let cut = AnswerEvent::Done {
            finish_reason: reason,
            usage: usage(),
            timings: Timings::default(),
        };
        stage.answerer.will_say([delta("AX"), cut]);
        let reply = ask(&stage, &json!({"input": "?"})).await.json();
        // Clients know no other word.
        let wanted = json!({"reason": "max_output_tokens", "cause": cause});
        assert_eq!(reply["incomplete_details"], wanted);
        assert_eq!(reply["output"][0]["status"], "incomplete");
    }
    stage.answerer.will_say([delta("AX"), cut]);
    let reply = ask(&stage, &with("stream", json!(true))).await;
    assert!(
        reply.text().contains("event: response.incomplete"),
        "{}",
        reply.text()
    );
    stage
        .answerer
        .will_say([AnswerEvent::Error(Refusal::answer_failed())]);
    let reply = ask(&stage, &with("stream", json!(true))).await;
    let last: Value = serde_json::from_str(reply.data().pop().expect("lines")).expect("JSON");
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"]["code"], "server_error");
}

#[tokio::test]
async fn whatever_would_need_memory_or_tools_is_refused_in_a_sentence() {
    let stage = stage();
    for (field, value) in [
        ("store", json!(true)),
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("prompt", json!({"id": "pmpt_1"})),
        ("background", json!(true)),
        ("truncation", json!("auto")),
        ("tools", json!([{"type": "web_search"}])),
        ("tool_choice", json!("required")),
        ("stop", json!(["."])),
        ("n", json!(2)),
        ("max_tokens", json!(5)),
        ("max_completion_tokens", json!(5)),
        ("response_format", json!({"type": "json_object"})),
        ("messages", json!([{"role": "user", "content": "?"}])),
        ("include[0]", json!(null)),
    ] {
        let body = match field {
            "include[0]" => with("include", json!(["file_search_call.results"])),
            field => with(field, value),
        };
        let reply = ask(&stage, &body).await;
        let wanted = (400, Some(field.to_owned()), "unsupported".to_owned());
        assert_eq!(reply.openai_error(), wanted);
    }
    for harmless in [
        with("store", json!(false)),
        with("previous_response_id", json!(null)),
        with("truncation", json!("disabled")),
        with("reasoning", json!({"effort": "low"})),
        with("include", json!(["reasoning.encrypted_content"])),
    ] {
        assert_eq!(
            ask(&stage, &harmless).await.status,
            StatusCode::OK,
            "{harmless}"
        );
    }
}

#[tokio::test]
async fn a_wrong_item_is_refused_with_its_place() {
    let stage = stage();
    for (input, place) in [
        (json!(7), "input"),
        (json!([]), "input"),
        (
            json!([{"type": "function_call_output", "call_id": "1"}]),
            "input[0].type",
        ),
        (json!([{"content": "?"}]), "input[0].role"),
        (
            json!([{"role": "user", "content": [{"type": "input_file"}]}]),
            "input[0].content[0]",
        ),
        (
            json!([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]),
            "input[0].content[0].image_url",
        ),
        (
            json!([{"role": "user", "content": [
                {"type": "input_image", "image_url": "file:///etc/passwd"}]}]),
            "input[0].content[0].image_url",
        ),
    ] {
        let reply = ask(&stage, &with("input", input)).await;
        let (status, param, _) = reply.openai_error();
        assert_eq!(status, 400);
        let param = param.expect("a place");
        assert!(param.starts_with(place), "{param}, not {place}");
    }
    let reply = ask(&stage, &with("max_output_tokens", json!(0))).await;
    assert_eq!(reply.openai_error().1.as_deref(), Some("max_output_tokens"));
    assert!(reply.text().contains("`max_output_tokens` must be"));
    let reply = ask(&stage, &json!({"model": "script"})).await;
    let wanted = (400, Some("input".to_owned()), "invalid_field".to_owned());
    assert_eq!(reply.openai_error(), wanted);
}

#[tokio::test]
async fn a_response_is_counted_without_being_asked() {
    let stage = stage();
    let reply = stage
        .post(
            "/v1/responses/input_tokens",
            &json!({"input": "which model?"}),
        )
        .await;
    assert_eq!(reply.json()["input_tokens"], 2);
    assert_eq!(reply.json()["object"], "response.input_tokens");
    assert!(stage.answerer.asked().is_empty());
}
