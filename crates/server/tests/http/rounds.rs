//! Questions asked in conversations, and what is made of the answers.

use axum::http::{Method, StatusCode};
use desk::Refusal;
use desk::testing::{delta, done, png, token};
use serde_json::{Value, json};
use server::Keys;
use server::access::keys::new_key;

use crate::stage::{Stage, request, stage, stage_of};

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect()
}

async fn show(stage: &Stage, conversation: &str) -> Value {
    let reply = stage
        .get(&format!("/api/conversations/{conversation}"))
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.json()
}

/// A conversation with one answered question about one picture: its id, the answer's, the picture's.
async fn answered(stage: &Stage) -> (String, String, String) {
    let conversation = stage.begin().await;
    let picture = stage.upload(png(64, 64)).await.json()["id"].clone();
    stage.answerer.will_say([token("E102", -1.0), done()]);
    let question = json!({"question": "code?", "pictures": [picture]});
    let events = stage.round(&conversation, &question).await;
    let answer = events[0]["answer"].as_str().expect("an id").to_owned();
    (
        conversation,
        answer,
        picture.as_str().expect("an id").to_owned(),
    )
}

#[tokio::test]
async fn an_answer_is_stopped_by_its_name_and_one_that_has_ended_stays() {
    let stage = stage();
    let (conversation, answer, _) = answered(&stage).await;
    let nothing = json!({});
    let stop = async |id: &str| {
        let path = format!("/api/answers/{id}/stop");
        stage.json(Method::POST, &path, &nothing).await
    };
    assert_eq!(stop(&answer).await.status, StatusCode::NO_CONTENT);
    let kept = show(&stage, &conversation).await;
    assert_eq!(kept["rounds"][0]["answers"][0]["state"], "done");
    let unknown = "0197a0c0-0000-7000-8000-000000000000";
    assert_eq!(stop(unknown).await.code(), "answer_unknown");
}

#[tokio::test]
async fn a_question_in_a_conversation_is_told_stored_marked_and_done() {
    let stage = stage();
    let (conversation, answer, picture) = answered(&stage).await;
    stage
        .answerer
        .will_say([token("Model AX73", -0.01), token(" it is", 0.0), done()]);
    let question = json!({
        "question": "which model?", "pictures": [], "role": "role", "remember": 5,
        "settings": {"temperature": 0.25, "max_tokens": 256},
    });
    let events = stage.round(&conversation, &question).await;
    assert_eq!(types(&events), ["asked", "delta", "delta", "mark", "done"]);
    assert_eq!(events[0]["conversation"], conversation);
    assert_eq!(events[0]["title"], "code?");
    assert_eq!(events[0]["remembered_rounds"], 1);
    assert_eq!(events[0]["dropped_pictures"], json!([]));
    let mark = &events[3]["marks"][0];
    assert_eq!(
        (&mark["start"], &mark["end"], &mark["certainty"]),
        (&json!(6), &json!(10), &json!("certain"))
    );
    let whole = show(&stage, &conversation).await;
    assert_eq!(whole["rounds"][0]["answers"][0]["id"], answer);
    assert_eq!(whole["rounds"][0]["pictures"][0]["id"], picture);
    let second = &whole["rounds"][1];
    assert_eq!(second["answers"][0]["text"], "Model AX73 it is");
    assert_eq!(second["answers"][0]["state"], "done");
    assert_eq!(second["settings"]["temperature"], 0.25);
    assert_eq!(second["asker"], Value::Null);
}

