//! What a response replies.

use desk::{Class, Defaults, FinishReason, Refusal, Usage};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::reply::{SERVICE_TIER, TokenLogprob, new_id, now};
use super::responses_request::{Metadata, ResponseManner};

/// An answer in the shape of OpenAI's responses.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ResponseReply {
    id: String,
    /// Always `response`.
    object: &'static str,
    /// Seconds since 1970.
    created_at: u64,
    /// The same of its end; null unless it was completed.
    completed_at: Option<u64>,
    /// Always false: an answer comes while its asker waits.
    background: bool,
    /// `in_progress`, `completed`, `incomplete` or `failed`.
    status: &'static str,
    error: Option<Fault>,
    incomplete_details: Option<Incomplete>,
    instructions: Option<String>,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<u32>,
    model: String,
    output: Vec<OutputMessage>,
    parallel_tool_calls: bool,
    previous_response_id: Option<String>,
    reasoning: Reasoning,
    /// Always `default`: there is one.
    service_tier: &'static str,
    /// Always false: nothing is stored.
    store: bool,
    /// As it was asked for, or the desk's own.
    #[schema(value_type = f32)]
    temperature: f64,
    text: Format,
    tool_choice: &'static str,
    #[schema(value_type = Vec<Value>)]
    tools: [(); 0],
    top_logprobs: u32,
    /// As it was asked for, or the desk's own.
    #[schema(value_type = f32)]
    top_p: f64,
    truncation: &'static str,
    usage: Option<ResponseUsage>,
    metadata: Metadata,
}

/// Nothing: the answer is all there is.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
struct Reasoning {
    effort: Option<&'static str>,
    summary: Option<&'static str>,
}

/// Why there is no answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Fault {
    pub code: &'static str,
    pub message: String,
}

/// Why an answer is not whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Incomplete {
    /// Always `max_output_tokens`: clients know no other word for an answer that was cut short.
    reason: &'static str,
    /// What cut it short, where that was not its length: `repetition`, `timed_out` or `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
}

/// What the answer was asked to look like.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Format {
    format: Value,
}

/// The answer as a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OutputMessage {
    pub id: String,
    /// Always `message`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: &'static str,
    pub role: &'static str,
    pub content: Vec<OutputText>,
}

/// The words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OutputText {
    /// Always `output_text`.
    #[serde(rename = "type")]
    kind: &'static str,
    pub text: String,
    #[schema(value_type = Vec<Value>)]
    annotations: [(); 0],
    pub logprobs: Vec<TokenLogprob>,
}

impl OutputText {
    pub fn new(text: String, logprobs: Vec<TokenLogprob>) -> Self {
        Self {
            kind: "output_text",
            text,
            annotations: [],
            logprobs,
        }
    }
}

/// Tokens counted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct ResponseUsage {
    input_tokens: u32,
    input_tokens_details: InputDetails,
    output_tokens: u32,
    output_tokens_details: OutputDetails,
    total_tokens: u32,
}

/// Of what was taken in.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ResponseInputDetails)]
struct InputDetails {
    cached_tokens: u32,
    /// Always 0: nobody asks for a cache to be written.
    cache_write_tokens: u32,
    image_tokens: u32,
}

/// Of what was given out.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl From<Usage> for ResponseUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached_tokens,
                cache_write_tokens: 0,
                image_tokens: usage.image_tokens,
            },
            output_tokens: usage.completion_tokens,
            output_tokens_details: OutputDetails {
                reasoning_tokens: 0,
            },
            total_tokens: usage.prompt_tokens.saturating_add(usage.completion_tokens),
        }
    }
}

/// A setting as it was written: 1.9, where its nearest neighbour among shorter numbers is 1.899999976158142.
fn as_written(setting: f32) -> f64 {
    setting.to_string().parse().unwrap_or(setting.into())
}

/// Which end a message came to.
pub(super) fn message_status(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "completed",
        FinishReason::Length
        | FinishReason::Repetition
        | FinishReason::Cancelled
        | FinishReason::TimedOut => "incomplete",
    }
}

impl ResponseReply {
    /// A response that begins now; what was not asked for is as the desk has it.
    pub fn begun(model: String, manner: ResponseManner, defaults: &Defaults) -> Self {
        Self {
            id: new_id("resp_"),
            object: "response",
            created_at: now(),
            completed_at: None,
            background: false,
            status: "in_progress",
            error: None,
            incomplete_details: None,
            instructions: manner.instructions,
            max_output_tokens: manner.max_output_tokens,
            max_tool_calls: None,
            model,
            output: Vec::new(),
            parallel_tool_calls: false,
            previous_response_id: None,
            reasoning: Reasoning::default(),
            service_tier: SERVICE_TIER,
            store: false,
            temperature: as_written(manner.temperature.unwrap_or(defaults.temperature)),
            text: Format {
                format: manner.format,
            },
            tool_choice: "none",
            tools: [],
            top_logprobs: manner.top_logprobs,
            top_p: as_written(manner.top_p.unwrap_or(defaults.top_p)),
            truncation: "disabled",
            usage: None,
            metadata: manner.metadata,
        }
    }

    /// Its answer has ended.
    pub fn end(&mut self, message: OutputMessage, reason: FinishReason, usage: Usage) {
        self.status = message_status(reason);
        let cause = match reason {
            FinishReason::Stop | FinishReason::Length => None,
            FinishReason::Repetition => Some("repetition"),
            FinishReason::Cancelled => Some("cancelled"),
            FinishReason::TimedOut => Some("timed_out"),
        };
        match reason {
            FinishReason::Stop => self.completed_at = Some(now()),
            _ => {
                let reason = "max_output_tokens";
                self.incomplete_details = Some(Incomplete { reason, cause });
            }
        }
        self.output = vec![message];
        self.usage = Some(usage.into());
    }

    /// The answer, once it has ended.
    pub fn message(&self) -> Option<&OutputMessage> {
        self.output.first()
    }

    /// Whether its answer came to an end of its own.
    pub fn is_completed(&self) -> bool {
        self.completed_at.is_some()
    }

    /// The same response without one.
    pub fn failed(mut self, refusal: Refusal) -> Self {
        self.status = "failed";
        // Of the codes that clients know, these two say whose turn it is to change something.
        let code = match refusal.class() {
            Class::Invalid => "invalid_prompt",
            _ => "server_error",
        };
        let message = refusal.message;
        self.error = Some(Fault { code, message });
        self
    }
}

/// A message of the answer, at whatever point it is.
pub(super) fn message(id: String, status: &'static str, content: Vec<OutputText>) -> OutputMessage {
    OutputMessage {
        id,
        kind: "message",
        status,
        role: "assistant",
        content,
    }
}
