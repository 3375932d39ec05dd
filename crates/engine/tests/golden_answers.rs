//! Whole answers through the engine's front door: the golden prompts, cached conversations, stop,
//! cancellation, refusals.

mod emulated;
#[path = "golden_answers/on_cuda.rs"]
mod on_cuda;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::sampling::Sampling;
use engine::{
    DeviceChoice, EngineOptions, Event, FinishReason, Finished, Handle, ModelSource, Precision,
    Request, SubmitError, load,
};
use model::chat::{Message, Part, Role};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden")
}

fn engine_with(checkpoint: &str, change: impl FnOnce(&mut EngineOptions)) -> Handle {
    let mut options = EngineOptions {
        precision: Precision::F32,
        device: DeviceChoice::Cpu,
        threads: Some(2),
        image_tokens: 16_384,
        context_tokens: Some(512),
        ..EngineOptions::default()
    };
    change(&mut options);
    let source = ModelSource::Directory(golden().join("checkpoints").join(checkpoint));
    load(&source, &options, &mut |_| {}).expect("a golden checkpoint loads")
}

fn engine(checkpoint: &str) -> Handle {
    engine_with(checkpoint, |_| {})
}

fn prompts(checkpoint: &str) -> Vec<Value> {
    let text = std::fs::read(golden().join(checkpoint).join("prompts.json")).expect("prompts");
    serde_json::from_slice::<Vec<Value>>(&text).expect("prompts")
}

/// The pixels that count as the decoded input, losslessly stored.
fn picture(name: &str) -> Arc<[u8]> {
    let path = golden().join(format!("images/decoded/{name}.png"));
    std::fs::read(path).expect("a golden picture").into()
}

