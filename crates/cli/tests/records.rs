//! The records of a desk: what is there after it was killed, and what export and import carry.

mod common;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::desk::{Desk, PATIENCE, said};
use common::{run, sample};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

/// Enough at once that the small model writes for a while.
const CROWD: usize = 12;

/// A desk that keeps its records in a folder.
fn desk_at(folder: &Path) -> Desk {
    let desk = Desk::start(&[
        "--data-dir",
        folder.to_str().expect("text"),
        "--threads",
        "1",
    ]);
    assert_eq!(desk.settled()["kind"], "ready");
    desk
}

fn post(desk: &Desk, path: &str, body: &Value) -> Value {
    let (status, answer) = desk.send("POST", path, body.to_string().as_bytes());
    assert!((200..300).contains(&status), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

fn begin(desk: &Desk) -> String {
    let begun = post(desk, "/api/conversations", &json!({}));
    begun["id"].as_str().expect("an id").to_owned()
}

fn rounds_of(id: &str) -> String {
    format!("/api/conversations/{id}/rounds")
}

/// Asks in a conversation and gives the events of the answer.
fn ask(desk: &Desk, conversation: &str, question: &Value) -> Vec<Value> {
    let body = question.to_string();
    let (status, answer) = desk.send("POST", &rounds_of(conversation), body.as_bytes());
    assert_eq!(status, 200, "{answer}");
    let data = answer
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

fn whole(desk: &Desk, id: &str) -> Value {
    desk.get(&format!("/api/conversations/{id}"))
}

fn newest_answer(conversation: &Value) -> &Value {
    let round = conversation["rounds"]
        .as_array()
        .and_then(|rounds| rounds.last());
    let answers = round.and_then(|round| round["answers"].as_array());
    answers
        .and_then(|answers| answers.last())
        .expect("an answer")
}

fn upload(desk: &Desk, name: &str) -> String {
    let bytes = std::fs::read(sample(name)).expect("a sample");
    let (status, answer) = desk.send("POST", "/api/pictures", &bytes);
    assert_eq!(status, 201, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let picture: Value = serde_json::from_str(body).expect("JSON");
    picture["id"].as_str().expect("an id").to_owned()
}

fn folder() -> TempDir {
    tempdir().expect("a folder")
}

/// The first sample with one picture: its file and its question.
fn question() -> (String, String) {
    let samples = common::samples();
    let one = samples.iter().find(|sample| sample["file"].is_string());
    let one = one.expect("a sample with one picture");
    let text = |name: &str| one[name].as_str().expect("text").to_owned();
    (text("file"), text("question_en"))
}

#[test]
fn a_desk_that_is_killed_while_it_answers_keeps_the_words_and_says_that_it_was_interrupted() {
    let folder = folder();
    let mut desk = desk_at(folder.path());
    let (file, words) = question();
    let picture = upload(&desk, &file);
    let asked = json!({
        "question": words, "pictures": [picture],
        // Hot enough that it does not find an end.
        "settings": {"temperature": 2, "top_p": 1, "top_k": 0, "max_tokens": 1024},
    });
    let conversations: Vec<_> = (0..CROWD).map(|_| begin(&desk)).collect();
    let running = thread::scope(|threads| {
        for id in &conversations {
            let (address, body) = (desk.address.clone(), asked.to_string());
            threads.spawn(move || ask_and_hang_up(&address, id, &body));
        }
        // Until some of the words that are being said are in the records.
        let started = Instant::now();
        let running = loop {
            let seen: Vec<_> = conversations.iter().map(|id| whole(&desk, id)).collect();
            let writing = |conversation: &&Value| {
                conversation["rounds"][0].is_object() && {
                    let answer = newest_answer(conversation);
                    answer["state"] == "running" && answer["text"] != ""
                }
            };
            if let Some(one) = seen.iter().find(writing) {
                break one.clone();
            }
            assert!(started.elapsed() < PATIENCE, "no words reached the records");
            thread::sleep(Duration::from_millis(10));
        };
        desk.child.kill().expect("it is killed");
        desk.child.wait().expect("it is gone");
        running
    });
    drop(desk);

    let desk = desk_at(folder.path());
    let id = running["id"].as_str().expect("an id");
    let after = whole(&desk, id);
    assert_eq!(after["interrupted"], true);
    let (before, answer) = (newest_answer(&running), newest_answer(&after));
    assert_eq!(answer["state"], "interrupted");
    let text = answer["text"].as_str().expect("text");
    assert!(
        text.starts_with(before["text"].as_str().expect("text")),
        "{before} {answer}"
    );
    assert_eq!(after["rounds"][0]["question"], words);
    assert_eq!(
        desk.send("GET", &format!("/api/pictures/{picture}"), b"").0,
        200
    );
    for id in &conversations {
        let conversation = whole(&desk, id);
        for round in conversation["rounds"].as_array().expect("rounds") {
            assert_ne!(round["answers"][0]["state"], "running", "{conversation}");
        }
    }
    // And it goes on from there, with the picture that came from the records.
    let events = ask(
        &desk,
        id,
        &json!({"question": words, "settings": {"temperature": 0}}),
    );
    assert_eq!(events.last().expect("an ending")["type"], "done");
}

/// Asks and reads until the desk is gone.
fn ask_and_hang_up(address: &str, conversation: &str, body: &str) {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else {
        return;
    };
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        rounds_of(conversation),
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn what_was_asked_is_there_after_the_desk_ended_and_was_started_again() {
    let folder = folder();
    let (file, words) = question();
    let desk = desk_at(folder.path());
    let id = begin(&desk);
    let picture = upload(&desk, &file);
    let asked = json!({"question": words, "pictures": [picture], "settings": {"temperature": 0}});
    let events = ask(&desk, &id, &asked);
    let answer = said(&events);
    let marks = events.iter().rfind(|event| event["type"] == "mark");
    drop(desk);
    let desk = desk_at(folder.path());
    let kept = whole(&desk, &id);
    assert_eq!(newest_answer(&kept)["text"], answer);
    if let Some(marks) = marks {
        assert_eq!(newest_answer(&kept)["marks"], marks["marks"]);
    }
    let (status, thumbnail) = desk.send("GET", &format!("/api/pictures/{picture}/thumbnail"), b"");
    assert_eq!(status, 200);
    assert!(thumbnail.contains("image/jpeg"));
    // A closer look works on the original file.
    let look = json!({"picture": picture, "box": [0, 0, 1000, 1000], "was": "x"});
    let answer_id = newest_answer(&kept)["id"].as_str().expect("an id");
    let reading = post(&desk, &format!("/api/answers/{answer_id}/readings"), &look);
    assert!(reading["text"].is_string(), "{reading}");
    let status = desk.get("/api/status");
    assert_eq!(status["records"]["kept"], true);
    assert!(
        status["readings"]["process_memory_bytes"].as_u64() > Some(0),
        "{status}"
    );
}

#[test]
fn records_go_out_and_come_in_on_the_command_line() {
    let (from, to, files) = (folder(), folder(), folder());
    let (file, words) = question();
    let desk = desk_at(from.path());
    let id = begin(&desk);
    let picture = upload(&desk, &file);
    ask(
        &desk,
        &id,
        &json!({"question": words, "pictures": [picture]}),
    );
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let out = text(&files.path().join("out.json"));
    let (from_dir, to_dir) = (text(from.path()), text(to.path()));
    let busy = run(["export", "--data-dir", &from_dir, "-o", &out]);
    assert!(
        busy.failure(1).contains("in use by another Lookdesk"),
        "{}",
        busy.stderr
    );
    drop(desk);

    let done = run(["export", "--data-dir", &from_dir, "-o", &out]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), ""),
        "{}",
        done.stderr
    );
    let exported: Value =
        serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
    assert!(exported.is_object());
    let came = run(["import", "--data-dir", &to_dir, &out]);
    assert_eq!(came.code, Some(0), "{}", came.stderr);
    assert!(
        came.stderr
            .contains("1 conversations, 1 questions, 1 answers and 1 pictures"),
        "{}",
        came.stderr
    );
    let again = run(["import", "--data-dir", &to_dir, &out]);
    assert!(
        again.stderr.contains("1 conversations were here already"),
        "{}",
        again.stderr
    );
    let table = run([
        "export",
        "--data-dir",
        &to_dir,
        "--format",
        "csv",
        "--pictures",
        "hash",
    ]);
    assert!(table.stdout.contains(&id), "{}", table.stdout);
    let early = run([
        "export",
        "--data-dir",
        &to_dir,
        "--format",
        "csv",
        "--to",
        "2001-01-01",
    ]);
    assert!(!early.stdout.contains(&id), "{}", early.stdout);
    let desk = desk_at(to.path());
    assert_eq!(whole(&desk, &id)["rounds"][0]["question"], words);
}

#[test]
fn a_wrong_wish_about_records_is_told_in_one_sentence() {
    let folder = folder();
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.to_str().expect("text");
    let missing = run(["export", "--data-dir", nowhere]);
    assert!(
        missing.failure(1).contains("--data-dir"),
        "{}",
        missing.stderr
    );
    assert!(!Path::new(nowhere).exists(), "an export makes no records");
    let day = run(["export", "--data-dir", nowhere, "--from", "yesterday"]);
    assert!(day.failure(2).contains("2026-11-21"), "{}", day.stderr);
    let file = folder.path().join("broken.json");
    std::fs::write(&file, "{").expect("written");
    let data = folder.path().join("data");
    let data = data.to_str().expect("text");
    let broken = run(["import", "--data-dir", data, file.to_str().expect("text")]);
    assert!(
        broken.failure(1).contains("cannot be imported"),
        "{}",
        broken.stderr
    );
    for both in [
        ["--data-dir", data],
        ["--keep-days", "3"],
        ["--database", "postgres://x"],
    ] {
        let line = ["serve", "--port", "0", "--no-records"]
            .into_iter()
            .chain(both);
        run(line).failure(2);
    }
    let url = run([
        "serve",
        "--port",
        "0",
        "--data-dir",
        data,
        "--database",
        "mysql://x",
    ]);
    assert!(url.failure(2).contains("postgres://"), "{}", url.stderr);
}

#[test]
fn the_doctor_says_where_records_lie() {
    let folder = folder();
    let data = folder.path().to_str().expect("text");
    let found = run(["doctor", "--json", "--data-dir", data]).json();
    assert_eq!(found["records"]["directory"], data);
    assert_eq!(found["records"]["database"], "sqlite");
    assert_eq!(found["records"]["database_bytes"], Value::Null);
    drop(desk_at(folder.path()));
    let found = run(["doctor", "--json", "--data-dir", data]).json();
    assert!(
        found["records"]["database_bytes"].as_u64() > Some(0),
        "{found}"
    );
}
