//! Text to token ids and back: the checkpoint's byte-level BPE over the `tokenizers` crate.
//!
//! Two kinds of text meet in a prompt and must not be mistaken for each other. Text from people and
//! pictures goes through `encode_text`, out of which no special token can come, whatever was typed;
//! the marks around it (`<|im_start|>`, `<|image_pad|>`, ...) are looked up by name with `special`
//! and pushed as ids (see `prompt`). No id is written down here: all come from the file.
//!
//! Facts: the released tokenizer.json; `golden/tokenizer` holds strings with their ids.

mod error;
mod token_bytes;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use tokenizers::{DecoderWrapper, ModelWrapper};

pub use error::TokenizerError;
use token_bytes::TokenBytes;

/// The longest text `encode_text` takes: four bytes, about what a token stands for, for each of the
/// 262,144 positions of the released models. The worst text of this length costs seconds and some
/// hundred megabytes, so a server should ask for less.
pub const MAX_TEXT_BYTES: usize = 4 * 262_144;

/// A checkpoint's tokenizer. Shared between threads behind an `Arc`.
pub struct Tokenizer {
    encoder: tokenizers::Tokenizer,
    bytes: TokenBytes,
    /// Added tokens by their text, special and not.
    added: HashMap<String, u32>,
    special: HashSet<u32>,
    /// The text of the special tokens, for `encode_with_special`.
    special_texts: Vec<(String, u32)>,
}

/// The part of tokenizer.json that is checked against what the crate made of it.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    added_tokens: Vec<ListedToken>,
}

#[derive(Deserialize)]
struct ListedToken {
    id: u32,
    content: String,
    special: bool,
}

impl Tokenizer {
    /// Reads the bytes of a tokenizer.json. Merges may be written as pairs or with a space.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let listed: Listed =
            serde_json::from_slice(bytes).map_err(|source| TokenizerError::Unreadable {
                source: source.into(),
            })?;
        let mut encoder = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|source| TokenizerError::Unreadable { source })?;
        if !matches!(encoder.get_model(), ModelWrapper::BPE(_)) {
            return Err(TokenizerError::OtherKind {
                found: "another model than BPE",
            });
        }
        if !matches!(encoder.get_decoder(), Some(DecoderWrapper::ByteLevel(_))) {
            return Err(TokenizerError::OtherKind {
                found: "another decoder than ByteLevel",
            });
        }
        // A file may ask for shortened or padded texts; a prompt is always whole.
        encoder
            .with_truncation(None)
            .map_err(|source| TokenizerError::Unreadable { source })?;
        encoder.with_padding(None);
        encoder.set_encode_special_tokens(true);

        for token in &listed.added_tokens {
            let found = encoder.token_to_id(&token.content);
            if found != Some(token.id) {
                let ListedToken { id, content, .. } = token;
                return Err(TokenizerError::Moved {
                    token: content.clone(),
                    listed: *id,
                    found,
                });
            }
        }
        let special_texts: Vec<(String, u32)> = listed
            .added_tokens
            .iter()
            .filter(|token| token.special && !token.content.is_empty())
            .map(|token| (token.content.clone(), token.id))
            .collect();
        Ok(Self {
            bytes: TokenBytes::of(&encoder)?,
            added: listed
                .added_tokens
                .into_iter()
                .map(|token| (token.content, token.id))
                .collect(),
            special: special_texts.iter().map(|&(_, id)| id).collect(),
            special_texts,
            encoder,
        })
    }

    /// Ids of text that is only text: a typed `<|im_end|>` becomes the tokens of its characters.
    /// Added tokens that are not special (`<tool_call>`, `<think>`) are still found, as the
    /// reference does; they open or close nothing in a prompt.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(TokenizerError::TooLong { bytes: text.len() });
        }
        let encoding = self
            .encoder
            .encode_fast(text, false)
            .map_err(|source| TokenizerError::Encoding { source })?;
        let ids = encoding.get_ids().to_vec();
        // Holds by the setting above; checked because safety rests on it.
        if let Some(&id) = ids.iter().find(|id| self.special.contains(id)) {
            return Err(TokenizerError::SpecialFromText { id });
        }
        Ok(ids)
    }

    /// Ids as the reference gives them: special tokens written in the text become themselves.
    /// For comparing with the reference only; never for text that came from outside.
    pub fn encode_with_special(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some((at, length, id)) = self.first_special(rest) {
            ids.extend(self.encode_text(&rest[..at])?);
            ids.push(id);
            rest = &rest[at + length..];
        }
        ids.extend(self.encode_text(rest)?);
        Ok(ids)
    }

    /// The leftmost special token written in `text`, the longest of those: place, length, id.
    fn first_special(&self, text: &str) -> Option<(usize, usize, u32)> {
        self.special_texts
            .iter()
            .filter_map(|(token, id)| Some((text.find(token)?, token.len(), *id)))
            .min_by_key(|&(at, length, _)| (at, std::cmp::Reverse(length)))
    }

    /// The id of an added token (`<|im_start|>`, `<|image_pad|>`, ...) by its text.
    pub fn special(&self, token: &str) -> Option<u32> {
        self.added.get(token).copied()
    }

    /// Whether the token is control, not text: it is dropped when an answer is shown.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }

    /// The bytes a token stands for, often only a part of a character. Empty for an id that no
    /// token has: a model's logits may have more rows than its tokenizer has tokens.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id)
    }

    /// The text of `ids`. Bytes that are no UTF-8 become U+FFFD; unknown ids add nothing.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let shown = ids
            .iter()
            .filter(|&&id| !(skip_special && self.is_special(id)));
        let bytes: Vec<u8> = shown
            .flat_map(|&id| self.token_bytes(id))
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One more than the largest id.
    pub fn vocab_size(&self) -> usize {
        self.bytes.len()
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("special", &self.special_texts.len())
            .finish_non_exhaustive()
    }
}
