use std::time::Duration;

use axum::http::{Method, StatusCode};
use desk::testing::{delta, done, done_with, png, token};
use desk::{
    AnswerEvent, DeskLimits, FinishReason, PictureId, Refusal, Role, Shape, State, Timings, Usage,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::stage::{Reply, Stage, request, stage, stage_of, stage_with};

const PATH: &str = "/v1/chat/completions";
/// Within this a reply that is to end has ended.
const PATIENCE: Duration = Duration::from_secs(5);

fn question(words: &str) -> Value {
    json!({"messages": [{"role": "user", "content": words}]})
}

/// A question with one field more.
fn with(field: &str, value: Value) -> Value {
    let mut question = question("which model?");
    question[field] = value;
    question
}

fn picture_uri(width: u32) -> String {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(png(width, 32));
    format!("data:image/png;base64,{data}")
}

fn about(url: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "what does it say?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]}]})
}

async fn ask(stage: &Stage, body: &Value) -> Reply {
    stage.post(PATH, body).await
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
async fn a_whole_answer_comes_in_openais_shape() {
    let stage = stage();
    stage.answerer.will_say([
        AnswerEvent::Queued {
            position: 1,
            wait_ms: None,
        },
        delta("AX"),
        delta("73"),
        done_with(usage()),
    ]);
    let reply = ask(&stage, &question("which model?")).await;
    assert_eq!(reply.status, StatusCode::OK);
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "script");
    assert!(
        body["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("chatcmpl-"))
    );
    assert!(body["created"].as_u64() > Some(1_700_000_000));
    assert_eq!(
        body["choices"],
        json!([{
            "index": 0,
            "message": {"role": "assistant", "content": "AX73", "refusal": null, "annotations": []},
            "logprobs": null,
            "finish_reason": "stop",
        }])
    );
    assert_eq!(
        body["usage"],
        json!({
            "prompt_tokens": 50, "completion_tokens": 3, "total_tokens": 53,
            "prompt_tokens_details": {"cached_tokens": 16, "image_tokens": 40, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        })
    );
}

#[tokio::test]
async fn pictures_words_and_roles_reach_the_desk_in_order() {
    let stage = stage();
    let (front, back) = (picture_uri(64), picture_uri(96));
    let body = json!({"model": "script", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": front, "detail": "low"}},
            {"type": "image_url", "image_url": back},
            {"type": "text", "text": "same?"},
        ]},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "sure?", "name": "ann"},
    ]});
    let reply = ask(&stage, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let asked = stage.answerer.asked().remove(0);
    let roles: Vec<_> = asked.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::User]
    );
    assert_eq!(
        format!("{:?}", asked.turns[0].pieces)
            .matches("Text")
            .count(),
        3
    );
    let pictures: Vec<_> = asked.pictures().map(|picture| picture.id()).collect();
    assert_eq!(
        pictures,
        [64, 96].map(|width| PictureId::of(&png(width, 32)))
    );
}

