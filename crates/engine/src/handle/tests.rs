use std::path::Path;

use model::chat::{Message, Role};

use super::*;
use crate::{DeviceChoice, EngineOptions, ModelSource, Precision, load};

fn engine() -> Handle {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints/tiny-a");
    let options = EngineOptions {
        // Otherwise rows beside others may be added up in another order.
        precision: Precision::F32,
        device: DeviceChoice::Cpu,
        threads: Some(2),
        context_tokens: Some(512),
        ..EngineOptions::default()
    };
    load(&ModelSource::Directory(path), &options, &mut |_| {}).expect("a golden checkpoint")
}

fn question(text: &str) -> Request {
    let mut request = Request::new(vec![Message::text(Role::User, text)], Vec::new());
    request.sampling.temperature = 0.0;
    request.max_tokens = 8;
    request.ignore_eos = true;
    request
}

fn words(answer: Answer) -> String {
    let mut words = String::new();
    for event in answer {
        match event {
            Event::Delta(delta) => words.push_str(&delta.text),
            Event::Failed(why) => panic!("{why}"),
            _ => {}
        }
    }
    words
}

/// A question that no `submit` would let through: its last token is none of the model's.
fn submit_impossible(engine: &Handle, text: &str) -> Answer {
    let reserved = engine.reserve(None, 1).expect("room").remove(0);
    let mut prepared = engine
        .shared
        .preparer
        .prepare(question(text))
        .expect("fine");
    *prepared.prompt.ids.last_mut().expect("a prompt") = u32::MAX;
    let joined = reserved.join(prepared, Instant::now(), None, None);
    joined.expect("a worker")
}

#[test]
fn a_fault_inside_one_answer_is_told_and_the_next_questions_are_answered() {
    let engine = engine();
    let before = words(engine.submit(question("What is E102?")).expect("accepted"));
    let broken = submit_impossible(&engine, "And what is that?");
    let behind = engine.submit(question("What is E102?")).expect("accepted");
    match broken.last() {
        Some(Event::Failed(why)) => assert!(why.message.contains("ask again"), "{why}"),
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(words(behind), before);
    for _ in 0..3 {
        let last = submit_impossible(&engine, "What is E102?").last();
        assert!(matches!(last, Some(Event::Failed(_))), "{last:?}");
    }
    // All 512 tokens of room are still there.
    let mut long = question("What is E102?");
    long.max_tokens = 480;
    let last = engine.submit(long).expect("accepted").last();
    assert!(matches!(last, Some(Event::Finished(_))), "{last:?}");
    assert_eq!((engine.queue().running, engine.queue().waiting), (0, 0));
}

#[test]
fn a_fault_inside_one_answer_leaves_those_that_share_its_steps_alone() {
    let engine = engine();
    let long = |text: &str| {
        let mut request = question(text);
        request.max_tokens = 300;
        request
    };
    let texts = ["What is E102?", "And what is that?"];
    let alone = texts.map(|text| words(engine.submit(long(text)).expect("accepted")));
    let running = texts.map(|text| engine.submit(long(text)).expect("accepted"));
    let broken: Vec<_> = (0..5)
        .map(|n| submit_impossible(&engine, &format!("{n} is broken")))
        .collect();
    for answer in broken {
        assert!(matches!(answer.last(), Some(Event::Failed(_))));
    }
    assert_eq!(running.map(words), alone);
    let stats = engine.stats();
    assert_eq!((stats.requests.failed, stats.requests.ended_length), (5, 4));
    assert_eq!(stats.kv.used, 0);
}

#[test]
fn places_taken_before_the_work_are_counted_and_come_back_unless_they_are_used() {
    let engine = engine();
    let mut places = engine.reserve(Some("script"), 3).expect("room");
    assert_eq!((engine.queue().running, engine.queue().waiting), (0, 3));
    let mut asked = question("What is E102?");
    asked.client = Some("script".to_owned());
    let answer = places.remove(0).submit(asked).expect("accepted");
    drop(places);
    assert!(!words(answer).is_empty());
    assert_eq!((engine.queue().running, engine.queue().waiting), (0, 0));
    // What cannot be asked gives its place back as well.
    let place = engine.reserve(Some("script"), 1).expect("room").remove(0);
    let mut impossible = question("What is E102?");
    impossible.max_tokens = 5000;
    assert!(matches!(
        place.submit(impossible).map(drop),
        Err(SubmitError::TooLong { .. })
    ));
    let all = engine.reserve(None, 48).expect("all are free");
    assert!(engine.submit(question("?")).is_err());
    drop(all);
    assert_eq!((engine.queue().running, engine.queue().waiting), (0, 0));
}

#[test]
fn what_is_to_be_forgotten_is_computed_again() {
    let engine = engine();
    let cached = || {
        let text = "What is E102, and why does the red light beside it blink three times?";
        match engine.submit(question(text)).expect("accepted").last() {
            Some(Event::Finished(finished)) => finished.usage.cached_tokens,
            other => panic!("expected an end, got {other:?}"),
        }
    };
    assert_eq!(cached(), 0);
    assert!(cached() > 0, "the same words are found again");
    engine.forget();
    assert_eq!(cached(), 0);
    assert!(cached() > 0, "and what comes later is kept again");
    // Pages in use are not given away; they are free once their users are done.
    let mut long = question("Say it again, slowly.");
    long.max_tokens = 200;
    let answer = engine.submit(long).expect("accepted");
    assert!(answer.next_event().is_some());
    engine.forget();
    assert!(matches!(answer.last(), Some(Event::Finished(_))));
    let kv = engine.stats().kv;
    assert_eq!(kv.used, 0, "{kv:?}");
    assert_eq!(kv.cached + kv.free, kv.total, "{kv:?}");
}
