//! What can be wrong with a tokenizer.json or with a text.

use super::MAX_TEXT_BYTES;

/// Why a tokenizer cannot be used, or a text not encoded.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// Not JSON, or not a tokenizer.
    #[error("tokenizer.json cannot be read; download it again with the model")]
    Unreadable {
        /// What the parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A tokenizer of another family of models.
    #[error("tokenizer.json has {found}; take the tokenizer.json of the Qwen3-VL checkpoint")]
    OtherKind {
        /// What is different.
        found: &'static str,
    },
    /// Without a token for every byte, some text could not be written.
    #[error(
        "tokenizer.json has no token for the byte {byte:#04x}; take the tokenizer.json of the \
         Qwen3-VL checkpoint"
    )]
    MissingByte {
        /// The first such byte.
        byte: u8,
    },
    /// An id no vocabulary can need.
    #[error(
        "tokenizer.json gives a token the id {id}, far beyond any vocabulary; download it again"
    )]
    IdTooLarge {
        /// The largest id.
        id: u32,
    },
    /// An added token whose id is not the one the file names.
    #[error(
        "tokenizer.json lists {token} as {listed}, but its place in the vocabulary is {}; \
         the file has been edited or damaged, download it again",
        found.map_or("missing".to_owned(), |id| id.to_string())
    )]
    Moved {
        /// Text of the token.
        token: String,
        /// Its id in the list of added tokens.
        listed: u32,
        /// The id that text would be given.
        found: Option<u32>,
    },
    /// A text no prompt could hold.
    #[error("a text has {bytes} bytes; at most {MAX_TEXT_BYTES} are possible, shorten it")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The tokenizer refused the text.
    #[error("the text could not be turned into tokens")]
    Encoding {
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Plain text gave a control token: the vocabulary is not one this program may trust.
    #[error(
        "plain text was encoded as the control token {id}; this tokenizer.json must not be used, \
         take the one of the Qwen3-VL checkpoint"
    )]
    SpecialFromText {
        /// The control token.
        id: u32,
    },
}