/// A stored prompt as a greedy request for 24 tokens that ignores the end tokens.
fn request(prompt: &Value) -> Request {
    let mut pictures = Vec::new();
    let names: Vec<&str> = prompt["images"]
        .as_array()
        .expect("images")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let message = |message: &Value| {
        let role = match message["role"].as_str() {
            Some("system") => Role::System,
            Some("assistant") => Role::Assistant,
            _ => Role::User,
        };
        let content = match &message["content"] {
            Value::String(text) => vec![Part::Text(text.clone())],
            parts => parts
                .as_array()
                .expect("parts")
                .iter()
                .map(|part| match part["text"].as_str() {
                    Some(text) => Part::Text(text.to_owned()),
                    None => {
                        pictures.push(picture(names[pictures.len()]));
                        Part::Picture(pictures.len() - 1)
                    }
                })
                .collect(),
        };
        Message { role, content }
    };
    let messages = prompt["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(message)
        .collect();
    let mut request = Request::new(messages, pictures);
    request.sampling.temperature = 0.0;
    request.max_tokens = 24;
    request.ignore_eos = true;
    request
}

struct Answered {
    ids: Vec<u32>,
    text: String,
    finished: Finished,
}

fn ask(engine: &Handle, request: Request) -> Answered {
    let (mut ids, mut text) = (Vec::new(), String::new());
    for event in engine.submit(request).expect("accepted") {
        match event {
            Event::Delta(delta) => {
                ids.extend(delta.tokens.iter().map(|token| token.id));
                text.push_str(&delta.text);
            }
            Event::Finished(finished) => {
                return Answered {
                    ids,
                    text,
                    finished,
                };
            }
            Event::Failed(why) => panic!("{why}"),
            _ => {}
        }
    }
    panic!("an answer ended without saying how");
}

#[test]
fn every_golden_prompt_gives_its_greedy_words() {
    for checkpoint in ["tiny-a", "tiny-b"] {
        let engine = engine(checkpoint);
        for prompt in prompts(checkpoint) {
            let name = format!("{checkpoint} {}", prompt["name"]);
            let answered = ask(&engine, request(&prompt));
            let expected: Vec<u32> =
                serde_json::from_value(prompt["greedy_ids"].clone()).expect("ids");
            assert_eq!(answered.ids, expected, "{name}");
            assert_eq!(
                Some(answered.text.as_str()),
                prompt["greedy_text"].as_str(),
                "{name}"
            );
            let usage = answered.finished.usage;
            assert_eq!(
                Some(usage.prompt_tokens as u64),
                prompt["tokens"].as_u64(),
                "{name}"
            );
            assert_eq!(usage.completion_tokens, 24);
            assert_eq!(answered.finished.finish_reason, FinishReason::Length);
        }
    }
}

#[test]
fn a_question_asked_again_computes_one_token_and_says_the_same() {
    let engine = engine("tiny-a");
    for prompt in prompts("tiny-a") {
        let first = ask(&engine, request(&prompt));
        let second = ask(&engine, request(&prompt));
        assert_eq!((first.ids, first.text), (second.ids, second.text));
        let usage = second.finished.usage;
        assert_eq!(usage.cached_tokens, usage.prompt_tokens - 1);
    }
}

#[test]
fn a_second_round_goes_on_from_the_first_and_equals_a_fresh_run() {
    let prompt = &prompts("tiny-b")[1];
    let warm = engine("tiny-b");
    let first = ask(&warm, request(prompt));
    let second_round = || {
        let mut request = request(prompt);
        request
            .messages
            .push(Message::text(Role::Assistant, first.text.clone()));
        request
            .messages
            .push(Message::text(Role::User, "再说一次 E102?"));
        request
    };
    let warm = ask(&warm, second_round());
    let cold = ask(&engine("tiny-b"), second_round());
    assert_eq!(warm.ids, cold.ids);
    let cached = warm.finished.usage.cached_tokens;
    assert!(
        cached >= first.finished.usage.prompt_tokens,
        "only {cached} tokens were cached"
    );
    assert_eq!(cold.finished.usage.cached_tokens, 0);
}

#[test]
fn the_same_words_about_another_picture_give_that_pictures_answer() {
    let engine = engine("tiny-a");
    let ask_about = |engine: &Handle, name: &str| {
        let message = Message {
            role: Role::User,
            content: vec![Part::Picture(0), Part::Text("what is it?".to_owned())],
        };
        let mut request = Request::new(vec![message], vec![picture(name)]);
        request.sampling.temperature = 0.0;
        request.ignore_eos = true;
        request.max_tokens = 12;
        ask(engine, request).ids
    };
    let fresh: Vec<_> = ["photo", "exif6"]
        .map(|name| ask_about(&self::engine("tiny-a"), name))
        .into();
    assert_ne!(fresh[0], fresh[1]);
    for (index, name) in ["photo", "exif6", "photo", "exif6"].into_iter().enumerate() {
        assert_eq!(
            ask_about(&engine, name),
            fresh[index % 2],
            "{name}, question {index}"
        );
    }
}

/// The cached beginning ends where the second picture begins.
#[test]
fn a_conversation_that_parts_at_a_later_picture_equals_a_fresh_run() {
    let warm = engine("tiny-b");
    let about = |engine: &Handle, names: [&str; 2], words: &str| {
        let content = vec![
            Part::Picture(0),
            Part::Text("and".to_owned()),
            Part::Picture(1),
            Part::Text(words.to_owned()),
        ];
        let pictures = names.map(picture).into();
        let mut request = Request::new(
            vec![Message {
                role: Role::User,
                content,
            }],
            pictures,
        );
        request.sampling.temperature = 0.0;
        request.ignore_eos = true;
        request.max_tokens = 8;
        ask(engine, request)
    };
    about(&warm, ["label", "odd"], "?");
    let mut cached = Vec::new();
    for words in ["?", "what is it?", ""] {
        let names = ["label", "gray"];
        let warm = about(&warm, names, words);
        let cold = about(&engine("tiny-b"), names, words);
        assert_eq!(warm.ids, cold.ids, "{words:?}");
        cached.push(warm.finished.usage.cached_tokens);
    }
    assert!(cached[1] > 0 && cached[2] > 0, "{cached:?}");
}

#[test]
fn a_question_cancelled_before_its_first_word_can_be_asked_again() {
    let engine = engine("tiny-a");
    let prompt = &prompts("tiny-a")[4];
    let cancelled = engine.submit(request(prompt)).expect("accepted");
    cancelled.cancel();
    assert!(
        matches!(cancelled.last(), Some(Event::Finished(end)) if end.finish_reason == FinishReason::Cancelled)
    );
    let expected: Vec<u32> = serde_json::from_value(prompt["greedy_ids"].clone()).expect("ids");
    assert_eq!(ask(&engine, request(prompt)).ids, expected);
}

#[test]
fn the_same_seed_gives_the_same_words_and_another_seed_others() {
    let engine = engine("tiny-a");
    let prompt = &prompts("tiny-a")[0];
    let draw = |seed| {
        let mut request = request(prompt);
        request.sampling = Sampling {
            temperature: 1.5,
            top_k: 0,
            top_p: 1.0,
            seed: Some(seed),
            ..Sampling::default()
        };
        ask(&engine, request).ids
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

#[test]
fn a_stop_string_ends_the_answer_before_itself() {
    let engine = engine("tiny-a");
    let prompt = &prompts("tiny-a")[0];
    let whole = ask(&engine, request(prompt)).text;
    let stop: String = whole.chars().skip(6).take(3).collect();
    let mut with_stop = request(prompt);
    with_stop.stop = vec![stop.clone()];
    let answered = ask(&engine, with_stop);
    assert_eq!(answered.finished.finish_reason, FinishReason::Stop);
    assert_eq!(
        answered.text,
        whole[..whole.find(&stop).expect("it is there")]
    );
}

#[test]
fn a_cancelled_answer_ends_and_leaves_room_for_the_next() {
    let engine = engine("tiny-a");
    let mut long = request(&prompts("tiny-a")[1]);
    long.max_tokens = 400;
    let answer = engine.submit(long).expect("accepted");
    let mut seen = 0;
    let finished = loop {
        match answer.next_event().expect("an end") {
            Event::Delta(_) => {
                seen += 1;
                answer.cancel();
            }
            Event::Finished(finished) => break finished,
            _ => {}
        }
    };
    assert!(seen > 0);
    assert_eq!(finished.finish_reason, FinishReason::Cancelled);
    assert!(finished.usage.completion_tokens < 400);
    ask(&engine, request(&prompts("tiny-a")[0]));
    assert_eq!((engine.queue().running, engine.queue().waiting), (0, 0));
}

#[test]
fn askers_wait_their_turn_and_are_told_their_place() {
    let engine = engine_with("tiny-a", |options| {
        options.most_waiting = 2;
        options.most_running = 1;
    });
    let mut long = request(&prompts("tiny-a")[1]);
    long.max_tokens = 440;
    let running = engine.submit(long).expect("accepted");
    // Wait until it runs, so that it no longer counts as waiting.
    while !matches!(running.next_event(), Some(Event::Delta(_))) {}
    let short = || engine.submit(request(&prompts("tiny-a")[0]));
    let (first, second) = (short().expect("accepted"), short().expect("accepted"));
    match short().map(|_| ()) {
        Err(SubmitError::Busy {
            waiting,
            retry_after_s,
        }) => {
            assert_eq!(waiting, 2);
            assert!(retry_after_s > 0);
        }
        other => panic!("expected busy, got {other:?}"),
    }
    assert!(matches!(
        first.next_event(),
        Some(Event::Queued { position: 0, .. })
    ));
    assert!(matches!(
        second.next_event(),
        Some(Event::Queued { position: 1, .. })
    ));
    drop(running);
    for waiting in [first, second] {
        assert!(matches!(waiting.last(), Some(Event::Finished(_))));
    }
}

#[test]
fn a_waiting_question_that_is_cancelled_is_told_its_end() {
    let engine = engine_with("tiny-a", |options| options.most_running = 1);
    let mut long = request(&prompts("tiny-a")[1]);
    long.max_tokens = 440;
    let running = engine.submit(long).expect("accepted");
    while !matches!(running.next_event(), Some(Event::Delta(_))) {}
    let waiting = engine
        .submit(request(&prompts("tiny-a")[0]))
        .expect("accepted");
    waiting.cancel();
    match waiting.last() {
        Some(Event::Finished(finished)) => {
            assert_eq!(finished.finish_reason, FinishReason::Cancelled);
            assert_eq!(finished.usage.completion_tokens, 0);
        }
        other => panic!("expected an end, got {other:?}"),
    }
}

/// The files of a golden checkpoint, one of them changed.
fn changed_checkpoint(name: &str, file: &str, change: impl Fn(&mut Value)) -> ModelSource {
    let directory = golden().join("checkpoints").join(name);
    let mut files: Vec<(&'static str, &'static [u8])> = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a checkpoint") {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("a file");
        let own = path.file_name().expect("a name").to_string_lossy();
        if own == file {
            let mut value = serde_json::from_slice(&bytes).expect("JSON");
            change(&mut value);
            bytes = serde_json::to_vec(&value).expect("JSON");
        }
        files.push((own.into_owned().leak(), bytes.leak()));
    }
    ModelSource::Embedded {
        name: "changed",
        files: files.leak(),
    }
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_model_is_refused() {
    let source = changed_checkpoint("tiny-a", "tokenizer.json", |json| {
        let added = json["added_tokens"].as_array_mut().expect("a list");
        for id in 496..=512 {
            let mut token = added[0].clone();
            token["id"] = id.into();
            token["content"] = format!("<|extra_{id}|>").into();
            added.push(token);
        }
    });
    let error = load(&source, &EngineOptions::default(), &mut |_| {})
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    assert!(error.contains("513") && error.contains("512"), "{error}");
}

#[test]
fn a_context_of_no_tokens_still_starts() {
    let engine = engine_with("tiny-a", |options| options.context_tokens = Some(0));
    let refused = engine.submit(request(&prompts("tiny-a")[0]));
    assert!(matches!(refused, Err(SubmitError::TooLong { .. })));
}

#[test]
fn what_can_never_fit_is_refused_with_the_numbers() {
    let engine = engine("tiny-a");
    let mut request = request(&prompts("tiny-a")[1]);
    request.max_tokens = 500;
    match engine.submit(request).map(|_| ()) {
        Err(SubmitError::TooLong {
            needed,
            prompt,
            image,
            answer,
            limit,
        }) => {
            assert_eq!((prompt, image, answer, limit), (51, 24, 500, 512));
            assert_eq!(needed, 551);
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn a_picture_that_cannot_be_read_is_named() {
    let engine = engine("tiny-a");
    let mut request = request(&prompts("tiny-a")[1]);
    request.pictures.push(Arc::from(&b"not a picture"[..]));
    let error = engine
        .submit(request)
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    assert!(error.starts_with("picture 2: "), "{error}");
}

#[test]
fn logprobs_are_those_of_the_reference() {
    let engine = engine("tiny-b");
    for prompt in prompts("tiny-b") {
        let mut request = request(&prompt);
        request.top_logprobs = 5;
        let mut tokens = Vec::new();
        for event in engine.submit(request).expect("accepted") {
            if let Event::Delta(delta) = event {
                tokens.extend(delta.tokens);
            }
        }
        let ids: Vec<Vec<u32>> =
            serde_json::from_value(prompt["greedy_top5_ids"].clone()).expect("ids");
        let logprobs: Vec<Vec<f32>> =
            serde_json::from_value(prompt["greedy_top5_logprobs"].clone()).expect("logprobs");
        assert_eq!(tokens.len(), 24);
        for (step, token) in tokens.iter().enumerate() {
            for (rank, top) in token.top.iter().enumerate() {
                assert_eq!(top.id, ids[step][rank], "{} step {step}", prompt["name"]);
                let off = (top.logprob - logprobs[step][rank]).abs();
                assert!(off < 2e-4, "{} step {step}: off by {off}", prompt["name"]);
            }
            assert_eq!(token.logprob, token.top[0].logprob);
        }
    }
}
