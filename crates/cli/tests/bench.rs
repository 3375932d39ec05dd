//! `lookdesk bench` with the embedded model.

mod common;

use common::{names, run, sample};

#[cfg(unix)]
use common::lookdesk;

#[test]
fn the_json_object_is_that_of_ask_with_medians_and_their_spread() {
    let reply = run(["bench", "--json", "--repeat", "3", "--max-tokens", "8"]).json();
    assert_eq!(
        names(&reply),
        [
            "answer",
            "device",
            "finish_reason",
            "memory",
            "model",
            "precision",
            "repeat",
            "spread",
            "timings",
            "tokens",
            "usage"
        ]
    );
    assert_eq!(names(&reply["spread"]), names(&reply["timings"]));
    for name in names(&reply["timings"]) {
        let value = |of: &serde_json::Value| of.as_f64().unwrap_or_else(|| panic!("{reply}"));
        let (median, range) = (value(&reply["timings"][name]), &reply["spread"][name]);
        assert!(
            value(&range["min"]) <= median && median <= value(&range["max"]),
            "{name}: {reply}"
        );
    }
    assert_eq!(
        reply["usage"]["completion_tokens"], 8,
        "stop ids are ignored"
    );
    assert_eq!(reply["finish_reason"], "length");
}

#[test]
fn the_default_question_puts_28_tokens_around_its_picture() {
    let reply = run(["bench", "--json", "--repeat", "1", "--max-tokens", "1"]).json();
    let count = |name: &str| reply["usage"][name].as_u64().unwrap();
    assert_eq!(count("prompt_tokens") - count("image_tokens"), 28);
    assert_eq!(
        count("cached_tokens"),
        0,
        "no cache answers in place of the model"
    );
}

#[test]
fn a_given_picture_is_read_anew_in_every_run() {
    let picture = sample("panel-error.png");
    let picture = picture.to_str().unwrap();
    let reply = run([
        "bench",
        "--json",
        "--image",
        picture,
        "--max-tokens",
        "2",
        "What is it?",
    ])
    .json();
    assert!(reply["usage"]["image_tokens"].as_u64().unwrap() > 0);
    assert!(
        reply["usage"]["cached_tokens"].as_u64().unwrap() < 10,
        "{reply}"
    );
    // Looking a picture up takes microseconds, reading it milliseconds.
    assert!(
        reply["spread"]["vision_ms"]["min"].as_f64().unwrap() > 1.0,
        "{reply}"
    );
}

#[test]
fn people_get_a_table() {
    let run = run([
        "bench",
        "--repeat",
        "1",
        "--max-tokens",
        "2",
        "--picture",
        "64x64",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for word in [
        "lookdesk-demo",
        "first token",
        "tokens/s",
        "at its peak",
        "1 run",
    ] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
}

#[test]
fn a_wrong_size_is_explained() {
    let run = run(["bench", "--picture", "big"]);
    assert!(run.failure(2).contains("such as 1024x768"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_at_once_and_quietly() {
    use std::process::{Command, Stdio};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    let mut child = lookdesk()
        .args(["bench", "--repeat", "1000", "--max-tokens", "512"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    common::until_it_minds_interrupts(&child);
    let pressed = Instant::now();
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    while child.try_wait().unwrap().is_none() && pressed.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(20));
    }
    // Ends the child where the test is about to fail; says nothing where it has ended.
    let _ = child.kill();
    let run = common::Run::from(child.wait_with_output().unwrap());
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(130), ""),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn several_questions_at_once_tell_what_each_waited_and_what_all_got() {
    let reply = run([
        "bench",
        "--json",
        "--repeat",
        "2",
        "--max-tokens",
        "6",
        "--concurrent",
        "3",
        "--picture",
        "64x64",
    ])
    .json();
    let runs = reply["runs"].as_array().unwrap();
    assert_eq!((runs.len(), &reply["concurrent"]), (2, &3.into()));
    for run in runs {
        let waits: Vec<f64> = run["ttft_ms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|ms| ms.as_f64().unwrap())
            .collect();
        assert!(
            waits.len() == 3 && waits.is_sorted() && waits[0] > 0.0,
            "{run}"
        );
        assert!(run["tokens_per_s"].as_f64().unwrap() > 0.0, "{run}");
    }
}
