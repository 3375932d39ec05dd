//! From the events of answers to the lines of a chat completion that streams. A plain state machine:
//! event in, lines out.

use axum::response::sse::Event;
use desk::{AnswerEvent, Code, Refusal};
use serde::Serialize;

use super::chat_reply::{
    ChatLogprobs, ChatUsage, ChunkChoice, ChunkDelta, Head, WORDLESS, finish_reason,
};
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
    /// Whether one of them is an answer, in words or whole.
    answered: bool,
    /// Answers whose time was over before their first word, as long as none is an answer: if all are like that, it is
    /// a fault.
    wordless: Vec<u32>,
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
            answered: false,
            wordless: Vec::new(),
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
                let mut lines = self.answered();
                lines.push(self.choice(index, delta, logprobs, None));
                lines
            }
            AnswerEvent::Done {
                finish_reason: reason,
                usage,
                ..
            } => {
                self.usage.add(&usage);
                let mut lines = self.answered();
                lines.push(self.end(index, finish_reason(reason)));
                lines.extend(self.one_less());
                lines
            }
            AnswerEvent::Error(refusal) if refusal.code == Code::TimedOut => {
                self.wordless.push(index);
                match (self.answered, self.open) {
                    (true, _) => {
                        let mut lines = self.answered();
                        lines.extend(self.one_less());
                        lines
                    }
                    (false, 0 | 1) => self.fault(refusal),
                    (false, _) => self.one_less(),
                }
            }
            AnswerEvent::Error(refusal) => self.fault(refusal),
        }
    }

    /// Whether nothing follows: all have ended, or one has failed.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// There is an answer; so those without a word are empty ones.
    fn answered(&mut self) -> Vec<Event> {
        self.answered = true;
        let wordless = std::mem::take(&mut self.wordless).into_iter();
        wordless.map(|index| self.end(index, WORDLESS)).collect()
    }

    /// One more answer has ended, and perhaps the stream.
    fn one_less(&mut self) -> Vec<Event> {
        self.open = self.open.saturating_sub(1);
        match self.open {
            0 => self.ending(),
            _ => Vec::new(),
        }
    }

    /// Nothing follows a fault.
    fn fault(&mut self, refusal: Refusal) -> Vec<Event> {
        self.open = 0;
        let error = self.places.refused(refusal).openai();
        vec![line(&OpenAiErrorBody { error })]
    }

    fn end(&self, index: u32, reason: &'static str) -> Event {
        self.choice(index, ChunkDelta::default(), None, Some(reason))
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
