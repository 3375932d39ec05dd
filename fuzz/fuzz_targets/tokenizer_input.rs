//! Any text a person may type: no control token comes out of it, and the text comes back.
#![no_main]

use std::io::Read;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::tokenizer::Tokenizer;
use unicode_normalization::UnicodeNormalization;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let packed = include_bytes!("../../golden/tokenizer/tokenizer.json.gz");
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut json).expect("gzip");
    Tokenizer::from_json(&json).expect("the released tokenizer")
});

fuzz_target!(|text: &str| {
    let ids = TOKENIZER.encode_text(text).expect("text below the longest length encodes");
    assert!(!ids.iter().any(|&id| TOKENIZER.is_special(id)), "{ids:?}");
    for skip_special in [false, true] {
        // The tokenizer composes characters (NFC) but not across added tokens such as <tool_call>,
        // so both sides are composed before they are compared.
        let back = TOKENIZER.decode(&ids, skip_special);
        assert!(back.nfc().eq(text.nfc()), "{text:?} came back as {back:?}");
    }
});
