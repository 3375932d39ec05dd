//! What one client may take of a desk that others use too: places, and time. Over HTTP, with the real engine.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::desk::{Desk, PATIENCE};
use common::run;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A reply whose body may still be coming.
struct Reply {
    status: u16,
    head: String,
    body: BufReader<TcpStream>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The whole of a body that is JSON.
    fn json(mut self) -> Value {
        let mut text = String::new();
        self.body.read_to_string(&mut text).expect("a body");
        let json = text.find('{').zip(text.rfind('}'));
        let (from, to) = json.unwrap_or_else(|| panic!("{text}"));
        serde_json::from_str(&text[from..=to]).expect("JSON")
    }

    /// The data of a stream's events, to its end.
    fn data(self) -> impl Iterator<Item = Value> {
        let lines = self.body.lines().map(|line| line.expect("a line"));
        lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
    }
}

/// Posts JSON on a connection of its own and reads the head of the reply.
fn post(desk: &Desk, path: &str, key: &str, body: &Value) -> Reply {
    let mut stream = TcpStream::connect(&desk.address).expect("the desk listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        desk.address,
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut body = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = body.read_line(&mut head).expect("a head");
        assert!(read > 0, "{head}");
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.expect("a status"),
        head: head.to_ascii_lowercase(),
        body,
    }
}

/// A question whose answer goes on for long.
fn long(words: &str) -> Value {
    json!({
        "messages": [{"role": "user", "content": words}],
        "stream": true, "ignore_eos": true, "max_tokens": 1024, "temperature": 1.5,
    })
}

fn short() -> Value {
    json!({"messages": [{"role": "user", "content": "What can you read?"}], "max_tokens": 4})
}

