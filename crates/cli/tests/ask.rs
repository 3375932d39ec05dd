//! `lookdesk ask` with the embedded model, from the files on disk to the words on stdout.

mod common;

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{lookdesk, names, repository, run, run_with_stdin, sample, samples};
use serde_json::{Value, json};

/// A sample, asked for JSON with the likeliest words.
fn asked(picture: &str, question: &str, more: &[&str]) -> Value {
    asked_about(&[picture], question, more)
}

/// One or more sample pictures, asked for JSON with the likeliest words.
fn asked_about(pictures: &[&str], question: &str, more: &[&str]) -> Value {
    let mut arguments: Vec<String> = ["ask", "--json", "--temperature", "0"]
        .map(str::to_owned)
        .into();
    for picture in pictures {
        let path = sample(picture);
        arguments.push("--image".to_owned());
        arguments.push(path.to_str().expect("a plain path").to_owned());
    }
    arguments.push(question.to_owned());
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    run(arguments).json()
}

#[test]
fn every_sample_is_answered_right_in_both_languages() {
    for entry in samples() {
        let files: Vec<&str> = match &entry["files"] {
            Value::Array(files) => files.iter().filter_map(Value::as_str).collect(),
            _ => vec![entry["file"].as_str().expect("a file")],
        };
        let answer = entry["answer"].as_str().expect("an answer");
        let chinese = entry["answer_zh"].as_str().unwrap_or(answer);
        for (question, expected) in [("question_en", answer), ("question_zh", chinese)] {
            let question = entry[question].as_str().expect("a question");
            let reply = asked_about(&files, question, &[]);
            let answer = reply["answer"].as_str().expect("an answer");
            assert!(answer.contains(expected), "{files:?}: {question} {answer}");
        }
    }
}

