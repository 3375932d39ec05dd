//! The raw bytes of every token: byte-level BPE written backwards.
//!
//! A vocabulary file shows each byte as one printable character (GPT-2's table): printable Latin-1
//! as itself, the others as the characters from U+0100 on, in order. Added tokens are plain text; one
//! with a character outside the table stands for its UTF-8 bytes, as the reference decodes it.

use std::collections::HashMap;

use super::TokenizerError;

/// No vocabulary comes near; bounds the memory a damaged file can ask for.
const MAX_ID: u32 = (1 << 22) - 1;

/// The bytes of all tokens behind one another.
pub(super) struct TokenBytes {
    bytes: Vec<u8>,
    /// Where each id begins in `bytes`, and after the last one the end.
    starts: Vec<u32>,
}

impl TokenBytes {
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Result<Self, TokenizerError> {
        let vocabulary = tokenizer.get_vocab(false);
        let bytes_of = byte_of_character();
        for (&character, &byte) in &bytes_of {
            if !vocabulary.contains_key(character.to_string().as_str()) {
                return Err(TokenizerError::MissingByte { byte });
            }
        }
        let added = tokenizer.get_added_tokens_decoder();
        let last = vocabulary
            .values()
            .chain(added.keys())
            .copied()
            .max()
            .unwrap_or(0);
        if last > MAX_ID {
            return Err(TokenizerError::IdTooLarge { id: last });
        }
        let mut tokens = vec![Vec::new(); last as usize + 1];
        for (text, id) in vocabulary {
            tokens[id as usize] = bytes_of_token(&text, &bytes_of);
        }
        for (id, token) in added {
            tokens[id as usize] = bytes_of_token(&token.content, &bytes_of);
        }
        let mut starts = Vec::with_capacity(tokens.len() + 1);
        let mut bytes = Vec::new();
        for token in tokens {
            starts.push(bytes.len() as u32);
            bytes.extend(token);
        }
        starts.push(bytes.len() as u32);
        Ok(Self { bytes, starts })
    }

    /// One more than the largest id.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn get(&self, id: u32) -> &[u8] {
        match self.starts.get(id as usize..id as usize + 2) {
            Some(&[start, end]) => &self.bytes[start as usize..end as usize],
            _ => &[],
        }
    }
}

fn bytes_of_token(text: &str, bytes_of: &HashMap<char, u8>) -> Vec<u8> {
    let mapped: Option<Vec<u8>> = text.chars().map(|c| bytes_of.get(&c).copied()).collect();
    mapped.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn byte_of_character() -> HashMap<char, u8> {
    let mut next_substitute = '\u{100}'..='\u{1ff}';
    (0..=u8::MAX)
        .filter_map(|byte| {
            let printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
            let shown = if printable {
                char::from(byte)
            } else {
                next_substitute.next()?
            };
            Some((shown, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character() {
        let table = byte_of_character();
        assert_eq!(table.len(), 256);
        for (shown, byte) in [
            ('!', b'!'),
            ('Ġ', b' '),
            ('Ċ', b'\n'),
            ('Ń', 0xad),
            ('ÿ', 0xff),
        ] {
            assert_eq!(table.get(&shown), Some(&byte), "{shown}");
        }
    }

    #[test]
    fn a_token_outside_the_table_stands_for_its_text() {
        let table = byte_of_character();
        assert_eq!(bytes_of_token("Ġa", &table), b" a");
        assert_eq!(bytes_of_token("<a b>", &table), b"<a b>");
        assert_eq!(bytes_of_token("中", &table), "中".as_bytes());
    }
}
