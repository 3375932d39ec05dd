//! What a chat completion replies, whole and in chunks.

use desk::{FinishReason, TokenPiece, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use super::listen::Heard;
use super::reply::{SERVICE_TIER, TokenLogprob, new_id, now};

/// Answers in the shape of OpenAI's chat completions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatCompletion {
    id: String,
    /// Always `chat.completion`.
    object: &'static str,
    /// Seconds since 1970.
    created: u64,
    model: String,
    /// Always `default`: there is one.
    service_tier: &'static str,
    system_fingerprint: String,
    choices: Vec<ChatChoice>,
    usage: ChatUsage,
}

/// One answer.
#[derive(Debug, Serialize, ToSchema)]
struct ChatChoice {
    index: u32,
    message: ChatAnswer,
    logprobs: Option<ChatLogprobs>,
    /// `stop`, or `length` where the answer is not whole.
    finish_reason: &'static str,
}

/// The words.
#[derive(Debug, Serialize, ToSchema)]
struct ChatAnswer {
    role: &'static str,
    content: String,
    /// Always null: what the model will not say, it says in words.
    refusal: Option<String>,
    #[schema(value_type = Vec<serde_json::Value>)]
    annotations: [(); 0],
}

/// How likely each token was.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatLogprobs {
    content: Vec<TokenLogprob>,
    /// Always null.
    refusal: Option<Vec<TokenLogprob>>,
}

impl ChatLogprobs {
    /// Of these tokens.
    pub fn of(tokens: Vec<TokenPiece>) -> Self {
        Self {
            content: tokens.into_iter().map(Into::into).collect(),
            refusal: None,
        }
    }
}

/// A piece of the answers on their way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatChunk {
    id: String,
    /// Always `chat.completion.chunk`.
    object: &'static str,
    created: u64,
    model: String,
    /// Always `default`: there is one.
    service_tier: &'static str,
    system_fingerprint: String,
    /// Empty in the chunk that counts the tokens.
    choices: Vec<ChunkChoice>,
    /// Left out unless it was asked for; then null in every chunk but the one that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChatUsage>)]
    usage: Option<Option<ChatUsage>>,
}

/// What one answer gained.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChunkChoice {
    pub index: u32,
    pub delta: ChunkDelta,
    pub logprobs: Option<ChatLogprobs>,
    pub finish_reason: Option<&'static str>,
}

/// New words.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ChunkDelta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Null where an answer begins, else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Option<String>>,
}

/// Tokens counted. With several answers the question counts once.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct ChatUsage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

/// Of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
struct PromptDetails {
    /// Tokens that did not have to be computed again.
    cached_tokens: u32,
    /// Tokens that are pictures.
    image_tokens: u32,
    /// Always 0.
    audio_tokens: u32,
}

/// Of the answer: kinds of tokens that others give out, none of them here.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
struct CompletionDetails {
    reasoning_tokens: u32,
    audio_tokens: u32,
    accepted_prediction_tokens: u32,
    rejected_prediction_tokens: u32,
}

impl ChatUsage {
    /// Takes the count of one more answer to the same question.
    pub fn add(&mut self, usage: &Usage) {
        // An answer without time for a word has counted nothing.
        if *usage == Usage::default() {
            return;
        }
        let first = self.prompt_tokens == 0;
        self.prompt_tokens = usage.prompt_tokens;
        let cached = &mut self.prompt_tokens_details.cached_tokens;
        // What was computed for one answer is cached for the next; the first tells what it cost.
        *cached = if first {
            usage.cached_tokens
        } else {
            usage.cached_tokens.min(*cached)
        };
        self.prompt_tokens_details.image_tokens = usage.image_tokens;
        self.completion_tokens = self
            .completion_tokens
            .saturating_add(usage.completion_tokens);
        self.total_tokens = self.prompt_tokens.saturating_add(self.completion_tokens);
    }
}

/// What every chunk of one reply says of itself.
#[derive(Clone, Debug)]
pub(super) struct Head {
    id: String,
    created: u64,
    model: String,
}

impl Head {
    /// A reply that begins now.
    pub fn new(model: String) -> Self {
        Self {
            id: new_id("chatcmpl-"),
            created: now(),
            model,
        }
    }

    /// A chunk.
    pub fn chunk(&self, choices: Vec<ChunkChoice>, usage: Option<Option<ChatUsage>>) -> ChatChunk {
        ChatChunk {
            id: self.id.clone(),
            object: "chat.completion.chunk",
            created: self.created,
            model: self.model.clone(),
            service_tier: SERVICE_TIER,
            system_fingerprint: fingerprint(),
            choices,
            usage,
        }
    }

    /// The whole reply.
    pub fn whole(self, answers: Vec<Heard>, with_logprobs: bool) -> ChatCompletion {
        let mut usage = ChatUsage::default();
        let choice = |(index, heard): (u32, Heard)| {
            usage.add(&heard.usage);
            let logprobs = ChatLogprobs::of(heard.tokens);
            ChatChoice {
                index,
                message: ChatAnswer {
                    role: "assistant",
                    content: heard.text,
                    refusal: None,
                    annotations: [],
                },
                logprobs: with_logprobs.then_some(logprobs),
                finish_reason: finish_reason(heard.finish_reason),
            }
        };
        let choices = (0..).zip(answers).map(choice).collect();
        ChatCompletion {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            service_tier: SERVICE_TIER,
            system_fingerprint: fingerprint(),
            choices,
            usage,
        }
    }
}

fn fingerprint() -> String {
    concat!("lookdesk-", env!("CARGO_PKG_VERSION")).to_owned()
}

/// How an answer ended whose time was over before its first word.
pub(super) const WORDLESS: &str = finish_reason(FinishReason::TimedOut);

/// An answer cut short for whatever reason is not whole, which is what `length` tells a client.
pub(super) const fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length
        | FinishReason::Repetition
        | FinishReason::Cancelled
        | FinishReason::TimedOut => "length",
    }
}
