//! The records of a desk: what is there after it was killed, and what export and import carry.

mod common;

use std::path::Path;
use std::thread;
use std::time::Instant;

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

/// Asks again and again, each time in a conversation of its own, until the desk is gone.
fn ask_until_it_is_gone(desk: &Desk, question: &Value) {
    let body = question.to_string();
    while let Some(begun) = desk.try_send("POST", "/api/conversations", b"{}") {
        let (_, begun) = begun.split_once("\r\n\r\n").expect("a body");
        let begun: Value = serde_json::from_str(begun).expect("JSON");
        let path = rounds_of(begun["id"].as_str().expect("an id"));
        if desk.try_send("POST", &path, body.as_bytes()).is_none() {
            return;
        }
    }
}

/// Kills a desk while a crowd is answered, and gives what the next one has of it.
fn killed_under_a_crowd(folder: &Path, question: &Value) -> Vec<Value> {
    let desk = desk_at(folder);
    thread::scope(|threads| {
        for _ in 0..CROWD {
            threads.spawn(|| ask_until_it_is_gone(&desk, question));
        }
        let started = Instant::now();
        let answered = || desk.get("/api/insights")["questions"].as_u64();
        while answered() < Some(2 * CROWD as u64) {
            assert!(started.elapsed() < PATIENCE, "nothing is answered");
        }
        desk.kill();
    });
    let desk = desk_at(folder);
    let list = desk.get("/api/conversations?limit=200");
    let list = list["conversations"].as_array().expect("a list").iter();
    let ids = list.map(|one| one["id"].as_str().expect("an id"));
    let mut all: Vec<_> = ids.map(|id| whole(&desk, id)).collect();
    all.retain(|one| one["rounds"][0].is_object());
    // And it goes on, with the picture that came from the records.
    let id = all[0]["id"].as_str().expect("an id");
    let words = json!({"question": "And now?", "settings": {"temperature": 0}});
    assert_eq!(
        ask(&desk, id, &words).last().expect("an ending")["type"],
        "done"
    );
    let picture = &question["pictures"][0];
    let picture = format!("/api/pictures/{}", picture.as_str().expect("an id"));
    assert_eq!(desk.send("GET", &picture, b"").0, 200);
    all
}

#[test]
fn a_desk_that_is_killed_while_it_answers_keeps_the_words_and_says_that_it_was_interrupted() {
    let (file, words) = question();
    // The small model says a sentence in milliseconds: it may take a few deaths to meet one half said.
    for _ in 0..10 {
        let folder = folder();
        let desk = desk_at(folder.path());
        let picture = upload(&desk, &file);
        let id = begin(&desk);
        ask(
            &desk,
            &id,
            &json!({"question": words, "pictures": [picture]}),
        );
        drop(desk);
        let asked =
            json!({"question": words, "pictures": [picture], "settings": {"temperature": 1}});
        let all = killed_under_a_crowd(folder.path(), &asked);
        assert!(all.len() > CROWD);
        let mut half_said = 0;
        for conversation in &all {
            let answer = newest_answer(conversation);
            assert_ne!(answer["state"], "running", "{conversation}");
            assert_eq!(
                conversation["interrupted"],
                answer["state"] == "interrupted"
            );
            assert_eq!(conversation["rounds"][0]["question"], words);
            half_said += usize::from(answer["state"] == "interrupted" && answer["text"] != "");
        }
        if half_said > 0 {
            return;
        }
    }
    panic!("nobody was half answered when the desk was killed: this shows nothing");
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
    #[cfg(unix)]
    {
        // Customers' words and pictures stand in it.
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&out)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
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
