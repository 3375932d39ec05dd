//! From the events of answers to the lines of a chat completion that streams. A plain state machine:
//! event in, lines out.

use axum::response::sse::Event;
use desk::AnswerEvent;
use serde::Serialize;

use super::chat_reply::{ChatLogprobs, ChatUsage, ChunkChoice, ChunkDelta, Head, finish_reason};
use super::chat_request::Manner;
use super::question::Places;
use crate::error::OpenAiErrorBody;

/// The writer of one stream.
pub(super) struct ChatWriter {
    head: Head,
    manner: Manner,
    places: Places,
    usage: ChatUsage,
    /// Answers that have not ended.
    open: u32,
    /// Nothing follows a fault.
    broken: bool,
}

impl ChatWriter {
    /// A writer for as many answers as were asked for.
    pub fn new(head: Head, manner: Manner, places: Places) -> Self {
        let open = manner.answers;
        Self {
            head,
            manner,
            places,
            usage: ChatUsage::default(),
            open,
            broken: false,
        }
    }

    /// What every answer begins with.
    pub fn opening(&self) -> Vec<Event> {
        let open = |index| {
            let delta = ChunkDelta {
                role: Some("assistant"),
                content: Some(String::new()),
                refusal: Some(None),
            };
            self.choice(index, delta, None, None)
        };
        (0..self.manner.answers).map(open).collect()
    }

    /// The lines for one event of one answer.
    pub fn lines(&mut self, index: u32, event: AnswerEvent) -> Vec<Event> {
        if self.broken {
            return Vec::new();
        }
        match event {
            // A comment: clients that look see the queue move, the others see life.
            AnswerEvent::Queued { position, wait_ms } => vec![waiting(position, wait_ms)],
            AnswerEvent::Reading { picture, of, .. } => {
                vec![Event::default().comment(format!("reading picture {picture} of {of}"))]
            }
            AnswerEvent::Prefill { .. } => Vec::new(),
            AnswerEvent::Delta { text, tokens } => {
                let logprobs = self.manner.logprobs.then(|| ChatLogprobs::of(tokens));
                let delta = ChunkDelta {
                    content: Some(text),
                    ..ChunkDelta::default()
                };
                vec![self.choice(index, delta, logprobs, None)]
            }
            AnswerEvent::Done {
                finish_reason: reason,
                usage,
                ..
            } => {
                self.usage.add(&usage);
                self.open = self.open.saturating_sub(1);
                let end = Some(finish_reason(reason));
                let mut lines = vec![self.choice(index, ChunkDelta::default(), None, end)];
                if self.open == 0 {
                    lines.extend(self.ending());
                }
                lines
            }
            AnswerEvent::Error(refusal) => {
                self.broken = true;
                let error = self.places.refused(refusal).openai();
                vec![line(&OpenAiErrorBody { error })]
            }
        }
    }

    fn ending(&self) -> Vec<Event> {
        let counted = self.manner.include_usage;
        let usage = counted.then(|| line(&self.head.chunk(Vec::new(), Some(Some(self.usage)))));
        usage
            .into_iter()
            .chain([Event::default().data("[DONE]")])
            .collect()
    }

    fn choice(
        &self,
        index: u32,
        delta: ChunkDelta,
        logprobs: Option<ChatLogprobs>,
        finish_reason: Option<&'static str>,
    ) -> Event {
        let choice = ChunkChoice {
            index,
            delta,
            logprobs,
            finish_reason,
        };
        let usage = self.manner.include_usage.then_some(None);
        line(&self.head.chunk(vec![choice], usage))
    }
}

/// Where a question stands in the queue, as a comment.
pub(super) fn waiting(position: u32, wait_ms: Option<u64>) -> Event {
    let about = wait_ms.map(|ms| format!(", about {} s", ms.div_ceil(1000)));
    let about = about.unwrap_or_default();
    Event::default().comment(format!("waiting, {position} ahead{about}"))
}

/// A value as the data of an event.
pub(super) fn line(value: &impl Serialize) -> Event {
    Event::default().json_data(value).unwrap_or_else(|error| {
        // Plain data always serialises; a comment keeps the stream whole.
        tracing::error!(%error, "a chunk could not be written");
        Event::default().comment("lost")
    })
}
