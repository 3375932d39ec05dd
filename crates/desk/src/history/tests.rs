use proptest::prelude::*;

use super::*;

const FIVE: Memory = Memory {
    rounds: 5,
    pictures: 8,
    block: 3,
};

fn rounds(rounds: usize) -> Memory {
    Memory::in_blocks(rounds, 8)
}

fn id(name: &str) -> PictureId {
    PictureId::of(name.as_bytes())
}

fn said(question: &str, pictures: &[&str]) -> Said {
    Said {
        question: question.into(),
        pictures: pictures.iter().map(|name| id(name)).collect(),
        answer: Some(format!("{question}!")),
    }
}

fn failed(question: &str, pictures: &[&str]) -> Said {
    Said {
        answer: None,
        ..said(question, pictures)
    }
}

fn history(role: &str, earlier: Vec<Said>, question: &str, pictures: &[&str]) -> History {
    History {
        role: role.into(),
        earlier,
        now: failed(question, pictures),
    }
}

/// Messages in a few letters; pictures by the name of their bytes.
fn short(messages: &[Message]) -> Vec<String> {
    let names = ["1", "2", "3", "4"];
    let name = |wanted: PictureId| names.into_iter().find(|name| id(name) == wanted);
    let part = |part: &Part| match part {
        Part::Text { text } => text.clone(),
        Part::Picture { id } => format!("<{}>", name(*id).expect("one of ours")),
    };
    let one = |message: &Message| {
        let who = match message.role {
            Role::System => "s",
            Role::User => "u",
            Role::Assistant => "a",
        };
        let parts: String = message.content.iter().map(part).collect();
        format!("{who}:{parts}")
    };
    messages.iter().map(one).collect()
}

fn told(history: &History, memory: Memory) -> Told {
    history.told(memory, |_| Ok(())).expect("everything fits")
}

fn messages(history: &History, memory: Memory) -> Vec<String> {
    short(&told(history, memory).messages)
}

#[test]
fn role_rounds_and_question_are_told_each_picture_where_it_was_added() {
    let history = history("role", vec![said("a", &["1"]), said("b", &[])], "c", &["2"]);
    let expected = ["s:role", "u:<1>a", "a:a!", "u:b", "a:b!", "u:<2>c"];
    assert_eq!(messages(&history, FIVE), expected);
    assert_eq!(told(&history, FIVE).remembered_rounds, 2);
}

#[test]
fn an_empty_role_is_not_told() {
    assert_eq!(messages(&history("  ", vec![], "a", &[]), FIVE), ["u:a"]);
}

#[test]
fn only_the_newest_rounds_are_remembered() {
    let earlier = vec![said("a", &[]), said("b", &[]), said("c", &[])];
    let history = history("", earlier, "d", &[]);
    let memory = rounds(2);
    assert_eq!(
        messages(&history, memory),
        ["u:b", "a:b!", "u:c", "a:c!", "u:d"]
    );
    assert_eq!(told(&history, memory).dropped_rounds, 1);
}

#[test]
fn the_pictures_of_a_forgotten_round_stand_before_the_oldest_remembered_question() {
    let earlier = vec![said("a", &["1", "2"]), said("b", &["3"])];
    let history = history("", earlier, "c", &["4"]);
    let memory = rounds(1);
    assert_eq!(
        messages(&history, memory),
        ["u:<1><2><3>b", "a:b!", "u:<4>c"]
    );
    assert_eq!(told(&history, memory).dropped_pictures, []);
}

#[test]
fn pictures_stand_with_the_question_when_no_round_is_remembered() {
    let history = history("", vec![said("a", &["1"])], "b", &[]);
    assert_eq!(messages(&history, rounds(0)), ["u:<1>b"]);
}

#[test]
fn a_failed_round_is_left_out_but_not_its_pictures() {
    let history = history("", vec![failed("a", &["1"]), said("b", &[])], "c", &[]);
    assert_eq!(messages(&history, FIVE), ["u:<1>b", "a:b!", "u:c"]);
}

#[test]
fn a_failed_rounds_pictures_do_not_move_past_a_round_before_it() {
    let history = history("", vec![said("a", &[]), failed("b", &["1"])], "c", &[]);
    assert_eq!(messages(&history, FIVE), ["u:a", "a:a!", "u:<1>c"]);
}

#[test]
fn the_oldest_pictures_go_where_a_question_would_hold_too_many_and_that_is_said() {
    let history = history("", vec![said("a", &["1", "2"])], "b", &["3"]);
    let memory = Memory::in_blocks(0, 2);
    assert_eq!(messages(&history, memory), ["u:<2><3>b"]);
    assert_eq!(told(&history, memory).dropped_pictures, [id("1")]);
}

#[test]
fn a_picture_shown_again_is_told_once_within_a_question() {
    let earlier = vec![said("a", &["1", "2"]), said("b", &["1"])];
    let history = history("", earlier, "c", &["2"]);
    assert_eq!(messages(&history, rounds(0)), ["u:<1><2>c"]);
}

