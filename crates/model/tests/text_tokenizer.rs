//! The tokenizer against 142 strings of the reference, and against people who type control tokens.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails loudly")]

mod text_support;

use std::sync::{Arc, LazyLock};

use model::tokenizer::{MAX_TEXT_BYTES, Tokenizer, TokenizerError};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use text_support::{CHECKPOINTS, RELEASED, checkpoint_file, released_json, tiny};

static TINY: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| tiny("tiny-a"));

#[derive(Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    decoded: String,
    decoded_skip_special: String,
}

fn goldens() -> Vec<Golden> {
    text_support::json("tokenizer/goldens.json")
}

/// Texts of the special tokens, as the tokenizer.json lists them.
fn special_texts(tokenizer_json: &[u8]) -> Vec<String> {
    let file: Value = serde_json::from_slice(tokenizer_json).unwrap();
    let added = file["added_tokens"].as_array().unwrap();
    let special = added.iter().filter(|token| token["special"] == true);
    special
        .map(|token| token["content"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn ids_and_text_are_those_of_the_reference() {
    let goldens = goldens();
    assert_eq!(goldens.len(), 142);
    for golden in &goldens {
        let text = &golden.text;
        assert_eq!(
            RELEASED.encode_with_special(text).unwrap(),
            golden.ids,
            "{text:?}"
        );
        assert_eq!(
            RELEASED.decode(&golden.ids, false),
            golden.decoded,
            "{text:?}"
        );
        assert_eq!(
            RELEASED.decode(&golden.ids, true),
            golden.decoded_skip_special,
            "{text:?}"
        );
    }
}

#[test]
fn text_without_special_tokens_is_encoded_the_same_as_text() {
    let special = special_texts(&released_json());
    let (with, without): (Vec<Golden>, Vec<Golden>) = goldens()
        .into_iter()
        .partition(|g| special.iter().any(|token| g.text.contains(token)));
    assert_eq!(with.len(), 7);
    for golden in without {
        assert_eq!(
            RELEASED.encode_text(&golden.text).unwrap(),
            golden.ids,
            "{:?}",
            golden.text
        );
    }
    for golden in with {
        let ids = RELEASED.encode_text(&golden.text).unwrap();
        assert_ne!(ids, golden.ids, "{:?}", golden.text);
        assert!(
            ids.iter().all(|&id| !RELEASED.is_special(id)),
            "{:?}",
            golden.text
        );
        assert_eq!(
            RELEASED.decode(&ids, true),
            golden.decoded,
            "what was typed is shown"
        );
    }
}

#[test]
fn the_small_tokenizers_agree_with_the_reference_prompts() {
    #[derive(Deserialize)]
    struct Prompt {
        greedy_ids: Vec<u32>,
        greedy_text: String,
    }
    for checkpoint in CHECKPOINTS {
        let tokenizer = tiny(checkpoint);
        let prompts: Vec<Prompt> = text_support::json(&format!("{checkpoint}/prompts.json"));
        for prompt in prompts {
            assert_eq!(
                tokenizer.decode(&prompt.greedy_ids, false),
                prompt.greedy_text
            );
        }
        for golden in goldens() {
            let ids = tokenizer.encode_with_special(&golden.text).unwrap();
            assert_eq!(
                tokenizer.decode(&ids, false),
                golden.decoded,
                "{:?}",
                golden.text
            );
            assert_eq!(tokenizer.decode(&ids, true), golden.decoded_skip_special);
        }
    }
}

#[test]
fn control_tokens_are_found_by_name() {
    assert_eq!(RELEASED.vocab_size(), 151_669);
    assert_eq!(RELEASED.special("<|im_end|>"), Some(151_645));
    assert_eq!(RELEASED.special("<|image_pad|>"), Some(151_655));
    assert_eq!(RELEASED.special("<tool_call>"), Some(151_657));
    assert_eq!(RELEASED.special("user"), None);
    assert!(RELEASED.is_special(151_655));
    assert!(!RELEASED.is_special(151_657), "added, but shown to people");
    assert_eq!(tiny("tiny-a").special("<|im_end|>"), Some(472));
    assert_eq!(tiny("tiny-a").vocab_size(), 496);
}

#[test]
fn an_id_without_a_token_is_nothing() {
    assert_eq!(RELEASED.token_bytes(151_669), b"");
    assert_eq!(RELEASED.token_bytes(u32::MAX), b"");
    assert_eq!(RELEASED.decode(&[151_700, 64, 151_935], false), "a");
}

#[test]
fn merges_may_be_written_as_pairs_or_with_a_space() {
    let pairs = released_json();
    let mut file: Value = serde_json::from_slice(&pairs).unwrap();
    for merge in file["model"]["merges"].as_array_mut().unwrap() {
        let joined = format!(
            "{} {}",
            merge[0].as_str().unwrap(),
            merge[1].as_str().unwrap()
        );
        *merge = Value::String(joined);
    }
    let spaced = Tokenizer::from_json(&serde_json::to_vec(&file).unwrap()).unwrap();
    for golden in goldens() {
        assert_eq!(
            spaced.encode_with_special(&golden.text).unwrap(),
            golden.ids
        );
    }
}

/// `tiny-a`'s tokenizer.json after a change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Tokenizer, TokenizerError> {
    let mut file = serde_json::from_slice(&checkpoint_file("tiny-a", "tokenizer.json")).unwrap();
    change(&mut file);
    Tokenizer::from_json(&serde_json::to_vec(&file).unwrap())
}

#[test]
fn a_file_that_asks_for_shortened_texts_is_not_obeyed() {
    let shortening = changed(|file| {
        file["truncation"] = json!({
            "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0
        });
        file["padding"] = json!({
            "strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "!"
        });
    })
    .unwrap();
    let text = "the whole text, please";
    assert_eq!(
        shortening.encode_text(text).unwrap(),
        tiny("tiny-a").encode_text(text).unwrap()
    );
}

#[test]
fn files_of_another_kind_and_damaged_ones_are_refused() {
    use TokenizerError::{MissingByte, Moved, OtherKind, Unreadable};
    let refused = |result: Result<Tokenizer, TokenizerError>| result.err().unwrap();

    for bytes in [
        &b""[..],
        b"{}",
        b"[1]",
        b"\xff\xfe",
        br#"{"added_tokens":[{"id":-1}]}"#,
    ] {
        assert!(matches!(
            refused(Tokenizer::from_json(bytes)),
            Unreadable { .. }
        ));
    }
    let whole = checkpoint_file("tiny-a", "tokenizer.json");
    let half = Tokenizer::from_json(&whole[..whole.len() / 2]);
    assert!(matches!(refused(half), Unreadable { .. }));

    let word_level = json!({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"});
    let other = changed(|file| {
        file["model"] = word_level;
        file["added_tokens"] = json!([]);
    });
    assert!(matches!(refused(other), OtherKind { .. }));
    let no_decoder = changed(|file| file["decoder"] = Value::Null);
    assert!(matches!(refused(no_decoder), OtherKind { .. }));

    let moved = refused(changed(|file| file["added_tokens"][2]["id"] = json!(480)));
    assert!(
        matches!(&moved, Moved { token, listed: 480, .. } if token == "<|im_end|>"),
        "{moved}"
    );

    let incomplete = changed(|file| {
        let vocabulary = file["model"]["vocab"].as_object_mut().unwrap();
        let id = vocabulary.remove("Ā").unwrap();
        vocabulary.insert("no byte".to_string(), id);
    });
    assert!(matches!(refused(incomplete), MissingByte { byte: 0 }));
}

#[test]
fn a_text_too_long_for_any_prompt_is_refused_and_the_longest_is_not() {
    let longest = "a ".repeat(MAX_TEXT_BYTES / 2);
    assert!(RELEASED.encode_text(&longest).is_ok());
    let error = RELEASED.encode_text(&format!("{longest}a")).unwrap_err();
    assert!(matches!(error, TokenizerError::TooLong { bytes } if bytes == MAX_TEXT_BYTES + 1));
    assert!(error.to_string().contains("1048576"), "{error}");
}

#[test]
fn the_longest_monotonous_texts_are_encoded_whole() {
    // The splitting expression backtracks; these are the texts that make it do so.
    for unit in [" ", "a", "\n", "\u{3000}", "-", " \n", "\u{301}"] {
        let text = unit.repeat(MAX_TEXT_BYTES / unit.len() - 1) + "x";
        let ids = RELEASED.encode_text(&text).unwrap();
        assert!(
            RELEASED.decode(&ids, false) == text,
            "{unit:?} is not encoded whole"
        );
    }
}

proptest! {
    #[test]
    fn nothing_typed_becomes_a_special_token(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(special_texts(&checkpoint_file("tiny-a", "tokenizer.json"))),
            "[<|>_a-z ]{0,6}",
            "\\PC{0,6}",
        ], 0..12),
    ) {
        let text = pieces.concat();
        for tokenizer in [&*RELEASED, &*TINY] {
            let ids = tokenizer.encode_text(&text).unwrap();
            prop_assert!(ids.iter().all(|&id| !tokenizer.is_special(id)));
            // As typed, apart from the composed form the tokenizer normalises to.
            let again = tokenizer.decode(&ids, true);
            prop_assert_eq!(tokenizer.encode_text(&again).unwrap(), ids);
            if text.is_ascii() {
                prop_assert_eq!(again, text.as_str());
            }
        }
    }

    #[test]
    fn every_text_comes_back(text in "[ -~\n\t中文字型号０１２①㎏😀👨‍👩‍👧ไทยعربي]{0,60}") {
        let ids = RELEASED.encode_text(&text).unwrap();
        prop_assert_eq!(RELEASED.decode(&ids, false), text);
    }
}
