//! A conversation becomes token ids: Qwen3-VL's chat format without tools.
//!
//! Built piece by piece, never as one string: control tokens are pushed as ids and the words between
//! two of them are encoded as plain text, so nothing a person types can open or close a turn. Where
//! nothing of the kind is typed, the ids are those of the reference.
//!
//! No system prompt is added, a system message counts only at the beginning, nothing is trimmed.
//! Source: the released chat template. Golden: `golden/chat`, `golden/tiny-*/prompts.json`.

mod builder;
mod control;
mod error;

use std::sync::Arc;

pub use control::ControlTokens;
pub use error::PromptError;

use crate::chat::{Message, Part, Role};
use crate::config::Config;
use crate::picture::Grid;
use crate::tokenizer::Tokenizer;
use builder::Builder;

/// The tokens of a conversation, ready for the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// Token ids; every picture stands as one placeholder per feature row.
    pub ids: Vec<u32>,
    /// Where the pictures are, in the order of the ids.
    pub pictures: Vec<PictureSpan>,
    /// The prompt as text with one placeholder per picture, for people who look for a fault. Typed
    /// control tokens look like real ones here, and only here.
    pub text: String,
}

/// The placeholders of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureSpan {
    /// Index of the first placeholder in `Prompt::ids`.
    pub start: usize,
    /// How many there are.
    pub tokens: usize,
    /// The picture's size in patches.
    pub grid: Grid,
    /// Which of the request's pictures it is.
    pub picture: usize,
}

impl Prompt {
    /// How many of the tokens are placeholders of pictures.
    pub fn picture_tokens(&self) -> usize {
        self.pictures.iter().map(|span| span.tokens).sum()
    }
}

/// What may differ between two prompts of the same conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// Open the assistant's turn at the end, so that the model answers.
    pub add_generation_prompt: bool,
    /// Write `Picture N: ` before each picture, counted over the whole conversation.
    pub number_pictures: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            add_generation_prompt: true,
            number_pictures: false,
        }
    }
}

/// Turns conversations into prompts for one checkpoint.
#[derive(Debug, Clone)]
pub struct ChatFormat {
    tokenizer: Arc<Tokenizer>,
    control: ControlTokens,
    merge: usize,
}

impl ChatFormat {
    /// Finds the control tokens; refuses a tokenizer and a config that do not belong together.
    pub fn new(tokenizer: Arc<Tokenizer>, config: &Config) -> Result<Self, PromptError> {
        let control = ControlTokens::of(&tokenizer, config)?;
        Ok(Self {
            tokenizer,
            control,
            merge: config.vision.spatial_merge_size,
        })
    }

    /// The control tokens in use.
    pub fn control(&self) -> ControlTokens {
        self.control
    }

    /// The prompt of `messages`; `grids[n]` is the size of the picture that `Part::Picture(n)` names.
    pub fn render(
        &self,
        messages: &[Message],
        grids: &[Grid],
        options: RenderOptions,
    ) -> Result<Prompt, PromptError> {
        if messages.is_empty() {
            return Err(PromptError::Empty);
        }
        let mut prompt = Builder::new(&self.tokenizer, self.control, self.merge);
        for (index, message) in messages.iter().enumerate() {
            if message.role != Role::User && message.content.iter().any(is_picture) {
                return Err(PromptError::PictureOutsideUser {
                    role: message.role.name(),
                });
            }
            if message.role == Role::System && index > 0 {
                continue;
            }
            prompt.open_turn(message.role)?;
            for part in &message.content {
                match part {
                    Part::Text(text) => prompt.text(text),
                    Part::Picture(picture) => {
                        let count = grids.len();
                        let unknown = PromptError::UnknownPicture {
                            picture: *picture,
                            count,
                        };
                        let grid = *grids.get(*picture).ok_or(unknown)?;
                        prompt.picture(*picture, grid, options.number_pictures)?;
                    }
                }
            }
            prompt.close_turn()?;
        }
        if options.add_generation_prompt {
            prompt.open_turn(Role::Assistant)?;
        }
        prompt.finish()
    }
}

fn is_picture(part: &Part) -> bool {
    matches!(part, Part::Picture(_))
}
