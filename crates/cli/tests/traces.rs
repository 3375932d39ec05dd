//! `lookdesk serve --otlp-endpoint`: what leaves the machine, to whom, and at whose expense.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use common::desk::{Desk, PATIENCE, said};
use common::{lookdesk, run};

/// Takes whatever is sent to it, and keeps it.
struct Collector {
    url: String,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let got = Arc::new(Mutex::new(Vec::new()));
        let keeps = got.clone();
        spawn(move || {
            for stream in listener.incoming() {
                let body = take(stream.expect("a connection"));
                keeps.lock().expect("no panic").extend(body);
            }
        });
        Self { url, got }
    }

    fn told(&self) -> String {
        let got = self.got.lock().expect("no panic");
        String::from_utf8_lossy(&got).into_owned()
    }
}

/// The body of one request, which is answered.
fn take(mut stream: TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).expect("a line") > 2 {
        if let Some(size) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = size.trim().parse().expect("a size");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(reply).expect("sent");
    body
}

/// Asks about a sample, and gives the answer with the id of its request.
fn ask(desk: &Desk) -> (String, String) {
    let offered = desk.get("/api/samples");
    let id = offered[0]["pictures"][0]["id"].as_str().expect("a picture");
    let question = offered[0]["question"]["en"].as_str().expect("a question");
    let body = serde_json::json!({"messages": [{"role": "user", "content": [
        {"type": "picture", "id": id}, {"type": "text", "text": question},
    ]}], "settings": {"temperature": 0}});
    let (status, answer) = desk.send("POST", "/api/answers", body.to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    let request = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    let events: Vec<_> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    (request.expect("an id").to_owned(), said(&events))
}

/// Tells it to end, and waits until it has.
fn end(desk: &mut Desk) {
    let id = desk.child.id().to_string();
    let told = std::process::Command::new("kill").arg(id).status();
    assert!(told.expect("kill is there").success());
    let started = Instant::now();
    while desk.child.try_wait().expect("a child").is_none() {
        assert!(started.elapsed() < PATIENCE, "still running");
        sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
#[test]
fn a_question_reaches_the_collector_with_its_request_id_and_without_its_words() {
    let collector = Collector::start();
    let mut desk = Desk::start(&["--otlp-endpoint", &collector.url]);
    assert_eq!(desk.settled()["kind"], "ready");
    let (request, words) = ask(&desk);
    // Ending sends what has not been sent.
    end(&mut desk);
    let told = collector.told();
    let names = [
        "POST /api/answers",
        "answer",
        "queue",
        "vision",
        "prefill",
        "decode",
        "first_token",
    ];
    for name in names.into_iter().chain([request.as_str(), "lookdesk-demo"]) {
        assert!(told.contains(name), "{name} is missing in {told}");
    }
    assert!(!words.is_empty());
    for secret in words
        .split_whitespace()
        .filter(|word| word.len() > 4)
        .chain(["model number"])
    {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[cfg(unix)]
#[test]
fn a_collector_that_never_replies_delays_no_answer_and_no_end() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let mut plain = Desk::start(&[]);
    let mut desk = Desk::start(&["--otlp-endpoint", &url]);
    let fastest = |desk: &Desk| {
        assert_eq!(desk.settled()["kind"], "ready");
        let ask = |_| {
            let asked = Instant::now();
            ask(desk);
            asked.elapsed()
        };
        (0..5).map(ask).min().expect("five")
    };
    let (without, with) = (fastest(&plain), fastest(&desk));
    assert!(
        with < without * 3 + Duration::from_secs(1),
        "{with:?}, not {without:?}"
    );
    let ending = Instant::now();
    end(&mut desk);
    assert!(
        ending.elapsed() < Duration::from_secs(10),
        "{:?}",
        ending.elapsed()
    );
    end(&mut plain);
}

#[cfg(unix)]
#[test]
fn a_collector_that_only_the_environment_names_is_told_nothing() {
    let collector = Collector::start();
    let mut child = lookdesk()
        .args(["serve", "--port", "0", "--no-records"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &collector.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let (_, address) = line.split_once("http://").expect("an address");
    let address = address
        .split_whitespace()
        .next()
        .expect("an address")
        .to_owned();
    let mut desk = Desk { child, address };
    assert_eq!(desk.settled()["kind"], "ready");
    ask(&desk);
    end(&mut desk);
    assert_eq!(collector.told(), "");
}

#[test]
fn what_is_no_address_of_a_collector_is_refused_with_what_it_looks_like() {
    for wrong in [
        "127.0.0.1:4318",
        "grpc://127.0.0.1:4317",
        "http://name:secret@collector.example",
    ] {
        let run = run(["serve", "--port", "0", "--otlp-endpoint", wrong]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(
            run.stderr.contains("http://127.0.0.1:4318"),
            "{}",
            run.stderr
        );
    }
}
