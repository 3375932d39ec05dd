//! The tokens that give a prompt its structure, found by name in the checkpoint's own files.

use super::PromptError;
use crate::config::Config;
use crate::tokenizer::Tokenizer;

pub(super) const TURN_START: &str = "<|im_start|>";
pub(super) const TURN_END: &str = "<|im_end|>";
pub(super) const VISION_START: &str = "<|vision_start|>";
pub(super) const VISION_END: &str = "<|vision_end|>";
pub(super) const IMAGE_PAD: &str = "<|image_pad|>";

/// Ids of the control tokens of one checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlTokens {
    /// `<|im_start|>`: a turn begins.
    pub turn_start: u32,
    /// `<|im_end|>`: a turn ends; the model says it when it has answered.
    pub turn_end: u32,
    /// `<|vision_start|>`: before a picture.
    pub vision_start: u32,
    /// `<|vision_end|>`: after it.
    pub vision_end: u32,
    /// `<|image_pad|>`: stands for one feature row of a picture.
    pub image_pad: u32,
}

impl ControlTokens {
    /// Looks them up in the tokenizer and compares those the config names too: the towers go by
    /// the config, the prompt by the tokenizer.
    pub fn of(tokenizer: &Tokenizer, config: &Config) -> Result<Self, PromptError> {
        let find = |token: &'static str| {
            let id = tokenizer
                .special(token)
                .filter(|&id| tokenizer.is_special(id));
            id.ok_or(PromptError::MissingToken { token })
        };
        let same = |token, in_config: u32| {
            let in_tokenizer = find(token)?;
            if in_tokenizer != in_config {
                return Err(PromptError::OtherToken {
                    token,
                    in_tokenizer,
                    in_config,
                });
            }
            Ok(in_tokenizer)
        };
        Ok(Self {
            turn_start: find(TURN_START)?,
            turn_end: find(TURN_END)?,
            vision_start: same(VISION_START, config.vision_start_token_id)?,
            vision_end: same(VISION_END, config.vision_end_token_id)?,
            image_pad: same(IMAGE_PAD, config.image_token_id)?,
        })
    }
}