/// Fits while there are no more than so many texts and pictures.
fn at_most(parts: usize) -> impl FnMut(&[Message]) -> Result<(), Refusal> {
    move |messages| {
        let count: usize = messages.iter().map(|message| message.content.len()).sum();
        match count <= parts {
            true => Ok(()),
            false => Err(Refusal::question_too_long(count as u64, parts as u64)),
        }
    }
}

#[test]
fn what_does_not_fit_is_forgotten_by_whole_blocks_and_then_by_carried_pictures() {
    let earlier = vec![said("a", &["1"]), said("b", &["2"]), said("c", &[])];
    let history = history("", earlier, "d", &["3"]);
    let memory = rounds(4);
    let fitting = |parts| {
        let told = history.told(memory, at_most(parts)).expect("fits");
        (
            short(&told.messages),
            told.dropped_rounds,
            told.dropped_pictures,
        )
    };
    assert_eq!(fitting(10).1, 0);
    let two_less = (
        vec!["u:<1><2>c".into(), "a:c!".into(), "u:<3>d".into()],
        2,
        vec![],
    );
    assert_eq!(fitting(9), two_less);
    assert_eq!(fitting(4), (vec!["u:<1><2><3>d".into()], 3, vec![]));
    assert_eq!(fitting(3), (vec!["u:<2><3>d".into()], 3, vec![id("1")]));
    assert_eq!(
        fitting(2),
        (vec!["u:<3>d".into()], 3, vec![id("1"), id("2")])
    );
}

#[test]
fn a_question_that_does_not_fit_alone_is_refused_with_its_numbers() {
    let history = history("", vec![said("a", &["1"])], "b", &["2"]);
    let refusal = history.told(FIVE, at_most(1)).expect_err("too long");
    assert_eq!(refusal, Refusal::question_too_long(2, 1));
}

#[test]
fn a_refusal_about_something_else_ends_the_matter_at_once() {
    let history = history("", vec![said("a", &[])], "b", &[]);
    let mut asked = 0;
    let refusal = history.told(FIVE, |_| {
        asked += 1;
        Err(Refusal::not_ready(3))
    });
    assert_eq!(refusal, Err(Refusal::not_ready(3)));
    assert_eq!(asked, 1);
}

/// A conversation that grows by one question after the other.
fn growing(rounds: usize, memory: Memory) -> Vec<Vec<Message>> {
    let all: Vec<_> = (0..rounds).map(|at| said(&format!("q{at}"), &[])).collect();
    let ask = |at: usize| History {
        role: "role".into(),
        earlier: all[..at].to_vec(),
        now: all[at].clone(),
    };
    (0..rounds)
        .map(|at| told(&ask(at), memory).messages)
        .collect()
}

#[test]
fn a_prompt_begins_with_the_one_before_it_but_once_a_block() {
    let prompts = growing(60, FIVE);
    let anew = prompts
        .windows(2)
        .filter(|two| !two[1].starts_with(&two[0]));
    assert_eq!(rounds(5), FIVE);
    assert_eq!(anew.count(), (60 - 1 - FIVE.rounds) / FIVE.block);
}

proptest! {
    #[test]
    fn as_many_rounds_are_told_as_asked_for_and_less_than_a_block_more(rounds in 0_usize..30, answered in 0_usize..80) {
        let memory = Memory::in_blocks(rounds, 8);
        let earlier = (0..answered).map(|at| said(&format!("q{at}"), &[])).collect();
        let told = told(&history("", earlier, "now", &[]), memory);
        let kept = told.remembered_rounds;
        prop_assert_eq!(kept + told.dropped_rounds, answered);
        prop_assert!(kept >= rounds.min(answered));
        prop_assert!(kept < rounds + memory.block);
        prop_assert_eq!(told.messages.len(), 2 * kept + 1);
    }

    #[test]
    fn every_picture_is_told_or_said_to_be_dropped(
        rounds in prop::collection::vec((prop::collection::vec(0_u8..12, 0..4), any::<bool>()), 0..20),
        now in prop::collection::vec(0_u8..12, 0..4),
        (remember, limit, parts) in (0_usize..6, 1_usize..5, 1_usize..60),
    ) {
        let ids = |marks: &[u8]| marks.iter().map(|mark| PictureId::of(&[*mark])).collect::<Vec<_>>();
        let round = |(marks, answered): &(Vec<u8>, bool)| Said {
            question: "?".into(),
            pictures: ids(marks),
            answer: answered.then(|| "!".into()),
        };
        let history = History {
            role: String::new(),
            earlier: rounds.iter().map(round).collect(),
            now: Said { question: "?".into(), pictures: ids(&now), answer: None },
        };
        let memory = Memory::in_blocks(remember, limit);
        let Ok(told) = history.told(memory, at_most(parts)) else {
            prop_assert!(parts < now.len() + 1);
            return Ok(());
        };
        let shown: Vec<_> = pictures(&told.messages).collect();
        for id in rounds.iter().flat_map(|(marks, _)| ids(marks)).chain(ids(&now)) {
            prop_assert!(shown.contains(&id) != told.dropped_pictures.contains(&id));
        }
        for id in ids(&now) {
            prop_assert!(shown.contains(&id), "the question's own pictures are never dropped");
        }
    }
}
