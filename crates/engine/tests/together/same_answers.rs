//! Whatever runs beside it, is shared with it, pushes it out or is guessed ahead: an answer is the one
//! it would be alone.

use engine::sampling::Sampling;
use engine::{Request, Speculation};

use crate::stage::{Answered, ask, ask_all, at_rest, engine_with};

/// Questions that share pictures, words, both or nothing.
fn questions(tokens: usize) -> Vec<Request> {
    let ask = |pictures: &[&str], words| crate::stage::question(pictures, words, tokens);
    vec![
        ask(&["label"], "What is the model?"),
        ask(&["photo"], "What is the model?"),
        ask(&["label"], "What is the date on it?"),
        ask(&[], "What is E102? What is E102? What is E102?"),
        ask(&["odd", "gray"], "Which of them?"),
        ask(&["odd", "label"], "Which of them?"),
        ask(&[], "What is E102?"),
        ask(&["photo"], "What is the model?"),
    ]
}

fn alone(model: &str, tokens: usize) -> Vec<Vec<u32>> {
    let engine = engine_with(model, |options| {
        options.speculation = Speculation::Off;
        options.most_running = 1;
    });
    let ids = |request| ask(&engine, request).ids;
    questions(tokens).into_iter().map(ids).collect()
}

fn ids(answers: &[Answered]) -> Vec<Vec<u32>> {
    answers
        .iter()
        .map(|answered| answered.ids.clone())
        .collect()
}

#[test]
fn questions_asked_together_get_the_answers_they_get_alone() {
    for model in ["tiny-a", "tiny-b", "demo"] {
        let alone = alone(model, 40);
        for speculation in [Speculation::Off, Speculation::On, Speculation::Auto] {
            let engine = engine_with(model, |options| options.speculation = speculation);
            for round in 0..2 {
                let together = ask_all(&engine, questions(40));
                assert_eq!(
                    ids(&together),
                    alone,
                    "{model} {speculation:?} round {round}"
                );
            }
            let stats = at_rest(&engine);
            assert!(
                stats.tokens.steps < stats.tokens.completion,
                "{model}: rows shared steps"
            );
        }
    }
}

#[test]
fn questions_that_push_each_other_out_get_the_answers_they_get_alone() {
    for (model, speculation) in [("tiny-a", Speculation::On), ("tiny-b", Speculation::Off)] {
        let alone = alone(model, 300);
        // Eight answers of 300 tokens and more, in room for one and a half.
        let engine = engine_with(model, |options| {
            options.cache_tokens = Some(800);
            options.speculation = speculation;
        });
        let together = ask_all(&engine, questions(300));
        assert_eq!(ids(&together), alone, "{model}");
        let stats = at_rest(&engine);
        assert!(stats.requests.preempted > 0, "{stats:?}");
        assert_eq!(stats.requests.ended_length, 8);
    }
}

#[test]
fn guesses_change_no_token_not_even_of_a_drawn_answer_with_penalties() {
    for model in ["tiny-a", "demo"] {
        let drawn = |speculation| {
            let engine = engine_with(model, |options| options.speculation = speculation);
            let requests = questions(60)
                .into_iter()
                .enumerate()
                .map(|(seed, request)| Request {
                    sampling: Sampling {
                        temperature: 0.7,
                        presence_penalty: 0.3,
                        repetition_penalty: 1.05,
                        seed: Some(seed as u64),
                        ..Sampling::default()
                    },
                    ..request
                });
            let ids = ids(&ask_all(&engine, requests.collect()));
            (ids, at_rest(&engine).speculation)
        };
        let (without, none) = drawn(Speculation::Off);
        let (with, some) = drawn(Speculation::On);
        assert_eq!(with, without, "{model}");
        assert_eq!(none.proposed, 0);
        assert!(some.proposed > 0 && some.accepted <= some.proposed);
    }
}

#[test]
fn right_guesses_are_counted_and_save_steps() {
    let engine = engine_with("tiny-a", |options| options.speculation = Speculation::On);
    let answered = ask(&engine, crate::stage::question(&[], "0 0 0 0 0 0", 200));
    let usage = answered.finished().usage;
    assert_eq!(usage.completion_tokens, 200);
    let stats = at_rest(&engine);
    assert_eq!(stats.speculation.accepted as usize, usage.accepted_tokens);
    assert_eq!(stats.speculation.proposed as usize, usage.drafted_tokens);
    // The prompt's step gives the first token; each later step one and those guessed right.
    assert_eq!(stats.tokens.steps as usize, 200 - usage.accepted_tokens);
    assert!(usage.accepted_tokens > 0, "{usage:?}");
}
