//! From the events of an answer to the events of a response that streams. A plain state machine: event
//! in, events out, numbered in order.

use axum::response::sse::Event;
use desk::{AnswerEvent, FinishReason, Usage};
use serde_json::{Value, json};

use super::chat_stream::{line, waiting};
use super::reply::{TokenLogprob, new_id};
use super::responses_reply::{OutputText, ResponseReply, message, message_status};

/// The writer of one stream.
pub(super) struct ResponseWriter {
    response: ResponseReply,
    message_id: String,
    with_logprobs: bool,
    text: String,
    logprobs: Vec<TokenLogprob>,
    number: u64,
}

impl ResponseWriter {
    /// A writer for a response that has begun.
    pub fn new(response: ResponseReply, with_logprobs: bool) -> Self {
        Self {
            response,
            message_id: new_id("msg_"),
            with_logprobs,
            text: String::new(),
            logprobs: Vec::new(),
            number: 0,
        }
    }

    /// What every response begins with.
    pub fn opening(&mut self) -> Vec<Event> {
        let begun = json!({"response": self.response});
        let item = message(self.message_id.clone(), "in_progress", Vec::new());
        let part = OutputText::new(String::new(), Vec::new());
        vec![
            self.event("response.created", begun.clone()),
            self.event("response.in_progress", begun),
            self.event(
                "response.output_item.added",
                json!({"output_index": 0, "item": item}),
            ),
            self.in_part("response.content_part.added", json!({"part": part})),
        ]
    }

    /// The events for one event of the answer.
    pub fn events(&mut self, event: AnswerEvent) -> Vec<Event> {
        match event {
            AnswerEvent::Queued { position, wait_ms } => vec![waiting(position, wait_ms)],
            AnswerEvent::Reading { picture, of, .. } => {
                vec![Event::default().comment(format!("reading picture {picture} of {of}"))]
            }
            AnswerEvent::Prefill { .. } => Vec::new(),
            AnswerEvent::Delta { text, tokens } => {
                let new: Vec<TokenLogprob> = match self.with_logprobs {
                    true => tokens.into_iter().map(Into::into).collect(),
                    false => Vec::new(),
                };
                self.text.push_str(&text);
                let fields = json!({"delta": text, "logprobs": new});
                self.logprobs.extend(new);
                vec![self.in_part("response.output_text.delta", fields)]
            }
            AnswerEvent::Done {
                finish_reason,
                usage,
                ..
            } => self.ending(finish_reason, usage),
            AnswerEvent::Error(refusal) => {
                let failed = self.response.clone().failed(refusal);
                vec![self.event("response.failed", json!({"response": failed}))]
            }
        }
    }

    fn ending(&mut self, reason: FinishReason, usage: Usage) -> Vec<Event> {
        let text = std::mem::take(&mut self.text);
        let logprobs = std::mem::take(&mut self.logprobs);
        let part = OutputText::new(text.clone(), logprobs.clone());
        let item = message(
            self.message_id.clone(),
            message_status(reason),
            vec![part.clone()],
        );
        let response = self.response.clone().ended(item.clone(), reason, usage);
        let last = match reason {
            FinishReason::Stop => "response.completed",
            _ => "response.incomplete",
        };
        vec![
            self.in_part(
                "response.output_text.done",
                json!({"text": text, "logprobs": logprobs}),
            ),
            self.in_part("response.content_part.done", json!({"part": part})),
            self.event(
                "response.output_item.done",
                json!({"output_index": 0, "item": item}),
            ),
            self.event(last, json!({"response": response})),
        ]
    }

    /// An event about the one part of the one message.
    fn in_part(&mut self, kind: &str, mut fields: Value) -> Event {
        fields["item_id"] = self.message_id.clone().into();
        fields["output_index"] = 0.into();
        fields["content_index"] = 0.into();
        self.event(kind, fields)
    }

    fn event(&mut self, kind: &str, mut fields: Value) -> Event {
        fields["type"] = kind.into();
        fields["sequence_number"] = self.number.into();
        self.number += 1;
        line(&fields).event(kind)
    }
}
