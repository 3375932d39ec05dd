//! `lookdesk serve`, started and asked as from a browser.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::run;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running desk; ends with the test.
struct Desk {
    child: Child,
    address: String,
}

impl Desk {
    fn start(arguments: &[&str]) -> Self {
        let (child, address) = common::serve(arguments, Stdio::null());
        Self { child, address }
    }

    /// Sends one request on a connection of its own; gives status and the rest.
    fn send(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("the desk listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(body).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), answer)
    }

    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, b"");
        assert_eq!(status, 200, "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// Waits until the model is loaded, or has failed to.
    fn settled(&self) -> Value {
        let started = Instant::now();
        loop {
            let state = self.get("/api/status")["state"].clone();
            if state["kind"] != "loading" {
                return state;
            }
            assert!(started.elapsed() < PATIENCE, "{state}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Asks and gives the events of the answer.
    fn ask(&self, pictures: &[&str], question: &str) -> Vec<Value> {
        let pictures = pictures.iter();
        let mut content: Vec<_> = pictures
            .map(|id| json!({"type": "picture", "id": id}))
            .collect();
        content.push(json!({"type": "text", "text": question}));
        let request = json!({
            "messages": [{"role": "user", "content": content}],
            "settings": {"temperature": 0},
        });
        let request = request.to_string();
        let (status, answer) = self.send("POST", "/api/answers", request.as_bytes());
        assert_eq!(status, 200, "{answer}");
        let data = answer
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).expect("JSON"))
            .collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "delta");
    deltas.filter_map(|event| event["text"].as_str()).collect()
}

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