/// A desk and the keys it knows.
fn desk_with_keys(names: &[&str], limits: &str) -> (Desk, Vec<String>, tempfile::TempDir) {
    let mut lines = String::new();
    let mut secrets = Vec::new();
    for name in names {
        let made = run(["key", "new", name]);
        let (_, secret) = made.stderr.trim().rsplit_once(' ').expect("a key");
        secrets.push(secret.to_owned());
        let words: Vec<_> = made.stdout.split_whitespace().take(2).collect();
        lines += &format!("{} {limits}\n", words.join(" "));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys");
    std::fs::write(&file, lines).expect("written");
    let file = file.to_str().expect("a plain path");
    let desk = Desk::start(&["--api-key-file", file]);
    let started = Instant::now();
    while post(&desk, CHAT, &secrets[0], &short()).status == 503 {
        assert!(started.elapsed() < PATIENCE, "never ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    (desk, secrets, directory)
}

#[test]
fn a_script_that_asks_without_end_locks_nobody_out() {
    let (desk, keys, _directory) = desk_with_keys(&["script", "team"], "");
    let mut running = Vec::new();
    let refused = loop {
        let reply = post(&desk, CHAT, &keys[0], &long(&format!("{}?", running.len())));
        if reply.status != 200 {
            break reply;
        }
        running.push(reply);
        assert!(running.len() < 500, "it was never held back");
    };
    // Half of 16 that are answered and 32 that wait.
    assert!(running.len() >= 24, "{}", running.len());
    assert_eq!(refused.status, 429);
    let wait: u64 = refused
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!(wait >= 1);
    let error = refused.json();
    assert_eq!(error["error"]["code"], "share_full", "{error}");
    let message = error["error"]["message"].as_str().expect("words");
    assert!(
        message.contains("You already have 24 questions"),
        "{message}"
    );
    // The others find places, and do not wait for the script's whole queue: their turn is next.
    let asked = Instant::now();
    for _ in 0..3 {
        let reply = post(&desk, CHAT, &keys[1], &short()).json();
        assert_eq!(reply["object"], "chat.completion", "{reply}");
    }
    assert!(asked.elapsed() < PATIENCE);
    drop(running);
    // Whoever leaves gives the places back.
    let started = Instant::now();
    while post(&desk, CHAT, &keys[0], &short()).status != 200 {
        assert!(started.elapsed() < PATIENCE, "places were not given back");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn several_answers_to_one_question_take_several_of_a_keys_places() {
    let (desk, keys, _directory) = desk_with_keys(&["script"], "at_once=3");
    let with_n = |n: u32| {
        let mut question = long("?");
        question["n"] = n.into();
        post(&desk, CHAT, &keys[0], &question)
    };
    let never = with_n(4);
    assert_eq!(never.status, 400);
    assert_eq!(never.json()["error"]["param"], "n");
    let running = with_n(3);
    assert_eq!(running.status, 200);
    let refused = post(&desk, CHAT, &keys[0], &short());
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "too_many_at_once");
    drop(running);
}

#[test]
fn an_answer_ends_when_its_time_is_over_and_keeps_its_words() {
    // A machine that has no word ready within a second has other things to do, and gets more time.
    let mut seconds = 1;
    while !is_cut_short_within(seconds) {
        seconds *= 2;
        assert!(seconds < 60, "not a word");
    }
}

/// Asks a desk with this limit, and with fields that are shorter. False where there was no time for a word.
fn is_cut_short_within(seconds: u32) -> bool {
    let desk = Desk::start(&["--answer-seconds", &seconds.to_string()]);
    assert_eq!(desk.settled()["kind"], "ready");
    // Eight at once, so that no machine is done before the time is over.
    let (answers, each) = (8, 2000);
    let mut question = long("?");
    question["n"] = answers.into();
    question["max_tokens"] = each.into();
    // Without a field of its own, and with one that is shorter; as a whole, and as a stream.
    for timeout in [None, Some(0.3 * f64::from(seconds))] {
        question["timeout"] = timeout.into();
        question["stream"] = false.into();
        let reply = post(&desk, CHAT, "", &question);
        if reply.status == 408 {
            return false;
        }
        let reply = reply.json();
        let choices = reply["choices"].as_array().expect("choices");
        assert_eq!(choices.len(), answers, "{reply}");
        for choice in choices {
            assert_eq!(choice["finish_reason"], "length", "{choice}");
        }
        let said = reply["usage"]["completion_tokens"]
            .as_u64()
            .expect("counted");
        assert!((1..answers as u64 * each).contains(&said), "{said}");
        question["stream"] = true.into();
        let last = post(&desk, CHAT, "", &question).data().last();
        let last = last.expect("chunks");
        if last["error"]["code"] == "timed_out" {
            return false;
        }
        assert_eq!(last["choices"][0]["finish_reason"], "length", "{last}");
    }
    // All of them: none came to its end, and none was ended by another's.
    let (_, figures) = desk.send("GET", "/metrics", b"");
    let line = r#"lookdesk_answers_total{kind="timed_out"} 32"#;
    assert!(figures.contains(line), "{figures}");
    true
}

#[test]
fn a_time_that_is_over_before_the_first_word_is_told_as_an_error() {
    let desk = Desk::start(&[]);
    assert_eq!(desk.settled()["kind"], "ready");
    let mut question = short();
    question["timeout"] = 1e-6.into();
    let reply = post(&desk, CHAT, "", &question);
    assert_eq!(reply.status, 408);
    let error = reply.json();
    assert_eq!(error["error"]["code"], "timed_out", "{error}");
    assert_eq!(error["error"]["type"], "timeout_error", "{error}");
    question["stream"] = true.into();
    let last = post(&desk, CHAT, "", &question).data().last();
    assert_eq!(last.expect("an ending")["error"]["code"], "timed_out");
    // Nothing of them stays, and they are counted.
    assert_eq!(post(&desk, CHAT, "", &short()).status, 200);
    let (_, figures) = desk.send("GET", "/metrics", b"");
    let line = "lookdesk_time_to_first_token_seconds_count 1";
    assert!(figures.contains(line), "{figures}");
}

#[test]
fn an_asker_who_leaves_after_the_first_word_counts_among_first_words() {
    let desk = Desk::start(&[]);
    assert_eq!(desk.settled()["kind"], "ready");
    let mut chunks = post(&desk, CHAT, "", &long("?")).data();
    let has_words = |chunk: &Value| {
        let words = chunk["choices"][0]["delta"]["content"].as_str();
        words.is_some_and(|words| !words.is_empty())
    };
    assert!(chunks.any(|chunk| has_words(&chunk)));
    drop(chunks);
    let (_, figures) = desk.send("GET", "/metrics", b"");
    let line = "lookdesk_time_to_first_token_seconds_count 1";
    assert!(figures.contains(line), "{figures}");
}

#[test]
fn a_schema_that_turns_out_too_much_work_is_told_as_the_askers_to_change() {
    let desk = Desk::start(&[]);
    assert_eq!(desk.settled()["kind"], "ready");
    let one = |n: u32| {
        let list = json!({"type": "array", "items": {"type": "string"}});
        json!({"type": "object", "properties": {"a": list, format!("k{n}"): {"type": "string"}}})
    };
    // Nothing but the opening can come first, so the answer gets to the choice, which is too wide.
    let schema = json!({
        "type": "object",
        "properties": {
            "kind": {"const": "a label of a device"},
            "found": {"anyOf": (0..200).map(one).collect::<Vec<_>>()},
        },
        "required": ["kind", "found"],
        "additionalProperties": false,
    });
    let mut question = short();
    question["max_tokens"] = 200.into();
    question["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "found", "schema": schema}});
    let whole = post(&desk, CHAT, "", &question);
    assert_eq!(whole.status, 400);
    let error = whole.json();
    assert_eq!(error["error"]["code"], "shape_unsupported", "{error}");
    assert_eq!(error["error"]["param"], "response_format", "{error}");
    question["stream"] = true.into();
    let stream = post(&desk, CHAT, "", &question);
    assert_eq!(stream.status, 200);
    let chunks: Vec<_> = stream.data().collect();
    let said = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert!(said.collect::<String>().contains("a label of a device"));
    let last = &chunks.last().expect("an ending")["error"];
    assert_eq!(last["code"], "shape_unsupported", "{last}");
    assert_eq!(last["type"], "invalid_request_error", "{last}");
    assert_eq!(last["param"], "response_format", "{last}");
    // The desk goes on.
    assert_eq!(post(&desk, CHAT, "", &short()).status, 200);
}