#[test]
fn words_go_to_stdout_and_the_demo_model_is_named_on_stderr() {
    let picture = sample("panel-error.png");
    let picture = picture.to_str().unwrap();
    let run = run([
        "ask",
        "--temperature",
        "0",
        "--image",
        picture,
        "What is the error code?",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    assert!(run.stdout.contains("E74"), "{}", run.stdout);
    assert!(
        run.stderr.contains("the small demo model answers"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_json_object_keeps_its_shape() {
    let reply = asked(
        "panel-error.png",
        "What is the error code?",
        &["--logprobs", "3"],
    );
    assert_eq!(
        names(&reply),
        [
            "answer",
            "device",
            "finish_reason",
            "memory",
            "model",
            "precision",
            "timings",
            "tokens",
            "usage"
        ]
    );
    assert_eq!(
        names(&reply["usage"]),
        [
            "accepted_tokens",
            "cached_tokens",
            "completion_tokens",
            "drafted_tokens",
            "image_tokens",
            "prompt_tokens"
        ]
    );
    assert_eq!(
        names(&reply["timings"]),
        [
            "decode_ms",
            "decode_tokens_per_s",
            "image_ms",
            "load_ms",
            "prefill_ms",
            "ttft_ms",
            "vision_ms"
        ]
    );
    assert_eq!(names(&reply["memory"]), ["peak_rss_bytes"]);
    assert!(reply["memory"]["peak_rss_bytes"].as_u64().unwrap() > 10_000_000);
    assert_eq!(reply["finish_reason"], "stop");
    assert_eq!(reply["precision"], "bf16");
    for timing in ["load_ms", "vision_ms", "prefill_ms", "ttft_ms"] {
        assert!(
            reply["timings"][timing].as_f64().unwrap() > 0.0,
            "{timing}: {reply}"
        );
    }
    let usage = &reply["usage"];
    assert!(usage["image_tokens"].as_u64().unwrap() > 0, "{usage}");
    assert!(
        usage["prompt_tokens"].as_u64() > usage["image_tokens"].as_u64(),
        "{usage}"
    );
}

#[test]
fn tokens_tell_their_text_and_the_likeliest_alternatives() {
    let reply = asked(
        "panel-error.png",
        "What is the error code?",
        &["--logprobs", "3"],
    );
    let tokens = reply["tokens"].as_array().unwrap();
    assert!(!tokens.is_empty());
    for token in tokens {
        assert_eq!(names(token), ["id", "logprob", "text", "top"]);
        let top = token["top"].as_array().unwrap();
        assert_eq!(top.len(), 3);
        assert_eq!(names(&top[0]), ["id", "logprob", "text"]);
        assert_eq!(top[0]["id"], token["id"], "greedy takes the likeliest");
        assert_eq!(top[0]["logprob"], token["logprob"]);
        let logprobs: Vec<f64> = top
            .iter()
            .map(|entry| entry["logprob"].as_f64().unwrap())
            .collect();
        assert!(
            logprobs.is_sorted_by(|a, b| a >= b) && logprobs[0] <= 0.0,
            "{logprobs:?}"
        );
    }
    let without = asked("panel-error.png", "What is the error code?", &[]);
    assert_eq!(without["tokens"][0]["top"], json!([]));
}

#[test]
fn the_same_seed_gives_the_same_words() {
    let ask = |seed| {
        let picture = sample("router-label.png");
        let picture = picture.to_str().unwrap();
        let settings = [
            "--temperature",
            "2",
            "--top-p",
            "1",
            "--top-k",
            "0",
            "--max-tokens",
            "12",
        ];
        let question = ["--image", picture, "--seed", seed, "Describe it."];
        let mut arguments = vec!["ask", "--json"];
        arguments.extend(settings);
        arguments.extend(question);
        run(arguments).json()["answer"].clone()
    };
    assert_eq!(ask("7"), ask("7"));
    assert!(
        ["8", "9", "10", "11"]
            .iter()
            .any(|seed| ask(seed) != ask("7"))
    );
}

#[test]
fn an_answer_ends_at_its_most_tokens_and_says_so() {
    let reply = asked(
        "panel-error.png",
        "What is the error code?",
        &["--max-tokens", "1"],
    );
    assert_eq!(reply["finish_reason"], "length");
    assert_eq!(reply["usage"]["completion_tokens"], 1);
}

#[test]
fn an_answer_ends_before_a_stop_text() {
    let question = "What is the error code?";
    let whole = asked("panel-error.png", question, &[])["answer"].clone();
    let (before, _) = whole.as_str().unwrap().split_once("74").unwrap();
    let reply = asked("panel-error.png", question, &["--stop", "74"]);
    assert_eq!(
        (&reply["answer"], &reply["finish_reason"]),
        (&json!(before), &json!("stop"))
    );
}

#[test]
fn the_question_can_come_from_stdin() {
    let picture = sample("panel-error.png");
    let arguments = [
        "ask",
        "--temperature",
        "0",
        "--image",
        picture.to_str().unwrap(),
        "-",
    ];
    let run = run_with_stdin(arguments, "屏幕显示的错误码是什么?\n".as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    assert!(run.stdout.contains("E74"), "{}", run.stdout);
}

#[test]
fn a_file_of_messages_asks_what_the_options_ask() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("messages.json");
    let bytes = std::fs::read(sample("panel-error.png")).unwrap();
    let url = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let messages = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "What is the error code?"},
    ]}]);
    std::fs::write(&file, messages.to_string()).unwrap();
    let file = file.to_str().unwrap();

    let from_file = run(["ask", "--json", "--temperature", "0", "--messages", file]).json();
    let from_options = asked("panel-error.png", "What is the error code?", &[]);

    assert_eq!(from_file["answer"], from_options["answer"]);
    assert_eq!(from_file["usage"], from_options["usage"]);
    assert_eq!(from_file["tokens"], from_options["tokens"]);
}

