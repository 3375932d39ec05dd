//! A desk that runs, asked as from a browser.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that is waited for.
pub const TICK: Duration = Duration::from_millis(20);

/// A running desk; ends with the test.
pub struct Desk {
    pub child: Child,
    pub address: String,
}

impl Desk {
    /// Starts it, with records only where the arguments say where.
    pub fn start(arguments: &[&str]) -> Self {
        let (child, address) = super::serve(arguments, Stdio::null());
        Self { child, address }
    }

    /// Sends one request on a connection of its own; gives status and the rest.
    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let answer = self.try_send(method, path, body).expect("an answer");
        let status = answer.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), answer)
    }

    /// The same; `None` where the desk is gone, or goes before its answer is whole.
    pub fn try_send(&self, method: &str, path: &str, body: &[u8]) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        let id = self.child.id().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-9", &id])
            .status();
        assert!(killed.expect("kill is there").success());
    }

    /// What lies at an address, as JSON.
    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, b"");
        assert_eq!(status, 200, "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// Waits until the model is loaded, or has failed to.
    pub fn settled(&self) -> Value {
        let started = Instant::now();
        loop {
            let state = self.get("/api/status")["state"].clone();
            if state["kind"] != "loading" {
                return state;
            }
            assert!(started.elapsed() < PATIENCE, "{state}");
            sleep(TICK);
        }
    }

    /// Asks and gives the events of the answer.
    pub fn ask(&self, pictures: &[&str], question: &str) -> Vec<Value> {
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

/// The words of an answer.
pub fn said(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "delta");
    deltas.filter_map(|event| event["text"].as_str()).collect()
}
