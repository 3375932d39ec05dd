//! What the engine tells while it answers. Events of one answer arrive in order and end with exactly
//! one `Finished` or `Failed`.

use serde::Serialize;

/// One step of an answer.
#[derive(Debug, Clone)]
pub enum Event {
    /// The question waits; `position` 0 is next. Sent again when it changes.
    Queued {
        /// How many questions stand before this one.
        position: usize,
        /// About how long until it is this one's turn, from what was measured; `None` before anything was.
        wait_ms: Option<u64>,
    },
    /// The vision tower reads a picture (`picture` counts from 1).
    Reading {
        /// Which picture, from 1.
        picture: usize,
        /// How many the question has.
        of: usize,
        /// Tokens the picture costs.
        tokens: usize,
        /// It had been read before; nothing is computed.
        cached: bool,
    },
    /// Prompt tokens computed so far.
    Prefill {
        /// Tokens done (those found in the cache included).
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// Words.
    Delta(Delta),
    /// The end of a good answer.
    Finished(Finished),
    /// The end of an answer that failed.
    Failed(Failure),
}

/// Why an answer failed. Displays as a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What happened and what to do.
    pub message: String,
    /// What was at fault.
    pub fault: Fault,
}

/// What was at fault where an answer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The asker's constraint: no answer can be held to it, or only with more work than is allowed.
    Constraint,
    /// The engine or its device.
    Engine,
}

/// Text that is complete (whole characters, cleared of stop strings) and the tokens behind it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// New text; never half a character.
    pub text: String,
    /// The tokens that ended in this delta.
    pub tokens: Vec<Token>,
}

/// A generated token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Token {
    /// Vocabulary id.
    pub id: u32,
    /// Its own bytes as text; U+FFFD where it is part of a character.
    pub text: String,
    /// Log-probability under the raw logits (before penalties and temperature).
    pub logprob: f32,
    /// The likeliest alternatives, best first, as many as were asked for.
    pub top: Vec<TopToken>,
}

/// An alternative at one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopToken {
    /// Vocabulary id.
    pub id: u32,
    /// Its own bytes as text.
    pub text: String,
    /// Log-probability under the raw logits.
    pub logprob: f32,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop string was reached.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// The model had begun to repeat itself without end.
    Repetition,
    /// The caller went away or cancelled.
    Cancelled,
    /// Its time limit was reached.
    TimedOut,
}

/// How a good answer ended, and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finished {
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Tokens.
    pub usage: Usage,
    /// Time.
    pub timings: Timings,
    /// Memory.
    pub memory: Memory,
}

/// Token counts of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Prompt tokens, pictures included.
    pub prompt_tokens: usize,
    /// Of them, picture tokens.
    pub image_tokens: usize,
    /// Of the prompt, tokens whose keys and values were still there from an earlier question.
    pub cached_tokens: usize,
    /// Generated tokens, the end token included.
    pub completion_tokens: usize,
    /// Tokens guessed ahead and checked.
    pub drafted_tokens: usize,
    /// Of them, those the model said too: each saved a pass over the weights.
    pub accepted_tokens: usize,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timings {
    /// Loading the model (of the process, not of this answer).
    pub load_ms: f64,
    /// Decoding, resizing and cutting the pictures.
    pub image_ms: f64,
    /// The vision tower.
    pub vision_ms: f64,
    /// The prompt through the text tower.
    pub prefill_ms: f64,
    /// From `submit` to the first token, waiting included.
    pub ttft_ms: f64,
    /// From the first token to the last.
    pub decode_ms: f64,
    /// Tokens after the first, per second of `decode_ms`.
    pub decode_tokens_per_s: f64,
}

/// Memory of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Largest resident size so far.
    pub peak_rss_bytes: u64,
}