#[test]
fn a_conversation_of_two_rounds_goes_on_with_a_question() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(
        sample("panel-error.png"),
        directory.path().join("panel.png"),
    )
    .unwrap();
    let file = directory.path().join("messages.json");
    let messages = json!([
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "panel.png"}},
            {"type": "text", "text": "What is the error code?"},
        ]},
        {"role": "assistant", "content": "E74"},
    ]);
    std::fs::write(&file, messages.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let again = "What is the error code?";

    let reply = run([
        "ask",
        "--json",
        "--temperature",
        "0",
        "--messages",
        file,
        again,
    ])
    .json();

    let single = asked("panel-error.png", again, &[]);
    assert!(reply["answer"].as_str().unwrap().contains("E74"), "{reply}");
    assert_eq!(
        reply["usage"]["image_tokens"],
        single["usage"]["image_tokens"]
    );
    assert!(reply["usage"]["prompt_tokens"].as_u64() > single["usage"]["prompt_tokens"].as_u64());
}

#[test]
fn a_picture_on_a_network_is_never_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("messages.json");
    let url = "http://127.0.0.1:9/label.png";
    let messages = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url}}]}]);
    std::fs::write(&file, messages.to_string()).unwrap();
    let run = run(["ask", "--messages", file.to_str().unwrap(), "What is it?"]);
    let text = run.failure(1);
    assert!(
        text.contains(url) && text.contains("save the picture"),
        "{text}"
    );
}

#[test]
fn a_wrong_command_line_ends_with_2_and_one_sentence() {
    let cases: [(&[&str], &str); 9] = [
        (&["ask"], "<QUESTION>"),
        (&["ask", " "], "the question is empty"),
        (&["ask", "hello", "--temperature", "9"], "temperature is 9"),
        (
            &["ask", "hello", "--top-p", "-1"],
            "top_p is -1; it must be",
        ),
        (&["ask", "hello", "--threads", "0"], "--threads"),
        (&["ask", "hello", "--precision", "int4"], "bf16"),
        (&["ask", "hello", "--imag", "a.png"], "'--image'"),
        (
            &["ask", "--system", "x", "--messages", "y.json"],
            "cannot be used with",
        ),
        (&["answer"], "unrecognized subcommand 'answer'"),
    ];
    for (arguments, expected) in cases {
        let run = run(arguments);
        let text = run.failure(2);
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn a_file_that_is_no_picture_ends_with_1_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8]); 3] = [
        ("empty.png", b""),
        ("words.png", b"these are words"),
        ("cut.png", b"\x89PNG\r\n\x1a\n"),
    ];
    for (name, bytes) in cases {
        let file = directory.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let run = run(["ask", "--image", file.to_str().unwrap(), "What is it?"]);
        let text = run.failure(1);
        assert!(text.starts_with("picture 1: "), "{text}");
    }
    let run = run(["ask", "--image", "/nowhere/label.png", "What is it?"]);
    assert!(run.failure(1).contains("/nowhere/label.png"));
}

#[test]
fn a_directory_without_a_model_ends_with_1_and_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(
        run(["ask", "--model", path, "hello"])
            .failure(1)
            .contains(path)
    );
}

#[test]
fn the_environment_can_name_the_model() {
    let model = repository().join("golden/checkpoints/tiny-b");
    let output = lookdesk()
        .env("LOOKDESK_MODEL", &model)
        .args(["ask", "--json", "--max-tokens", "2", "hello"])
        .output()
        .unwrap();
    let run = common::Run::from(output);
    assert_eq!(run.json()["model"], "tiny-b");
    assert!(!run.stderr.contains("demo"), "{}", run.stderr);
}

#[test]
fn a_question_beyond_the_context_is_refused_with_its_size() {
    let words = "word ".repeat(3000);
    let run = run(["ask", "--context-tokens", "512", &words]);
    let text = run.failure(1);
    assert!(text.contains("512"), "{text}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = lookdesk()
        .args(["ask", "--temperature", "0", "What is this?"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = common::Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}
