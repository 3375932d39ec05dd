//! `lookdesk serve`, started and asked as from a browser.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::desk::{Desk, PATIENCE, said};
use common::run;
use serde_json::{Value, json};

fn samples() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/samples/samples.json");
    let text = std::fs::read_to_string(path).expect("samples.json");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_sample_is_answered_to_the_character_in_both_languages() {
    let desk = Desk::start(&[]);
    assert_eq!(desk.settled()["kind"], "ready");
    let offered = desk.get("/api/samples");
    let offered = offered.as_array().expect("a list");
    let expected = samples();
    assert_eq!(offered.len(), expected.len());
    for (sample, expected) in offered.iter().zip(expected) {
        let pictures = sample["pictures"].as_array().expect("pictures");
        let ids: Vec<_> = pictures.iter().filter_map(|p| p["id"].as_str()).collect();
        for (language, answer) in [("en", "answer"), ("zh", "answer_zh")] {
            let question = sample["question"][language].as_str().expect("a question");
            let events = desk.ask(&ids, question);
            let wanted = expected.get(answer).unwrap_or(&expected["answer"]);
            let wanted = wanted.as_str().expect("an answer");
            let words = said(&events);
            assert!(words.contains(wanted), "{question}: {words}, not {wanted}");
            let last = events.last().expect("an ending");
            assert_eq!(last["type"], "done", "{last}");
            assert_eq!(last["finish_reason"], "stop");
            assert!(last["usage"]["image_tokens"].as_u64() > Some(0));
        }
    }
}

#[test]
fn a_ready_desk_says_which_precision_was_chosen_and_on_what_it_runs() {
    let desk = Desk::start(&["--precision", "auto"]);
    assert_eq!(desk.settled()["kind"], "ready");
    let status = desk.get("/api/status");
    let precision = status["model"]["precision"].as_str();
    assert!(
        matches!(precision, Some("bf16" | "q8" | "q4" | "f32")),
        "{status}"
    );
    assert_ne!(status["device"]["name"], "", "{status}");
}

#[test]
fn a_desk_is_not_ready_until_its_model_is_warm_and_then_answers() {
    let desk = Desk::start(&[]);
    let started = Instant::now();
    let mut not_yet = 0;
    loop {
        let (status, answer) = desk.send("GET", "/readyz", b"");
        if status == 200 {
            break;
        }
        // Nobody is told that it is ready, and nobody is answered.
        assert_eq!(status, 503, "{answer}");
        assert!(answer.ends_with("loading"), "{answer}");
        not_yet += 1;
        assert!(started.elapsed() < PATIENCE, "never ready");
        sleep(Duration::from_millis(2));
    }
    assert!(not_yet > 0, "it was ready before its weights could be read");
    let state = &desk.get("/api/status")["state"];
    assert_eq!(state["kind"], "ready", "{state}");
    let events = desk.ask(&[], "What can you read?");
    assert_eq!(events.last().expect("an ending")["type"], "done");
}

