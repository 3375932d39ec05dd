//! Askers who leave, whose time is over, who do not listen; and that nothing of them stays.

use std::time::{Duration, Instant};

use engine::{Event, FinishReason, Speculation, SubmitError};

use crate::stage::{ask, ask_all, at_rest, engine, engine_with, hear, question};

#[test]
fn hundreds_who_vanish_leave_no_page_behind() {
    let engine = engine_with("tiny-a", |options| {
        options.most_waiting = 500;
        options.cache_tokens = Some(1024);
    });
    let expected = ask(&engine, question(&["photo"], "What is it?", 10)).ids;
    for wave in 0..5 {
        let pictures = [&["photo"][..], &["label", "odd"], &[]];
        let answers: Vec<_> = (0..60)
            .map(|n| engine.submit(question(pictures[n % 3], &format!("{n} {wave}"), 300)))
            .map(|answer| answer.expect("accepted"))
            .collect();
        // Some hear a word first, some leave while they wait, some while their picture is read.
        for (n, answer) in answers.into_iter().enumerate() {
            if n % 10 == 0 {
                while !matches!(answer.next_event(), Some(Event::Delta(_))) {}
            }
            drop(answer);
        }
    }
    let stats = at_rest(&engine);
    assert_eq!(stats.requests.accepted, 301);
    // On a busy machine a few answers are whole before their asker has gone.
    let whole = stats.requests.ended_length + stats.requests.ended_stop;
    assert_eq!(stats.requests.ended_cancelled + whole, 301);
    assert!(
        stats.requests.ended_cancelled >= 200,
        "{:?}",
        stats.requests
    );
    assert_eq!(stats.kv.cached + stats.kv.free, stats.kv.total);
    assert_eq!(
        ask(&engine, question(&["photo"], "What is it?", 10)).ids,
        expected
    );
}

#[test]
fn an_answer_whose_time_is_over_ends_and_says_so() {
    let engine = engine_with("tiny-a", |options| {
        options.most_running = 1;
        options.context_tokens = Some(4000);
        options.speculation = Speculation::Off;
    });
    let mut short = question(&[], "What is it?", 3500);
    short.time_limit = Some(Duration::from_millis(10));
    let mut never_starts = question(&[], "And what is that?", 400);
    never_starts.time_limit = Some(Duration::ZERO);
    let answers = ask_all(&engine, vec![short, never_starts]);
    for answered in &answers {
        assert_eq!(answered.finished().finish_reason, FinishReason::TimedOut);
    }
    assert!(answers[0].ids.len() < 3500);
    assert_eq!(
        (
            answers[1].ids.len(),
            at_rest(&engine).requests.ended_timed_out
        ),
        (0, 2)
    );
}

#[test]
fn one_who_does_not_listen_holds_up_nobody() {
    let engine = engine("tiny-b");
    let deaf = engine
        .submit(question(&[], "What is it?", 300))
        .expect("accepted");
    for _ in 0..3 {
        ask(&engine, question(&[], "And that?", 60));
    }
    at_rest(&engine);
    // Everything is still there for when the listener comes back.
    assert_eq!(hear(deaf).ids.len(), 300);
}

#[test]
fn those_who_wait_hear_their_place_and_for_how_long() {
    let engine = engine_with("tiny-a", |options| {
        options.most_running = 1;
        options.context_tokens = Some(4000);
        options.speculation = Speculation::Off;
    });
    ask(&engine, question(&[], "to have something measured", 20));
    let running = engine
        .submit(question(&[], "What is it?", 3500))
        .expect("accepted");
    while !matches!(running.next_event(), Some(Event::Delta(_))) {}
    let waiting: Vec<_> = (0..3)
        .map(|n| {
            engine
                .submit(question(&[], &format!("{n}?"), 4))
                .expect("accepted")
        })
        .collect();
    for (place, answer) in waiting.iter().enumerate() {
        match answer.next_event() {
            Some(Event::Queued {
                position,
                wait_ms: Some(wait_ms),
            }) => {
                assert_eq!(position, place);
                assert!(wait_ms > 0);
            }
            other => panic!("expected a place, got {other:?}"),
        }
    }
    drop(running);
    for (place, answer) in waiting.into_iter().enumerate() {
        let mut places = vec![place];
        for event in answer {
            if let Event::Queued { position, .. } = event {
                places.push(position);
            }
        }
        assert!(places.is_sorted_by(|a, b| a > b), "{places:?}");
    }
}

#[test]
fn a_first_token_counts_though_its_asker_leaves_and_is_not_late_because_nobody_listens() {
    let engine = engine("tiny-a");
    let started = Instant::now();
    let deaf = engine
        .submit(question(&[], "What is it?", 100))
        .expect("accepted");
    let stats = at_rest(&engine);
    let took = started.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(hear(deaf).ids.len(), 100);
    assert_eq!(engine.stats().inter_token, stats.inter_token);
    assert_eq!(stats.inter_token.count(), 99);
    assert!(stats.inter_token.sum_s < took);
    let leaves = engine
        .submit(question(&[], "And that?", 400))
        .expect("accepted");
    while !matches!(leaves.next_event(), Some(Event::Delta(_))) {}
    drop(leaves);
    let mut never_starts = question(&[], "And this?", 400);
    never_starts.time_limit = Some(Duration::ZERO);
    ask(&engine, never_starts);
    assert_eq!(at_rest(&engine).first_token.count(), 2);
}

#[test]
fn a_client_gets_no_more_places_than_its_share_and_others_get_theirs() {
    let engine = engine_with("tiny-a", |options| {
        options.most_waiting = 6;
        options.most_running = 2;
    });
    let of = |client: &str| {
        let mut request = question(&[], "What is it?", 400);
        request.client = Some(client.to_owned());
        engine.submit(request)
    };
    let held: Vec<_> = std::iter::from_fn(|| of("script").ok()).take(8).collect();
    assert_eq!(held.len(), 4);
    match of("script").map(drop) {
        Err(SubmitError::OverShare {
            held: 4,
            retry_after_s,
        }) => assert!(retry_after_s > 0),
        other => panic!("expected to be held to a share, got {other:?}"),
    }
    assert_eq!(engine.stats().requests.rejected_busy, 2);
    let team = of("team").expect("there is a place for others");
    drop(held);
    drop(team);
    at_rest(&engine);
    assert!(of("script").is_ok());
}
