//! What a program may ask for beyond what the page does: the shape of the answer, how sure the model
//! was of each token, and in whose name it asks.

use std::time::Duration;

use serde_json::Value;

use crate::Presence;

/// Beyond the question and its settings. The page asks for none of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// What the answer must look like.
    pub shape: Shape,
    /// How many likely alternatives to report beside each token.
    pub alternatives: u32,
    /// Whether the answer goes on past the model's own end, up to its most tokens: for measuring speed. An answer
    /// with a shape still ends with it.
    pub ignore_eos: bool,
    /// Who asks. Askers that wait take turns, so that one with many questions
    /// does not hold up the others; all without a name count as one.
    pub asker: Option<String>,
    /// How long an answer may get where the request does not say; `None` takes
    /// the desk's default.
    pub default_max_tokens: Option<u32>,
    /// How long the answer may take in all, waiting included; the desk's own limit holds as well.
    pub time_limit: Option<Duration>,
    /// Whether the asker still waits. For one who has left, no more is done than what is being done.
    pub presence: Presence,
}

/// What an answer must look like.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shape {
    /// Whatever the model says.
    #[default]
    Free,
    /// One JSON object.
    JsonObject,
    /// JSON that fits this schema.
    JsonSchema(Value),
}

/// What a question costs, counted before it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// Tokens of the question, pictures included.
    pub prompt_tokens: u32,
    /// Of these, tokens that are pictures.
    pub image_tokens: u32,
}
