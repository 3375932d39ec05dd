//! Why a conversation cannot become a prompt.

use crate::tokenizer::TokenizerError;

/// Each names what to change.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Nothing was said.
    #[error("the conversation is empty; send at least one message")]
    Empty,
    /// A message names a picture that was not sent.
    #[error("a message shows picture {}, but {count} came with the request", picture + 1)]
    UnknownPicture {
        /// The index in the message.
        picture: usize,
        /// How many pictures there are.
        count: usize,
    },
    /// The model has only learnt pictures that users show.
    #[error("a message of the {role} holds a picture; put pictures into messages of the user")]
    PictureOutsideUser {
        /// Who speaks in that message.
        role: &'static str,
    },
    /// A size in patches that does not divide into merged blocks.
    #[error(
        "picture {} is {height} x {width} patches, which are not whole blocks of {merge} x {merge}; \
         resize it with the limits of the checkpoint",
        picture + 1
    )]
    Grid {
        /// The index in the request.
        picture: usize,
        /// Patches from top to bottom.
        height: usize,
        /// Patches from left to right.
        width: usize,
        /// Patches along the side of a block.
        merge: usize,
    },
    /// More than any model can read.
    #[error("the prompt would have more than {limit} tokens; send less text or fewer pictures")]
    TooManyTokens {
        /// The bound.
        limit: usize,
    },
    /// Words that cannot be encoded.
    #[error(transparent)]
    Text(#[from] TokenizerError),
    /// A tokenizer without the marks of the chat format.
    #[error(
        "tokenizer.json has no control token {token}; take config.json and tokenizer.json from the \
         same Qwen3-VL checkpoint"
    )]
    MissingToken {
        /// Its text.
        token: &'static str,
    },
    /// Files of two models.
    #[error(
        "{token} is {in_tokenizer} in tokenizer.json but {in_config} in config.json; take both \
         files from the same checkpoint"
    )]
    OtherToken {
        /// Its text.
        token: &'static str,
        /// The tokenizer's id.
        in_tokenizer: u32,
        /// The config's id.
        in_config: u32,
    },
}
