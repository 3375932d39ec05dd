//! What `lookdesk serve` writes to its log.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread::spawn;
use std::time::Duration;

use common::desk::Desk;
use common::serve;
use serde_json::{Value, json};

#[test]
fn a_json_log_names_each_request_by_its_id_and_repeats_no_words() {
    let arguments = ["--log", "debug", "--log-format", "json"];
    let (mut child, address) = serve(&arguments, Stdio::piped());
    let stderr = child.stderr.take().expect("stderr is piped");
    let (sender, lines) = mpsc::channel();
    spawn(move || {
        for line in BufReader::new(stderr).lines() {
            if sender.send(line.expect("text")).is_err() {
                return;
            }
        }
    });
    let desk = Desk { child, address };
    assert_eq!(desk.settled()["kind"], "ready");
    let body =
        json!({"messages": [{"role": "user", "content": "SECRETQUESTION"}], "max_tokens": 2});
    let path = "/v1/chat/completions";
    let (status, answer) = desk.send("POST", path, body.to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    let id = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .expect("an id");
    let mut told = None;
    while told.is_none() {
        let line = lines
            .recv_timeout(Duration::from_secs(10))
            .expect("the request is logged");
        assert!(!line.contains("SECRETQUESTION"), "{line}");
        // Notes to whoever started it are sentences.
        let Ok(entry) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        told = Some(entry).filter(|entry| entry["fields"]["id"] == id);
    }
    let fields = &told.expect("an entry")["fields"];
    assert_eq!(
        (&fields["path"], &fields["status"]),
        (&json!(path), &json!(200))
    );
    assert!(fields["ms"].is_u64(), "{fields}");
}
