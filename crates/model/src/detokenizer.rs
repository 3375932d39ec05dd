//! Tokens of an answer, one by one, into text that is whole characters.
//!
//! A Chinese character or an emoji often spans tokens, so the bytes of an unfinished character wait
//! here until the next token. All pieces together are what `Tokenizer::decode` makes of all ids.

use std::sync::Arc;

use crate::tokenizer::Tokenizer;

/// Text of one answer while it is generated.
#[derive(Debug, Clone)]
pub struct Detokenizer {
    tokenizer: Arc<Tokenizer>,
    skip_special: bool,
    /// The beginning of a character: at most three bytes between two calls.
    unfinished: Vec<u8>,
}

impl Detokenizer {
    /// At the start of an answer. `skip_special` drops control tokens, as for display.
    pub fn new(tokenizer: Arc<Tokenizer>, skip_special: bool) -> Self {
        Self {
            tokenizer,
            skip_special,
            unfinished: Vec::new(),
        }
    }

    /// Takes the next token and returns the characters that are complete now. Bytes that can no
    /// longer become a character are given out as U+FFFD.
    pub fn push(&mut self, id: u32) -> String {
        if self.skip_special && self.tokenizer.is_special(id) {
            return String::new();
        }
        self.unfinished
            .extend_from_slice(self.tokenizer.token_bytes(id));
        let complete = self.unfinished.len() - unfinished_tail(&self.unfinished);
        let text = String::from_utf8_lossy(&self.unfinished[..complete]).into_owned();
        self.unfinished.drain(..complete);
        text
    }

    /// The end of the answer: a character that was never finished becomes U+FFFD.
    pub fn finish(&mut self) -> String {
        let bytes = std::mem::take(&mut self.unfinished);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How many bytes at the end are the beginning of a character that may still be completed.
fn unfinished_tail(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        let Err(error) = std::str::from_utf8(rest) else {
            return 0;
        };
        let Some(broken) = error.error_len() else {
            return rest.len() - error.valid_up_to();
        };
        rest = &rest[error.valid_up_to() + broken..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_become_a_character_waits() {
        for (bytes, want) in [
            (&b""[..], 0),
            (b"abc", 0),
            ("型".as_bytes(), 0),
            (&"型".as_bytes()[..2], 2),
            (&"😀".as_bytes()[..3], 3),
            (b"a\xff", 0), // never a character
            (b"\xe5a", 0), // broken off by another character
            (b"\xff\xff\xe5\x9e", 2),
            (b"\xed\xa0", 0), // the beginning of a surrogate, never valid
            (b"\xf0\x9f\xf0", 1),
        ] {
            assert_eq!(unfinished_tail(bytes), want, "{bytes:?}");
        }
    }
}