#[tokio::test]
async fn low_detail_gives_a_picture_fewer_tokens_where_every_picture_asks_for_it() {
    let stage = stage();
    let picture = |detail: Value| {
        let mut image_url = json!({"url": picture_uri(32 * 400)});
        if !detail.is_null() {
            image_url["detail"] = detail;
        }
        json!({"type": "image_url", "image_url": image_url})
    };
    for (details, tokens) in [
        (json!(["low"]), 256),
        (json!(["low", "low"]), 256),
        (json!(["low", "high"]), 1280),
        (json!(["low", null]), 1280),
        (json!(["auto"]), 1280),
        (json!(["original"]), 1280),
        (json!([]), 1280),
    ] {
        let details = details.as_array().expect("a list").iter().cloned();
        let mut content: Vec<_> = details.map(picture).collect();
        let pictures = content.len();
        content.push(json!({"type": "text", "text": "?"}));
        let body = json!({"messages": [{"role": "user", "content": content}]});
        assert_eq!(ask(&stage, &body).await.status, StatusCode::OK);
        let asked = stage.answerer.asked().pop().expect("a question");
        assert_eq!(asked.settings.image_tokens, tokens, "{body}");
        let counted = stage.post(&format!("{PATH}/input_tokens"), &body).await;
        let counted = &counted.json()["input_tokens_details"]["image_tokens"];
        assert_eq!(
            *counted,
            pictures as u64 * u64::from(tokens.min(400)),
            "{body}"
        );
    }
    let unknown = json!({"messages": [{"role": "user", "content": [picture(json!("tiny"))]}]});
    assert_eq!(ask(&stage, &unknown).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn every_setting_reaches_the_desk_under_its_own_name() {
    let stage = stage();
    let body = json!({
        "messages": [{"role": "user", "content": "?"}],
        "temperature": 0, "top_p": 0.5, "top_k": 7, "presence_penalty": 0.25,
        "repetition_penalty": 1.5, "seed": 11, "max_tokens": 99, "max_completion_tokens": 12,
        "stop": "\n", "logprobs": true, "top_logprobs": 3,
        "user": "ann", "metadata": {"a": "b"}, "service_tier": "auto", "n": 1, "stream": null,
        "frequency_penalty": 0, "tools": [], "tool_choice": "none", "logit_bias": {},
        "parallel_tool_calls": true, "ignore_eos": true, "store": false, "modalities": ["text"], "mystery": [1],
    });
    assert_eq!(ask(&stage, &body).await.status, StatusCode::OK);
    let asked = stage.answerer.asked().remove(0);
    let settings = &asked.settings;
    assert_eq!(
        (settings.temperature, settings.top_p, settings.top_k),
        (0.0, 0.5, 7)
    );
    assert_eq!(
        (settings.presence_penalty, settings.repetition_penalty),
        (0.25, 1.5)
    );
    assert_eq!((settings.seed, settings.max_tokens), (Some(11), 12));
    assert_eq!(settings.stop, ["\n"]);
    assert_eq!((asked.alternatives, asked.shape), (3, Shape::Free));
    assert!(asked.ignore_eos);
    assert_eq!(asked.asker.as_deref(), Some("address 127.0.0.1"));
    ask(&stage, &with("stop", json!(["a", "b"]))).await;
    let asked = stage.answerer.asked().remove(1);
    assert_eq!(asked.settings.stop, ["a", "b"]);
    assert_eq!(
        (asked.settings.max_tokens, asked.settings.seed),
        (1024, None)
    );
    assert!(!asked.ignore_eos);
}

#[tokio::test]
async fn an_answer_may_be_held_to_a_schema() {
    let stage = stage();
    let schema = json!({"type": "object", "properties": {"model": {"type": "string"}}});
    for (format, shape) in [
        (json!({"type": "text"}), Shape::Free),
        (json!({"type": "json_object"}), Shape::JsonObject),
        (
            json!({"type": "json_schema", "json_schema":
                {"name": "label", "strict": true, "schema": schema}}),
            Shape::JsonSchema(schema.clone()),
        ),
    ] {
        let reply = ask(&stage, &with("response_format", format)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(
            stage.answerer.asked().pop().map(|asked| asked.shape),
            Some(shape)
        );
    }
    stage.answerer.will_refuse(Refusal::shape_unsupported("no"));
    let reply = ask(
        &stage,
        &with("response_format", json!({"type": "json_object"})),
    )
    .await;
    let wanted = (
        400,
        Some("response_format".into()),
        "shape_unsupported".into(),
    );
    assert_eq!(reply.openai_error(), wanted);
}

#[tokio::test]
async fn a_stream_tells_role_words_end_usage_and_done() {
    let stage = stage();
    stage.answerer.will_say([
        AnswerEvent::Queued {
            position: 2,
            wait_ms: Some(11_500),
        },
        delta("AX"),
        delta("73"),
        done_with(usage()),
    ]);
    let mut body = with("stream", json!(true));
    body["stream_options"] = json!({"include_usage": true});
    let reply = ask(&stage, &body).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert!(
        reply.text().contains(": waiting, 2 ahead, about 12 s"),
        "{}",
        reply.text()
    );
    let mut data = reply.data();
    assert_eq!(data.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = data
        .iter()
        .map(|d| serde_json::from_str(d).expect("JSON"))
        .collect();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk")
    );
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    let deltas: Vec<_> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"])
        .collect();
    let opening = json!({"role": "assistant", "content": "", "refusal": null});
    assert_eq!(deltas[0], &opening);
    assert_eq!(deltas[1], &json!({"content": "AX"}));
    assert_eq!(deltas[2], &json!({"content": "73"}));
    assert_eq!(deltas[3], &json!({}));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[4]["choices"], json!([]));
    assert_eq!(chunks[4]["usage"]["total_tokens"], 53);
    let yet = |chunk: &Value| chunk.get("usage").cloned();
    assert!(chunks[..4].iter().all(|c| yet(c) == Some(Value::Null)));
    let without = ask(&stage, &with("stream", json!(true))).await;
    assert!(!without.text().contains("\"usage\""));
}

#[tokio::test]
async fn several_answers_have_their_own_places_and_seeds() {
    let stage = stage();
    for word in ["one", "two", "three"] {
        stage.answerer.will_say([delta(word), done_with(usage())]);
    }
    let mut body = with("n", json!(3));
    body["seed"] = json!(5);
    let reply = ask(&stage, &body).await.json();
    let said: Vec<_> = reply["choices"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|choice| {
            (
                choice["index"].clone(),
                choice["message"]["content"].clone(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [(0, "one"), (1, "two"), (2, "three")].map(|(i, w)| (json!(i), json!(w)))
    );
    assert_eq!(reply["usage"]["prompt_tokens"], 50);
    assert_eq!(reply["usage"]["completion_tokens"], 9);
    let seeds: Vec<_> = stage
        .answerer
        .asked()
        .iter()
        .map(|asked| asked.settings.seed)
        .collect();
    assert_eq!(seeds, [Some(5), Some(6), Some(7)]);
    body["stream"] = json!(true);
    let reply = ask(&stage, &body).await;
    for index in 0..3 {
        assert_eq!(
            reply.text().matches(&format!("\"index\":{index}")).count(),
            3,
            "{index}"
        );
    }
    assert_eq!(reply.text().matches("[DONE]").count(), 1);
}

#[tokio::test]
async fn logprobs_name_every_token_with_its_bytes_and_rivals() {
    let stage = stage();
    let said = [token("灯", -0.5), done()];
    stage.answerer.will_say(said.clone());
    let mut body = with("logprobs", json!(true));
    body["top_logprobs"] = json!(1);
    let reply = ask(&stage, &body).await.json();
    let content = &reply["choices"][0]["logprobs"]["content"][0];
    assert_eq!(content["token"], "灯");
    assert_eq!(content["logprob"], -0.5);
    assert_eq!(content["bytes"], json!("灯".as_bytes()));
    assert_eq!(content["top_logprobs"][0]["token"], "other");
    stage.answerer.will_say(said);
    body["stream"] = json!(true);
    let reply = ask(&stage, &body).await;
    let chunk: Value = serde_json::from_str(reply.data()[1]).expect("JSON");
    assert_eq!(&chunk["choices"][0]["logprobs"]["content"][0], content);
}

#[tokio::test]
async fn an_answer_cut_short_says_so() {
    let stage = stage();
    for reason in [FinishReason::Length, FinishReason::Repetition] {
        stage.answerer.will_say([AnswerEvent::Done {
            finish_reason: reason,
            usage: usage(),
            timings: Timings::default(),
        }]);
        let reply = ask(&stage, &question("?")).await.json();
        assert_eq!(reply["choices"][0]["finish_reason"], "length");
    }
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let stage = stage();
    for (field, value) in [
        ("tools", json!([{"type": "function"}])),
        ("functions", json!([{"name": "f"}])),
        ("tool_choice", json!("required")),
        ("function_call", json!({"name": "f"})),
        ("audio", json!({"voice": "alloy"})),
        ("modalities", json!(["text", "audio"])),
        ("store", json!(true)),
        ("logit_bias", json!({"50256": -100})),
        ("frequency_penalty", json!(0.5)),
        ("min_p", json!(0.1)),
        ("best_of", json!(2)),
        ("web_search_options", json!({"a": 1})),
        ("guided_json", json!({"type": "object"})),
        ("continue_final_message", json!(true)),
    ] {
        let reply = ask(&stage, &with(field, value)).await;
        let wanted = (400, Some(field.to_owned()), "unsupported".to_owned());
        assert_eq!(reply.openai_error(), wanted);
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    }
    assert!(stage.answerer.asked().is_empty());
}

#[tokio::test]
async fn a_wrong_value_is_refused_with_its_place() {
    let stage = stage();
    let part =
        |part: Value| json!([{"role": "user", "content": [{"type": "text", "text": "a"}, part]}]);
    for (field, value, place) in [
        ("messages", json!("hello"), "messages"),
        ("messages", json!([]), "messages"),
        (
            "messages",
            json!([{"role": "king", "content": "?"}]),
            "messages[0].role",
        ),
        (
            "messages",
            json!([{"role": "tool", "content": "?"}]),
            "messages[0].role",
        ),
        ("messages", json!([{"role": "user"}]), "messages"),
        (
            "messages",
            json!([{"role": "user", "content": 7}]),
            "messages[0].content",
        ),
        (
            "messages",
            part(json!({"type": "input_audio"})),
            "messages[0].content[1].type",
        ),
        (
            "messages",
            part(json!({"type": "text"})),
            "messages[0].content[1].text",
        ),
        (
            "messages",
            json!([{"role": "user", "content": "?"}, {"role": "system", "content": "!"}]),
            "messages[1].role",
        ),
        (
            "messages",
            json!([{"role": "assistant", "tool_calls": [{}]}]),
            "messages[0].tool_calls",
        ),
        (
            "messages",
            json!([{"role": "assistant", "content": "!"}]),
            "messages",
        ),
        ("temperature", json!(3), "temperature"),
        ("temperature", json!("hot"), "temperature"),
        ("top_p", json!(0), "top_p"),
        ("top_k", json!(-1), "top_k"),
        ("max_tokens", json!(0), "max_tokens"),
        (
            "max_completion_tokens",
            json!(1_000_000),
            "max_completion_tokens",
        ),
        ("stop", json!(["a", ""]), "stop"),
        ("stop", json!([1]), "stop[0]"),
        ("n", json!(0), "n"),
        ("n", json!(9), "n"),
        ("top_logprobs", json!(21), "top_logprobs"),
        ("top_logprobs", json!(2), "top_logprobs"),
        ("seed", json!("x"), "seed"),
        ("stream", json!("yes"), "stream"),
        (
            "response_format",
            json!({"type": "xml"}),
            "response_format.type",
        ),
    ] {
        let reply = ask(&stage, &with(field, value.clone())).await;
        let (status, param, _) = reply.openai_error();
        assert_eq!(status, 400, "{field} {value}");
        let param = param.unwrap_or_default();
        assert!(
            place.starts_with(&param) && param.starts_with(field),
            "{place}: {}",
            reply.text()
        );
    }
    assert!(stage.answerer.asked().is_empty());
    let reply = ask(&stage, &with("max_completion_tokens", json!(0))).await;
    assert!(reply.text().contains("`max_completion_tokens` must be"));
    let reply = ask(&stage, &json!({"model": "script"})).await;
    let wanted = (400, Some("messages".to_owned()), "invalid_field".to_owned());
    assert_eq!(reply.openai_error(), wanted);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_before_anything() {
    let stage = stage();
    for body in [
        "",
        "[]",
        "{\"messages\": [",
        "null",
        "7",
        &"[".repeat(100_000),
    ] {
        let request = request(Method::POST, PATH).header("content-type", "application/json");
        let reply = stage
            .send(request.body(body.to_owned().into()).expect("a request"))
            .await;
        assert_eq!(
            reply.openai_error(),
            (400, None, "invalid_json".into()),
            "{body:.20}"
        );
    }
    let plain = request(Method::POST, PATH)
        .body("{}".into())
        .expect("a request");
    assert_eq!(
        stage.send(plain).await.openai_error(),
        (415, None, "not_json".into())
    );
    let wrong = stage.get(PATH).await;
    assert_eq!(
        wrong.openai_error(),
        (405, None, "method_not_allowed".into())
    );
    assert_eq!(
        stage.get("/v1/nothing").await.openai_error(),
        (404, None, "not_found".into())
    );
    let model = ask(&stage, &with("model", json!("gpt-9"))).await;
    let wanted = (404, Some("model".to_owned()), "model_not_found".to_owned());
    assert_eq!(model.openai_error(), wanted);
    assert!(model.text().contains("script"), "{}", model.text());
}

#[tokio::test]
async fn a_body_larger_than_any_question_is_refused() {
    let large = vec![b' '; 49 * 1024 * 1024];
    let request = request(Method::POST, PATH).header("content-type", "application/json");
    let reply = stage()
        .send(request.body(large.into()).expect("a request"))
        .await;
    assert_eq!(reply.openai_error(), (413, None, "body_too_large".into()));
}

#[tokio::test]
async fn more_pictures_than_a_question_may_have_are_refused_before_one_is_looked_at() {
    let stage = stage();
    for url in [
        "data:image/png;base64,JVBERi0xLjc=",
        "https://example.com/a.png",
    ] {
        let picture = json!({"type": "image_url", "image_url": {"url": url}});
        let crowd = json!({"role": "user", "content": vec![picture.clone(); 9]});
        let some = json!({"role": "user", "content": vec![picture; 8]});
        for messages in [vec![crowd], vec![some; 5]] {
            let reply = ask(&stage, &json!({"messages": messages})).await;
            let wanted = (
                400,
                Some("messages".to_owned()),
                "too_many_pictures".to_owned(),
            );
            assert_eq!(reply.openai_error(), wanted, "{url}");
        }
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_taken_is_refused_with_its_place() {
    let limits = DeskLimits {
        picture_bytes: 100,
        ..DeskLimits::default()
    };
    let stage = stage_with(limits);
    let place = "messages[0].content[1].image_url.url";
    let large = format!("data:image/png;base64,{}", "A".repeat(400));
    for (url, status, code) in [
        ("file:///etc/passwd", 400, "invalid_field"),
        ("/etc/passwd", 400, "invalid_field"),
        ("http://example.com/a.png", 400, "invalid_field"),
        ("https://example.com/a.png", 400, "invalid_field"),
        ("", 400, "invalid_field"),
        ("data:image/png;base64,%%%", 400, "invalid_field"),
        ("data:image/png,plain", 400, "invalid_field"),
        ("data:image/png;base64,", 400, "picture_empty"),
        ("data:image/png;base64,JVBERi0xLjc=", 400, "picture_type"),
        (large.as_str(), 413, "picture_too_large"),
    ] {
        let reply = ask(&stage, &about(url)).await;
        let wanted = (status, Some(place.to_owned()), code.to_owned());
        assert_eq!(reply.openai_error(), wanted, "{url}");
    }
    assert!(
        ask(&stage, &about("https://example.com/"))
            .await
            .text()
            .contains("data: URI")
    );
    assert!(stage.answerer.asked().is_empty());
}

#[tokio::test]
async fn what_the_desk_refuses_has_openais_statuses() {
    let stage = stage();
    stage.answerer.will_refuse(Refusal::queue_full(8, 12));
    let busy = ask(&stage, &question("?")).await;
    assert_eq!(busy.openai_error(), (429, None, "queue_full".into()));
    assert_eq!(busy.json()["error"]["type"], "rate_limit_error");
    assert_eq!(busy.header("retry-after"), "12");
    stage
        .answerer
        .will_refuse(Refusal::question_too_long(9000, 4096));
    let long = ask(&stage, &question("?")).await;
    let wanted = (
        400,
        Some("messages".to_owned()),
        "context_length_exceeded".to_owned(),
    );
    assert_eq!(long.openai_error(), wanted);
    stage.answerer.will_refuse(Refusal::answer_failed());
    let failed = ask(&stage, &question("?")).await;
    assert_eq!(failed.openai_error(), (500, None, "answer_failed".into()));
    let what = "weights".to_owned();
    stage
        .answerer
        .set_state(State::Loading { percent: 4, what });
    let loading = ask(&stage, &question("?")).await;
    assert_eq!(loading.openai_error(), (503, None, "not_ready".into()));
    assert_eq!(loading.json()["error"]["type"], "server_error");
}

#[tokio::test]
async fn when_one_of_several_answers_is_refused_the_others_are_let_go() {
    let stage = stage();
    let first = stage.answerer.will_wait();
    stage.answerer.will_refuse(Refusal::queue_full(1, 1));
    let reply = ask(&stage, &with("n", json!(2))).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(first.is_cancelled());
}

#[tokio::test]
async fn a_fault_in_the_middle_of_a_stream_is_told_in_it() {
    let stage = stage();
    stage
        .answerer
        .will_say([delta("AX"), AnswerEvent::Error(Refusal::answer_failed())]);
    let reply = ask(&stage, &with("stream", json!(true))).await;
    assert_eq!(reply.status, StatusCode::OK);
    let last: Value = serde_json::from_str(reply.data().pop().expect("lines")).expect("JSON");
    assert_eq!(last["error"]["code"], "answer_failed");
    assert_eq!(last["error"]["type"], "server_error");
    stage
        .answerer
        .will_say([delta("AX"), AnswerEvent::Error(Refusal::answer_failed())]);
    let whole = ask(&stage, &question("?")).await;
    assert_eq!(whole.openai_error(), (500, None, "answer_failed".into()));
    // Beside others it is the end of all: nobody would hear them.
    stage
        .answerer
        .will_say([delta("AX"), AnswerEvent::Error(Refusal::answer_failed())]);
    let sibling = stage.answerer.will_wait();
    let mut several = with("stream", json!(true));
    several["n"] = json!(2);
    let reply = timeout(PATIENCE, ask(&stage, &several)).await;
    let reply = reply.expect("the stream ends");
    let last: Value = serde_json::from_str(reply.data().pop().expect("lines")).expect("JSON");
    assert_eq!(last["error"]["code"], "answer_failed");
    assert!(sibling.is_cancelled());
}

/// `n` answers, as a whole or as a stream.
fn several(n: u32, stream: bool) -> Value {
    let mut question = with("n", json!(n));
    question["stream"] = json!(stream);
    question["stream_options"] = match stream {
        true => json!({"include_usage": true}),
        false => Value::Null,
    };
    question
}

fn without_a_word() -> [AnswerEvent; 1] {
    [AnswerEvent::Error(Refusal::timed_out())]
}

#[tokio::test]
async fn an_answer_without_time_for_a_word_is_empty_beside_others_that_have_words() {
    let stage = stage();
    let timed_out = || AnswerEvent::Done {
        finish_reason: FinishReason::TimedOut,
        usage: usage(),
        timings: Timings::default(),
    };
    let script = || {
        stage.answerer.will_say(without_a_word());
        stage.answerer.will_say([delta("AX"), timed_out()]);
        stage.answerer.will_say(without_a_word());
    };
    script();
    let whole = ask(&stage, &several(3, false)).await;
    assert_eq!(whole.status, StatusCode::OK, "{}", whole.text());
    let whole = whole.json();
    let choices = whole["choices"].as_array().expect("choices");
    let said: Vec<_> = choices
        .iter()
        .map(|choice| (&choice["message"]["content"], &choice["finish_reason"]))
        .map(|(content, reason)| (content.as_str(), reason.as_str()))
        .collect();
    let empty = (Some(""), Some("length"));
    assert_eq!(said, [empty, (Some("AX"), Some("length")), empty]);
    assert_eq!(whole["usage"]["prompt_tokens"], 50);
    assert_eq!(whole["usage"]["completion_tokens"], 3);
    script();
    let stream = ask(&stage, &several(3, true)).await;
    let mut data = stream.data();
    assert_eq!(data.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = data
        .iter()
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    assert!(chunks.iter().all(|chunk| chunk["error"].is_null()));
    let mut ended: Vec<_> = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["finish_reason"] == "length")
        .map(|chunk| chunk["choices"][0]["index"].as_u64())
        .collect();
    ended.sort_unstable();
    assert_eq!(ended, [Some(0), Some(1), Some(2)]);
    let usage = &chunks.last().expect("chunks")["usage"];
    assert_eq!(usage["prompt_tokens"], 50, "{usage}");
    assert_eq!(usage["completion_tokens"], 3, "{usage}");
}

#[tokio::test]
async fn several_answers_none_of_which_had_time_for_a_word_are_one_error() {
    let stage = stage();
    let script = || (0..2).for_each(|_| stage.answerer.will_say(without_a_word()));
    script();
    let whole = ask(&stage, &several(2, false)).await;
    assert_eq!(whole.openai_error(), (408, None, "timed_out".into()));
    script();
    let stream = ask(&stage, &several(2, true)).await;
    let mut data = stream.data();
    let last: Value = serde_json::from_str(data.pop().expect("lines")).expect("JSON");
    assert_eq!(last["error"]["code"], "timed_out");
    // Nothing before it says that an answer was given.
    for data in data {
        let chunk: Value = serde_json::from_str(data).expect("JSON");
        assert!(chunk["choices"][0]["finish_reason"].is_null(), "{chunk}");
    }
    let figures = stage.get("/metrics").await;
    let line = r#"lookdesk_answers_total{kind="timed_out"} 4"#;
    assert!(figures.text().contains(line), "{}", figures.text());
}

#[tokio::test]
async fn a_question_is_counted_without_being_asked() {
    let stage = stage();
    let path = "/v1/chat/completions/input_tokens";
    let reply = stage.post(path, &about(&picture_uri(64))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(
        reply.json(),
        json!({
            "object": "chat.completion.input_tokens", "input_tokens": 6,
            "input_tokens_details": {"image_tokens": 2, "text_tokens": 4},
        })
    );
    assert!(stage.answerer.asked().is_empty());
    let reply = stage.post(path, &with("temperature", json!(9))).await;
    assert_eq!(reply.openai_error().1.as_deref(), Some("temperature"));
}

#[tokio::test]
async fn the_model_answers_to_its_further_names() {
    let stage = stage_of(DeskLimits::default(), |options| {
        options.aliases = vec!["gpt-4o".into(), "script".into()];
    });
    let reply = ask(&stage, &with("model", json!("gpt-4o"))).await;
    assert_eq!(reply.json()["model"], "gpt-4o");
}
