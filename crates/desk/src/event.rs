//! What happens while a question is being answered, in the order it happens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Refusal;

/// One step of an answer.
///
/// An answer ends with exactly one [`AnswerEvent::Done`] or
/// [`AnswerEvent::Error`]; nothing follows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AnswerEvent {
    /// The question waits for its turn.
    Queued {
        /// How many questions are ahead; 0 means this one is next.
        position: u32,
        /// About how long that takes, where it can be told. Milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_ms: Option<u64>,
    },
    /// The vision tower is reading a picture.
    Reading {
        /// Which picture, counted from 1.
        picture: u32,
        /// How many pictures the question has.
        of: u32,
        /// How many tokens this picture takes.
        tokens: u32,
        /// It had been read before; nothing to do.
        cached: bool,
    },
    /// The text tower is taking in the question.
    Prefill {
        /// Tokens taken in so far.
        done: u32,
        /// Tokens to take in altogether.
        total: u32,
    },
    /// New words.
    Delta {
        /// The text to append.
        text: String,
        /// The tokens that made it, for showing how sure the model was.
        tokens: Vec<TokenPiece>,
    },
    /// The answer is complete.
    Done {
        /// Why it ended.
        finish_reason: FinishReason,
        /// What it took in and gave out.
        usage: Usage,
        /// Where the time went.
        timings: Timings,
    },
    /// The answer could not be completed.
    Error(Refusal),
}

impl AnswerEvent {
    /// The event's name on the wire, equal to its `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Reading { .. } => "reading",
            Self::Prefill { .. } => "prefill",
            Self::Delta { .. } => "delta",
            Self::Done { .. } => "done",
            Self::Error(_) => "error",
        }
    }

    /// Whether nothing may follow this event.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error(_))
    }
}

/// A token and how sure the model was of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenPiece {
    /// The text this token added; empty while a character is incomplete.
    pub text: String,
    /// Natural logarithm of its probability before sampling settings.
    pub logprob: f32,
    /// Its bytes, often only a part of a character. For programs; the page
    /// gets text.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// The likeliest tokens at this place, best first, as many as were wished.
    #[serde(skip)]
    pub top: Vec<TopToken>,
}

/// A token that might have stood at a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopToken {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability before sampling settings.
    pub logprob: f32,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model had said all, or met a stop text.
    Stop,
    /// The answer reached `max_tokens`.
    Length,
    /// The answer had begun to repeat itself.
    Repetition,
    /// Somebody stopped it.
    Cancelled,
    /// Its time was over.
    TimedOut,
}

/// Tokens counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the question, pictures included.
    pub prompt_tokens: u32,
    /// Of these, tokens that are pictures.
    pub image_tokens: u32,
    /// Of the prompt, tokens that did not have to be computed again.
    pub cached_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
}

/// Where the time went. Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// Decoding and resizing the pictures.
    pub image_ms: f64,
    /// The vision tower.
    pub vision_ms: f64,
    /// Taking in the prompt.
    pub prefill_ms: f64,
    /// From the question's arrival to the first word.
    pub ttft_ms: f64,
    /// From the first word to the last.
    pub decode_ms: f64,
    /// Speed after the first word.
    pub decode_tokens_per_s: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_carries_its_own_name_in_its_data() {
        let event = AnswerEvent::Queued {
            position: 2,
            wait_ms: None,
        };
        let json = serde_json::to_value(&event).expect("plain data");
        assert_eq!(json, serde_json::json!({"type": "queued", "position": 2}));
        assert_eq!(json["type"], event.name());
    }

    #[test]
    fn an_error_event_reads_like_any_other_error() {
        let event = AnswerEvent::Error(Refusal::answer_failed());
        let json = serde_json::to_value(&event).expect("plain data");
        assert_eq!(json["type"], "error");
        assert_eq!(json["code"], "answer_failed");
        assert!(json["message"].is_string());
        assert!(json["details"].is_object());
    }
}