#[test]
fn an_uploaded_picture_is_read_like_the_same_sample() {
    let desk = Desk::start(&[]);
    assert_eq!(desk.settled()["kind"], "ready");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/samples/panel-error.png");
    // Another file than the sample's, of the same picture: it must be stored anew.
    let mut bytes = std::fs::read(path).expect("a sample");
    bytes.push(0);
    let (status, answer) = desk.send("POST", "/api/pictures", &bytes);
    assert_eq!(status, 201, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let view: Value = serde_json::from_str(body).expect("JSON");
    let id = view["id"].as_str().expect("an id");
    let events = desk.ask(&[id], "What is the error code?");
    assert!(said(&events).contains("E74"), "{events:?}");
    let reading = &events[0];
    assert_eq!(reading["type"], "reading", "{reading}");
    assert_eq!(reading["tokens"], view["tokens"]);
}

#[test]
fn files_that_are_no_pictures_are_refused_by_what_they_are() {
    let desk = Desk::start(&[]);
    let (status, answer) = desk.send("POST", "/api/pictures", b"%PDF-1.7\n");
    assert_eq!(status, 415, "{answer}");
    assert!(answer.contains("PDF"), "{answer}");
    let (status, answer) = desk.send("POST", "/api/pictures", b"");
    assert_eq!(status, 422, "{answer}");
    assert!(answer.contains("picture_empty"), "{answer}");
}

#[test]
fn a_question_beyond_the_context_is_refused_with_its_size() {
    let desk = Desk::start(&["--context-tokens", "128"]);
    assert_eq!(desk.settled()["kind"], "ready");
    let text = "error code ".repeat(200);
    let request =
        json!({"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]});
    let (status, answer) = desk.send("POST", "/api/answers", request.to_string().as_bytes());
    assert_eq!(status, 400, "{answer}");
    assert!(answer.contains("question_too_long"), "{answer}");
    assert!(answer.contains("\"limit\":128"), "{answer}");
}

#[test]
fn a_taken_port_ends_the_command_with_the_way_out() {
    let desk = Desk::start(&[]);
    let (_, port) = desk.address.rsplit_once(':').expect("a port");
    let second = run(["serve", "--port", port]);
    let told = second.failure(1);
    assert!(told.starts_with(&format!("port {port} is taken")), "{told}");
    assert!(told.contains("--port"), "{told}");
}

#[test]
fn a_model_that_is_not_there_ends_the_command_before_the_page_opens() {
    let told = run(["serve", "--port", "0", "--model", "/nowhere/at/all"]);
    assert!(told.failure(1).contains("/nowhere/at/all"));
}

#[test]
fn weights_that_do_not_fit_leave_a_page_that_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints/tiny-b");
    for entry in std::fs::read_dir(from).expect("the golden checkpoint") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, directory.path().join(name)).expect("copied");
    }
    let config = directory.path().join("config.json");
    let text = std::fs::read_to_string(&config).expect("a config");
    let wider = text.replace("\"intermediate_size\": 208", "\"intermediate_size\": 224");
    assert_ne!(text, wider);
    std::fs::write(&config, wider).expect("written");
    let model = directory.path().to_str().expect("a plain path");
    let desk = Desk::start(&["--model", model]);
    let state = desk.settled();
    assert_eq!(state["kind"], "failed", "{state}");
    assert!(
        state["message"].as_str().is_some_and(|m| m.contains("224")),
        "{state}"
    );
    assert_eq!(desk.send("GET", "/readyz", b"").0, 503);
    assert_eq!(desk.send("GET", "/healthz", b"").0, 200);
    let request =
        json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}]}]});
    let (status, answer) = desk.send("POST", "/api/answers", request.to_string().as_bytes());
    assert_eq!(status, 503, "{answer}");
    assert!(answer.contains("model_failed"), "{answer}");
}

#[cfg(unix)]
#[test]
fn a_page_that_is_open_does_not_keep_a_desk_from_ending() {
    let mut desk = Desk::start(&[]);
    let mut stream = TcpStream::connect(&desk.address).expect("the desk listens");
    let head = format!(
        "GET /api/status/stream HTTP/1.1\r\nhost: {}\r\n\r\n",
        desk.address
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut some = [0; 64];
    stream.read_exact(&mut some).expect("it tells");
    let id = desk.child.id().to_string();
    let told = std::process::Command::new("kill").arg(id).status();
    assert!(told.expect("kill is there").success());
    let started = Instant::now();
    assert!(desk.child.wait().expect("it ends").success());
    assert!(
        started.elapsed() < Duration::from_secs(25),
        "it waits for the page"
    );
}

#[test]
fn a_desk_told_to_end_ends_well() {
    let mut desk = Desk::start(&[]);
    desk.settled();
    let id = desk.child.id().to_string();
    let told = std::process::Command::new("kill").arg(id).status();
    assert!(told.expect("kill is there").success());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = desk.child.try_wait().expect("a child") {
            break status;
        }
        assert!(started.elapsed() < PATIENCE, "still running");
        sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
}