#[tokio::test]
async fn what_the_engine_refuses_is_told_on_the_stream_and_kept() {
    let stage = stage();
    let conversation = stage.begin().await;
    stage.answerer.will_refuse(Refusal::queue_full(8, 12));
    let events = stage.round(&conversation, &json!({"question": "?"})).await;
    assert_eq!(types(&events), ["asked", "error"]);
    assert_eq!(events[1]["code"], "queue_full");
    let whole = show(&stage, &conversation).await;
    assert_eq!(whole["rounds"][0]["answers"][0]["state"], "failed");
    assert_eq!(
        whole["rounds"][0]["answers"][0]["problem"]["code"],
        "queue_full"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_an_error_of_its_own() {
    let stage = stage();
    let conversation = stage.begin().await;
    let path = format!("/api/conversations/{conversation}/rounds");
    let nobody = "0199f3c2-5f7e-7c1a-8a44-0d2f6c1b9e57";
    for (path, question, status, code) in [
        (
            path.as_str(),
            json!({"question": ""}),
            400,
            "question_empty",
        ),
        (
            &path,
            json!({"question": "?", "remember": 51}),
            400,
            "field_out_of_range",
        ),
        (
            &path,
            json!({"question": "?", "remembr": 5}),
            400,
            "invalid_json",
        ),
        (
            &path,
            json!({"question": "?", "pictures": ["../../etc/passwd"]}),
            400,
            "invalid_json",
        ),
        (
            &path,
            json!({"question": "?", "pictures": ["0".repeat(64)]}),
            404,
            "picture_unknown",
        ),
        (
            &path,
            json!({"question": "?", "replaces": nobody}),
            404,
            "round_unknown",
        ),
        (
            &format!("/api/conversations/{nobody}/rounds"),
            json!({"question": "?"}),
            404,
            "conversation_unknown",
        ),
        (
            "/api/conversations/..%2f..%2fetc/rounds",
            json!({"question": "?"}),
            404,
            "not_found",
        ),
    ] {
        let reply = stage.post(path, &question).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (status, code.to_owned()),
            "{question}"
        );
    }
    assert_eq!(show(&stage, &conversation).await["rounds"], json!([]));
}

#[tokio::test]
async fn a_question_is_answered_again_and_edited() {
    let stage = stage();
    let (conversation, _, _) = answered(&stage).await;
    let round = show(&stage, &conversation).await["rounds"][0]["id"].clone();
    let round = round.as_str().expect("an id");
    stage.answerer.will_say([delta("E103"), done()]);
    let again = stage
        .post(&format!("/api/rounds/{round}/answers"), &json!({"seed": 3}))
        .await;
    assert_eq!(types(&again.events()), ["asked", "delta", "mark", "done"]);
    let whole = show(&stage, &conversation).await;
    assert_eq!(whole["rounds"][0]["answers"][1]["text"], "E103");
    let edited = json!({"question": "which code?", "replaces": round});
    stage.round(&conversation, &edited).await;
    let whole = show(&stage, &conversation).await;
    assert_eq!(whole["rounds"].as_array().map(Vec::len), Some(1));
    assert_eq!(whole["rounds"][0]["question"], "which code?");
    let old = stage
        .post(&format!("/api/rounds/{round}/answers"), &json!({}))
        .await;
    assert_eq!(
        (old.status, old.code()),
        (StatusCode::CONFLICT, "round_not_newest".into())
    );
}

#[tokio::test]
async fn an_answer_is_judged() {
    let stage = stage();
    let (conversation, answer, _) = answered(&stage).await;
    let path = format!("/api/answers/{answer}/feedback");
    let judged = json!({"thumb": "down", "correction": "E107"});
    let reply = stage.json(Method::PATCH, &path, &judged).await;
    assert_eq!(reply.json(), judged);
    // What another page has said meanwhile stays: each says only what it changes.
    let turned = stage
        .json(Method::PATCH, &path, &json!({"thumb": null}))
        .await;
    assert_eq!(turned.json(), json!({"thumb": null, "correction": "E107"}));
    let turned = stage
        .json(Method::PATCH, &path, &json!({"thumb": "down"}))
        .await;
    assert_eq!(turned.json(), judged);
    let whole = show(&stage, &conversation).await;
    assert_eq!(whole["rounds"][0]["answers"][0]["feedback"], judged);
    let reply = stage
        .json(Method::PATCH, &path, &json!({"thumb": "sideways"}))
        .await;
    assert_eq!(reply.code(), "invalid_json");
}

#[tokio::test]
async fn an_answer_is_looked_into() {
    let stage = stage();
    let (conversation, answer, picture) = answered(&stage).await;
    let said = r#"```json
[{"bbox_2d": [300, 260, 100, 200], "label": "E102"}]
```"#;
    stage.answerer.will_say([delta(said), done()]);
    let found = stage
        .post(
            &format!("/api/answers/{answer}/evidence"),
            &json!({"about": "E102"}),
        )
        .await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    assert_eq!(
        found.json()["evidence"][0]["box"],
        json!([100, 200, 300, 260])
    );
    assert_eq!(found.json()["evidence"][0]["picture"], picture);
    assert_eq!(found.json()["said"], said);

    let path = format!("/api/answers/{answer}/readings");
    stage.answerer.will_say([token("E102", -0.1), done()]);
    let look = json!({"picture": picture, "box": [10, 20.4, 30, 45], "was": "E102", "start": 0});
    let read = stage.post(&path, &look).await;
    assert_eq!(read.status, StatusCode::CREATED, "{}", read.text());
    assert_eq!(read.json()["agrees"], true);
    assert_eq!(read.json()["box"], json!([10, 20, 30, 45]));
    stage.answerer.will_say([delta("[]"), done()]);
    let nowhere = stage
        .post(&path, &json!({"picture": picture, "was": "E102"}))
        .await;
    assert_eq!(
        (nowhere.status.as_u16(), nowhere.code()),
        (422, "no_place".into())
    );
    let empty = json!({"picture": picture, "box": [10, 10, 10, 10], "was": "E102"});
    assert_eq!(stage.post(&path, &empty).await.code(), "invalid_json");

    let whole = show(&stage, &conversation).await;
    let kept = &whole["rounds"][0]["answers"][0];
    assert_eq!(kept["evidence"], found.json()["evidence"]);
    assert_eq!(kept["readings"], json!([read.json()]));
}

#[tokio::test]
async fn who_asked_is_noted_where_keys_have_names() {
    let made = new_key("front-desk").expect("random bytes");
    let keys = Keys::parse(&made.line).expect("a key");
    let stage = stage_of(desk::DeskLimits::default(), |options| {
        options.keys = Some(keys.into())
    });
    let send = async |method: Method, path: &str, body: &Value| {
        let request = request(method, path)
            .header("authorization", format!("Bearer {}", made.secret))
            .header("content-type", "application/json")
            .body(body.to_string().into());
        stage.send(request.expect("a request")).await
    };
    let begun = send(Method::POST, "/api/conversations", &json!({}))
        .await
        .json();
    let path = format!(
        "/api/conversations/{}",
        begun["id"].as_str().expect("an id")
    );
    send(
        Method::POST,
        &format!("{path}/rounds"),
        &json!({"question": "?"}),
    )
    .await;
    let whole = send(Method::GET, &path, &json!({})).await.json();
    assert_eq!(whole["rounds"][0]["asker"], "front-desk");
    assert_eq!(
        send(Method::DELETE, &format!("{path}?for_good=true"), &json!({}))
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let audit = send(Method::GET, "/api/audit", &json!({})).await.json();
    assert_eq!(audit[0]["action"], "delete_conversation");
    assert_eq!(audit[0]["asker"], "front-desk");
}
