//! Streaming text: the pieces together are the whole, and no piece holds half a character.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails loudly")]

mod text_support;

use std::sync::{Arc, LazyLock};

use model::detokenizer::Detokenizer;
use model::tokenizer::Tokenizer;
use proptest::prelude::*;
use text_support::{RELEASED, tiny};

static TINY: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| tiny("tiny-b"));

fn pieces(tokenizer: &Arc<Tokenizer>, ids: &[u32], skip_special: bool) -> Vec<String> {
    let mut stream = Detokenizer::new(Arc::clone(tokenizer), skip_special);
    let mut pieces: Vec<String> = ids.iter().map(|&id| stream.push(id)).collect();
    pieces.push(stream.finish());
    assert_eq!(stream.finish(), "", "finished once and for all");
    pieces
}

#[test]
fn a_character_in_several_tokens_comes_out_whole() {
    // The small vocabulary has no Chinese: three byte tokens per character.
    let ids = TINY.encode_text("字a").unwrap();
    assert_eq!(ids.len(), 4);
    assert_eq!(pieces(&TINY, &ids, true), ["", "", "字", "a", ""]);
}

#[test]
fn a_character_that_is_never_finished_becomes_a_replacement() {
    let ids = TINY.encode_text("😀").unwrap();
    assert_eq!(pieces(&TINY, &ids[..3], true), ["", "", "", "\u{fffd}"]);
    let broken: Vec<u32> = ids[..2]
        .iter()
        .chain(&TINY.encode_text("ok").unwrap())
        .copied()
        .collect();
    assert_eq!(pieces(&TINY, &broken, true).concat(), "\u{fffd}ok");
}

#[test]
fn control_tokens_are_dropped_when_asked_and_do_not_break_characters() {
    let end = TINY.special("<|im_end|>").unwrap();
    let ids = TINY.encode_text("号").unwrap();
    let torn = [ids[0], end, ids[1], ids[2], end];
    assert_eq!(pieces(&TINY, &torn, true).concat(), "号");
    assert_eq!(
        pieces(&TINY, &torn, false).concat(),
        TINY.decode(&torn, false)
    );
}

fn check(tokenizer: &Arc<Tokenizer>, ids: &[u32], skip_special: bool) -> Result<(), TestCaseError> {
    let whole = tokenizer.decode(ids, skip_special);
    let mut stream = Detokenizer::new(Arc::clone(tokenizer), skip_special);
    let mut shown = String::new();
    for &id in ids {
        shown.push_str(&stream.push(id));
        prop_assert!(
            whole.starts_with(&shown),
            "{:?} is not how {:?} begins",
            shown,
            whole
        );
    }
    shown.push_str(&stream.finish());
    prop_assert_eq!(shown, whole);
    Ok(())
}

proptest! {
    #[test]
    fn the_pieces_of_any_ids_are_their_decoding(
        ids in prop::collection::vec(0u32..620, 0..60),
        released in prop::collection::vec(0u32..152_000, 0..60),
        skip_special: bool,
    ) {
        check(&TINY, &ids, skip_special)?;
        check(&RELEASED, &released, skip_special)?;
    }

    #[test]
    fn the_pieces_of_real_text_are_whole_characters(
        text in "[a中文型号龘😀👩‍🔧🇨🇳é①]{0,40}",
    ) {
        for tokenizer in [&*RELEASED, &*TINY] {
            let ids = tokenizer.encode_text(&text).unwrap();
            let pieces = pieces(tokenizer, &ids, true);
            let broken = pieces.iter().any(|piece| piece.contains(char::REPLACEMENT_CHARACTER));
            prop_assert!(!broken);
            prop_assert_eq!(pieces.concat(), text.as_str());
        }
    }
}
