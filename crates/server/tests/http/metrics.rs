use axum::http::Method;
use desk::testing::{delta, done_with, token};
use desk::{Durations, Figures, Refusal, Usage};
use serde_json::json;

use crate::stage::{Stage, request, stage};

async fn figures(stage: &Stage) -> String {
    let reply = stage.get("/metrics").await;
    assert!(
        reply
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = reply.text().to_owned();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

#[tokio::test]
async fn what_was_answered_and_refused_is_counted() {
    let stage = stage();
    let usage = Usage {
        prompt_tokens: 50,
        image_tokens: 40,
        cached_tokens: 16,
        completion_tokens: 3,
    };
    let path = "/v1/chat/completions";
    let question = json!({"messages": [{"role": "user", "content": "?"}]});
    stage
        .answerer
        .will_say([token("AX", -0.1), token("73", -0.1), done_with(usage)]);
    stage.post(path, &question).await;
    stage.answerer.will_refuse(Refusal::queue_full(1, 1));
    stage.post(path, &question).await;
    stage.answerer.will_say([delta("AX")]);
    stage.post(path, &question).await;
    stage.get("/some/thing/of/the/wild").await;
    let text = figures(&stage).await;
    for line in [
        r#"lookdesk_answers_total{kind="stop"} 1"#,
        r#"lookdesk_answers_total{kind="failed"} 1"#,
        r#"lookdesk_refusals_total{kind="queue_full"} 1"#,
        r#"lookdesk_tokens_total{kind="completion"} 3"#,
        r#"lookdesk_tokens_total{kind="cached"} 16"#,
        "lookdesk_ready 1",
        "lookdesk_queue_depth 0",
        r#"lookdesk_questions{kind="waiting"} 0"#,
        r#"lookdesk_kv_pages{kind="shared"} 0"#,
        r#"lookdesk_prompt_tokens_total{kind="cached"} 0"#,
        r#"method="POST",route="/v1/chat/completions",status="429""#,
        r#"method="GET",route="other""#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("wild"));
}

#[tokio::test]
async fn how_long_words_take_is_told_by_whoever_computes_them() {
    let stage = stage();
    // However late somebody hears of these.
    stage.answerer.will_say([
        token("AX", -0.1),
        token("73", -0.1),
        done_with(Usage::default()),
    ]);
    let question = json!({"messages": [{"role": "user", "content": "?"}]});
    stage.post("/v1/chat/completions", &question).await;
    let text = figures(&stage).await;
    assert!(
        text.contains("lookdesk_inter_token_seconds_count 0"),
        "{text}"
    );
    let durations = |sum_s, counts: [u64; 3]| Durations {
        sum_s,
        ranges: [0.1, 1.0, f64::INFINITY].into_iter().zip(counts).collect(),
    };
    stage.answerer.set_figures(Figures {
        first_token: durations(6.5, [1, 0, 1]),
        inter_token: durations(0.25, [4, 1, 0]),
        ..Figures::default()
    });
    let text = figures(&stage).await;
    for line in [
        "# TYPE lookdesk_time_to_first_token_seconds histogram",
        "lookdesk_time_to_first_token_seconds_count 2",
        "lookdesk_time_to_first_token_seconds_sum 6.5",
        r#"lookdesk_time_to_first_token_seconds_bucket{le="0.1"} 1"#,
        r#"lookdesk_time_to_first_token_seconds_bucket{le="1.0"} 1"#,
        r#"lookdesk_time_to_first_token_seconds_bucket{le="+Inf"} 2"#,
        "lookdesk_inter_token_seconds_count 5",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn the_tokens_of_an_answer_that_broke_off_are_counted_too() {
    let stage = stage();
    let question = json!({"messages": [{"role": "user", "content": "?"}], "stream": true});
    stage
        .answerer
        .will_say([token("AX", -0.1), token("73", -0.1)]);
    stage.post("/v1/chat/completions", &question).await;
    let text = figures(&stage).await;
    for line in [
        r#"lookdesk_answers_total{kind="failed"} 1"#,
        r#"lookdesk_tokens_total{kind="completion"} 2"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_its_client_gave_it() {
    let stage = stage();
    let asked = |id: &str| {
        let request = request(Method::GET, "/v1/models").header("x-request-id", id);
        request.body(axum::body::Body::empty()).expect("a request")
    };
    let kept = stage.send(asked("ticket-42.a")).await;
    assert_eq!(kept.header("x-request-id"), "ticket-42.a");
    for strange in ["", "two words", "<b>", &"x".repeat(200)] {
        let reply = stage.send(asked(strange)).await;
        let id = reply.header("x-request-id");
        assert!(!id.is_empty() && id != strange, "{id}");
    }
}
