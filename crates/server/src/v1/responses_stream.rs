//! From the events of an answer to the events of a response that streams, numbered in order.
//!
//! The last four each tell the answer again, with all its log-probabilities. Each is written when the one before it was
//! taken, from what is kept once: a reader who stops there holds little.

use std::collections::VecDeque;

use axum::response::sse::Event;
use desk::{AnswerEvent, FinishReason, Usage};
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use serde::Serialize;

use super::chat_stream::{line, waiting};
use super::reply::{TokenLogprob, new_id};
use super::responses_reply::{OutputMessage, OutputText, ResponseReply, message, message_status};

/// The events of a response that has begun, as its answer comes.
pub(super) fn written(
    response: ResponseReply,
    with_logprobs: bool,
    answer: impl Stream<Item = AnswerEvent> + Send + 'static,
) -> impl Stream<Item = Event> + Send + 'static {
    let writer = ResponseWriter::new(response, with_logprobs);
    unfold(
        (writer, Box::pin(answer)),
        async |(mut writer, mut answer)| {
            loop {
                if let Some(event) = writer.next() {
                    return Some((event, (writer, answer)));
                }
                writer.take(answer.next().await?);
            }
        },
    )
}

/// The writer of one stream.
struct ResponseWriter {
    /// With its message once that has ended.
    response: ResponseReply,
    message_id: String,
    with_logprobs: bool,
    text: String,
    logprobs: Vec<TokenLogprob>,
    number: u64,
    /// Written and not yet taken.
    ready: VecDeque<Event>,
    /// What is to be written next of an answer that has ended.
    end: Option<End>,
}

/// The last four events.
#[derive(Clone, Copy)]
enum End {
    Text,
    Part,
    Item,
    Response,
}

/// Any event.
#[derive(Serialize)]
struct Numbered<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    fields: T,
}

/// An event about the one part of the one message.
#[derive(Serialize)]
struct InPart<'a, T> {
    item_id: &'a str,
    output_index: u32,
    content_index: u32,
    #[serde(flatten)]
    fields: T,
}

#[derive(Serialize)]
struct OfResponse<'a> {
    response: &'a ResponseReply,
}

#[derive(Serialize)]
struct OfItem<'a> {
    output_index: u32,
    item: &'a OutputMessage,
}

#[derive(Serialize)]
struct OfPart<'a> {
    part: &'a OutputText,
}

#[derive(Serialize)]
struct NewText<'a> {
    delta: &'a str,
    logprobs: &'a [TokenLogprob],
}

#[derive(Serialize)]
struct WholeText<'a> {
    text: &'a str,
    logprobs: &'a [TokenLogprob],
}

impl ResponseWriter {
    fn new(response: ResponseReply, with_logprobs: bool) -> Self {
        let mut writer = Self {
            response,
            message_id: new_id("msg_"),
            with_logprobs,
            text: String::new(),
            logprobs: Vec::new(),
            number: 0,
            ready: VecDeque::new(),
            end: None,
        };
        writer.ready = writer.opening().into();
        writer
    }

    /// What every response begins with.
    fn opening(&mut self) -> [Event; 4] {
        let item = message(self.message_id.clone(), "in_progress", Vec::new());
        let part = OutputText::new(String::new(), Vec::new());
        let begun = OfResponse {
            response: &self.response,
        };
        let added = OfItem {
            output_index: 0,
            item: &item,
        };
        let number = &mut self.number;
        [
            event(number, "response.created", &begun),
            event(number, "response.in_progress", &begun),
            event(number, "response.output_item.added", added),
            event(
                number,
                "response.content_part.added",
                in_part(&self.message_id, OfPart { part: &part }),
            ),
        ]
    }

    /// The next event, if there is one yet.
    fn next(&mut self) -> Option<Event> {
        self.ready.pop_front().or_else(|| self.next_of_end())
    }

