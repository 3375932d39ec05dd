//! A desk that others can reach: what has to be chosen, and that keys work end to end.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Instant;

use common::desk::{PATIENCE, TICK};
use common::run;

struct Desk {
    child: Child,
    address: String,
    /// What it has said on stderr so far, and who listens.
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl Desk {
    fn start(arguments: &[&str]) -> Self {
        let (mut child, address) = common::serve(arguments, Stdio::piped());
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let listener = spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.lock().expect("no panic").push_str(&(line + "\n"));
            }
        });
        Self {
            child,
            address,
            said,
            listener: Some(listener),
        }
    }

    /// Asks with a key that is in force until these words are said.
    fn says(&self, words: &str, key: &str) {
        let since = Instant::now();
        loop {
            assert_eq!(self.status("/v1/models", key), 200);
            let said = self.said.lock().expect("no panic").clone();
            if said.contains(words) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "no {words:?} in {said}");
            sleep(TICK);
        }
    }

    fn status(&self, path: &str, head: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).expect("the desk listens");
        let host = &self.address;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {host}\r\n{head}connection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
            .split(' ')
            .nth(1)
            .expect("a status")
            .parse()
            .expect("a number")
    }

    /// Ends the desk and gives what it said.
    fn end(mut self) -> String {
        self.child.kill().expect("it runs");
        let listener = self.listener.take().expect("ends once");
        listener.join().expect("text");
        self.said.lock().expect("no panic").clone()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_desk_for_others_must_say_who_may_come_in() {
    let refused = run(["serve", "--host", "0.0.0.0", "--port", "0"]);
    let told = refused.failure(2);
    for word in [
        "everyone",
        "--api-key-file",
        "--allow-anonymous",
        "lookdesk key new",
    ] {
        assert!(told.contains(word), "{told}");
    }
    let both = run([
        "serve",
        "--host",
        "0.0.0.0",
        "--allow-anonymous",
        "--api-key-file",
        "keys",
    ]);
    assert!(both.failure(2).contains("cannot be used with"));
}

#[test]
fn a_desk_open_to_everybody_says_so() {
    let desk = Desk::start(&["--host", "0.0.0.0", "--allow-anonymous"]);
    assert_eq!(desk.status("/api/status", ""), 200);
    let said = desk.end();
    assert!(
        said.contains("everyone on any network of this machine can use this desk"),
        "{said}"
    );
}

#[test]
fn a_new_key_opens_the_desk_whose_file_has_its_line() {
    let made = run(["key", "new", "front-desk"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let (_, secret) = made.stderr.trim().rsplit_once(' ').expect("a key");
    assert!(secret.starts_with("ld_") && !made.stdout.contains(secret));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys");
    std::fs::write(&file, &made.stdout).expect("written");
    let file = file.to_str().expect("a plain path");
    let desk = Desk::start(&["--api-key-file", file]);
    assert_eq!(desk.status("/v1/models", ""), 401);
    assert_eq!(desk.status("/healthz", ""), 200);
    let key = format!("authorization: Bearer {secret}\r\n");
    assert_eq!(desk.status("/v1/models", &key), 200);
    assert_eq!(
        desk.status("/v1/models", "authorization: Bearer ld_no\r\n"),
        401
    );
}

#[test]
fn keys_come_and_go_while_the_desk_runs() {
    let key = |name| {
        let made = run(["key", "new", name]);
        let (_, secret) = made.stderr.trim().rsplit_once(' ').expect("a key");
        (
            made.stdout.clone(),
            format!("authorization: Bearer {secret}\r\n"),
        )
    };
    let ((old_line, old), (new_line, new)) = (key("old"), key("new"));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys");
    std::fs::write(&file, &old_line).expect("written");
    let desk = Desk::start(&["--api-key-file", file.to_str().expect("a plain path")]);
    let becomes = |status: u16, key: &str| {
        let since = Instant::now();
        while desk.status("/v1/models", key) != status {
            assert!(since.elapsed() < PATIENCE, "never {status}");
            sleep(TICK);
        }
    };
    becomes(200, &old);
    becomes(401, &new);
    std::fs::write(&file, format!("{old_line}{new_line}")).expect("written");
    becomes(200, &new);
    becomes(200, &old);
    std::fs::write(&file, &new_line).expect("written");
    becomes(401, &old);
    std::fs::write(&file, "new hunter2\n").expect("written");
    desk.says("the keys of before stay in force", &new);
    desk.says("line 1 of the key file", &new);
}

#[test]
fn a_key_file_that_opens_nothing_ends_the_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys");
    std::fs::write(&file, "front-desk hunter2\n").expect("written");
    let file = file.to_str().expect("a plain path");
    let wrong = run(["serve", "--port", "0", "--api-key-file", file]);
    assert!(wrong.failure(1).contains("line 1 of the key file"));
    let missing = run(["serve", "--port", "0", "--api-key-file", "/nowhere/keys"]);
    assert!(missing.failure(1).contains("/nowhere/keys"));
    assert!(
        run(["key", "new", "two words"])
            .failure(2)
            .contains("two words")
    );
    let cors = run(["serve", "--port", "0", "--cors-origin", "*"]);
    assert!(cors.failure(2).contains("not an origin"));
}
