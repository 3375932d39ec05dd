//! What is computed once for several questions, and what never is.

use crate::stage::{Answered, ask, ask_all, at_rest, bitmap, engine, engine_with, question};

#[test]
fn the_same_question_asked_several_times_at_once_is_computed_once() {
    let engine = engine("tiny-a");
    let words = "a long question ".repeat(12);
    let asked = || question(&["photo"], &words, 8);
    let answers = ask_all(&engine, vec![asked(), asked(), asked(), asked()]);
    assert!(
        answers
            .iter()
            .all(|answered| answered.ids == answers[0].ids)
    );
    let cached: Vec<usize> = answers
        .iter()
        .map(|answered| answered.finished().usage.cached_tokens)
        .collect();
    let prompt = answers[0].finished().usage.prompt_tokens;
    assert_eq!(cached[0], 0);
    // All but the page the first one's answer is written to.
    assert!(
        cached[1..].iter().all(|&cached| cached + 32 >= prompt),
        "{cached:?} of {prompt}"
    );
    assert_eq!(at_rest(&engine).pictures.encoded, 1);
}

#[test]
fn a_picture_is_read_once_for_all_who_ask_about_it_at_the_same_time() {
    let engine = engine("tiny-b");
    let asked = (0..5).map(|n| question(&["label"], &format!("{n} is the question"), 4));
    ask_all(&engine, asked.collect());
    let stats = at_rest(&engine);
    assert_eq!((stats.pictures.encoded, stats.pictures.hits), (1, 4));
}

#[test]
fn two_pictures_that_differ_in_one_pixel_share_nothing_with_the_same_words_around_them() {
    let engine = engine("tiny-a");
    let about = |last| {
        let mut request = question(&["photo"], "what is it?", 4);
        request.pictures = vec![bitmap(192, last)];
        request
    };
    let first = ask(&engine, about(90)).finished().usage;
    let second = ask(&engine, about(91)).finished().usage;
    assert_eq!(
        (first.prompt_tokens, second.cached_tokens),
        (second.prompt_tokens, 0)
    );
    assert_eq!(at_rest(&engine).pictures.encoded, 2);
    // And at the same time, in one step.
    let engine = crate::stage::engine("tiny-a");
    let both = ask_all(&engine, vec![about(90), about(91), about(90)]);
    let cached = both
        .iter()
        .map(|answered| answered.finished().usage.cached_tokens);
    assert_eq!(cached.collect::<Vec<_>>()[..2], [0, 0]);
    assert_eq!(at_rest(&engine).pictures.encoded, 2);
}

#[test]
fn a_picture_held_to_fewer_tokens_costs_fewer_and_is_not_taken_for_the_whole_one() {
    let engine = engine_with("tiny-a", |options| options.image_tokens = 64);
    let about = |image_tokens| {
        let mut request = question(&["photo"], "what is it?", 4);
        request.image_tokens = image_tokens;
        request
    };
    let whole = ask(&engine, about(None));
    let small = ask(&engine, about(Some(16)));
    let again = ask(&engine, about(None));
    let more = ask(&engine, about(Some(9999)));
    let tokens = |answered: &Answered| answered.finished().usage.image_tokens;
    assert!((1..=16).contains(&tokens(&small)), "{}", tokens(&small));
    assert!(tokens(&whole) > tokens(&small) && tokens(&whole) <= 64);
    assert_eq!((&again.ids, &more.ids), (&whole.ids, &whole.ids));
    assert_eq!(small.finished().usage.cached_tokens, 0);
    assert_eq!(at_rest(&engine).pictures.encoded, 2);
    let facts = engine.inspect(&about(None).pictures[0]).expect("readable");
    let size = (facts.width, facts.height);
    let counted = engine.count(&about(Some(16)), &[size]).expect("counted");
    assert_eq!(counted.image, tokens(&small));
    let unknown = engine.count(&about(None), &[]);
    assert!(unknown.is_err(), "{unknown:?}");
}

#[test]
fn a_second_question_about_a_picture_starts_behind_the_picture() {
    let engine = engine("demo");
    ask(
        &engine,
        question(&["label"], "What is the model number?", 20),
    );
    let second = ask(&engine, question(&["label"], "When was it made?", 20));
    let usage = second.finished().usage;
    assert!(usage.cached_tokens + 32 >= usage.image_tokens, "{usage:?}");
    assert_eq!(at_rest(&engine).pictures.encoded, 1);
}