    /// Takes an event of the answer.
    fn take(&mut self, event: AnswerEvent) {
        match event {
            AnswerEvent::Queued { position, wait_ms } => {
                self.ready.push_back(waiting(position, wait_ms));
            }
            AnswerEvent::Reading { picture, of, .. } => {
                let words = format!("reading picture {picture} of {of}");
                self.ready.push_back(Event::default().comment(words));
            }
            AnswerEvent::Prefill { .. } => {}
            AnswerEvent::Delta { text, tokens } => {
                let new: Vec<TokenLogprob> = match self.with_logprobs {
                    true => tokens.into_iter().map(Into::into).collect(),
                    false => Vec::new(),
                };
                let fields = NewText {
                    delta: &text,
                    logprobs: &new,
                };
                let fields = in_part(&self.message_id, fields);
                let told = self::event(&mut self.number, "response.output_text.delta", fields);
                self.ready.push_back(told);
                self.text.push_str(&text);
                self.logprobs.extend(new);
            }
            AnswerEvent::Done {
                finish_reason,
                usage,
                ..
            } => self.ended(finish_reason, usage),
            AnswerEvent::Error(refusal) => {
                let failed = self.response.clone().failed(refusal);
                let fields = OfResponse { response: &failed };
                let told = self::event(&mut self.number, "response.failed", fields);
                self.ready.push_back(told);
            }
        }
    }

    fn ended(&mut self, reason: FinishReason, usage: Usage) {
        let text = std::mem::take(&mut self.text);
        let part = OutputText::new(text, std::mem::take(&mut self.logprobs));
        let id = self.message_id.clone();
        self.response.end(
            message(id, message_status(reason), vec![part]),
            reason,
            usage,
        );
        self.end = Some(End::Text);
    }

    fn next_of_end(&mut self) -> Option<Event> {
        let (id, number) = (&self.message_id, &mut self.number);
        let item = self.response.message()?;
        let part = item.content.first()?;
        let (told, next) = match self.end.take()? {
            End::Text => {
                let fields = WholeText {
                    text: &part.text,
                    logprobs: &part.logprobs,
                };
                let told = event(number, "response.output_text.done", in_part(id, fields));
                (told, Some(End::Part))
            }
            End::Part => {
                let fields = in_part(id, OfPart { part });
                let told = event(number, "response.content_part.done", fields);
                (told, Some(End::Item))
            }
            End::Item => {
                let output_index = 0;
                let fields = OfItem { output_index, item };
                let told = event(number, "response.output_item.done", fields);
                (told, Some(End::Response))
            }
            End::Response => {
                let kind = match self.response.is_completed() {
                    true => "response.completed",
                    false => "response.incomplete",
                };
                let response = &self.response;
                (event(number, kind, OfResponse { response }), None)
            }
        };
        self.end = next;
        Some(told)
    }
}

fn in_part<T>(item_id: &str, fields: T) -> InPart<'_, T> {
    InPart {
        item_id,
        output_index: 0,
        content_index: 0,
        fields,
    }
}

fn event(number: &mut u64, kind: &str, fields: impl Serialize) -> Event {
    let sequence_number = *number;
    *number += 1;
    let numbered = Numbered {
        kind,
        sequence_number,
        fields,
    };
    line(&numbered).event(kind)
}

#[cfg(test)]
mod tests {
    use desk::Defaults;
    use desk::testing::{delta, done};
    use serde_json::json;

    use super::super::responses_request::ResponseManner;
    use super::*;

    #[test]
    fn each_event_of_the_end_is_written_when_the_one_before_it_was_taken() {
        let manner = ResponseManner {
            stream: true,
            logprobs: true,
            instructions: None,
            max_output_tokens: None,
            temperature: None,
            top_p: None,
            top_logprobs: 20,
            format: json!({"type": "text"}),
            metadata: Default::default(),
        };
        let defaults = Defaults::default();
        let response = ResponseReply::begun("a model".to_owned(), manner, &defaults);
        let mut writer = ResponseWriter::new(response, true);
        writer.take(delta("AX73"));
        let told = std::iter::from_fn(|| writer.next()).count();
        assert_eq!((told, writer.number), (5, 5));
        writer.take(done());
        // Nothing of it lies written until somebody asks for it.
        for number in 5..9 {
            assert_eq!((writer.number, writer.ready.len()), (number, 0));
            assert!(writer.next().is_some());
        }
        assert!(writer.next().is_none());
    }
}
