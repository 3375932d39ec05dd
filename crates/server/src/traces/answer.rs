//! One answer: a span, and below it one for each thing it waited for, in the times that the engine took.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use desk::{AnswerEvent, FinishReason, Timings, Usage};
use opentelemetry::trace::{Event, Span, SpanBuilder, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use super::request::RequestTrace;

/// Watches one answer on its way; tells of it when it is let go.
#[derive(Debug)]
pub(crate) struct AnswerTrace {
    request: Arc<RequestTrace>,
    model: String,
    taken_in: SystemTime,
    /// When it was first seen to be its turn.
    turn: Option<SystemTime>,
    /// When the first words passed.
    first: Option<SystemTime>,
    end: End,
}

/// How an answer ended.
#[derive(Debug)]
enum End {
    /// Nobody heard its end.
    Left,
    /// Without all of its words.
    Failed(String),
    Done {
        reason: FinishReason,
        usage: Usage,
        timings: Timings,
    },
}

/// An answer that has ended.
#[derive(Debug)]
pub(super) struct Answered {
    began: SystemTime,
    ended: SystemTime,
    model: String,
    turn: Option<SystemTime>,
    first: Option<SystemTime>,
    end: End,
}

impl AnswerTrace {
    /// An answer that was taken in just now, in the request whose handler runs; none where requests are not
    /// told of.
    pub fn begun(model: &str) -> Option<Self> {
        let request = RequestTrace::current()?;
        Some(Self {
            taken_in: request.now(),
            model: model.to_owned(),
            request,
            turn: None,
            first: None,
            end: End::Left,
        })
    }

    /// Takes note of when an event passed; of what it says, only numbers.
    pub fn observe(&mut self, event: &AnswerEvent) {
        match event {
            AnswerEvent::Queued { .. } => {}
            AnswerEvent::Reading { .. } | AnswerEvent::Prefill { .. } => self.its_turn(),
            AnswerEvent::Delta { .. } => {
                self.its_turn();
                let now = self.request.now();
                self.first.get_or_insert(now);
            }
            AnswerEvent::Done {
                finish_reason: reason,
                usage,
                timings,
            } => {
                let (reason, usage, timings) = (*reason, *usage, *timings);
                self.end = End::Done {
                    reason,
                    usage,
                    timings,
                };
            }
            AnswerEvent::Error(refusal) => {
                let case = serde_json::to_value(refusal.code).unwrap_or_default();
                self.end = End::Failed(case.as_str().unwrap_or("failed").to_owned());
            }
        }
    }

    fn its_turn(&mut self) {
        let now = self.request.now();
        self.turn.get_or_insert(now);
    }
}

impl Drop for AnswerTrace {
    fn drop(&mut self) {
        // Pictures are cut before an answer is taken in, on the asker's time.
        let cutting = match &self.end {
            End::Done { timings, .. } => milliseconds(timings.image_ms),
            End::Left | End::Failed(_) => Duration::ZERO,
        };
        let began = self.taken_in.checked_sub(cutting).unwrap_or(self.taken_in);
        self.request.answered(Answered {
            began: began.max(self.request.began()),
            ended: self.request.now(),
            model: std::mem::take(&mut self.model),
            turn: self.turn,
            first: self.first,
            end: std::mem::replace(&mut self.end, End::Left),
        });
    }
}

/// A part of an answer's time.
#[derive(Debug, PartialEq)]
struct Part {
    name: &'static str,
    from: SystemTime,
    to: SystemTime,
    tokens: Option<(&'static str, u32)>,
}

impl Answered {
    /// Makes its spans, below this one.
    pub fn tell(self, tracer: &SdkTracer, request: &Context) {
        let (parts, first) = self.parts();
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.response.model", self.model),
        ];
        let mut failed = false;
        match self.end {
            End::Left => attributes.push(reason("cancelled")),
            End::Failed(case) => {
                failed = true;
                attributes.push(KeyValue::new("error.type", case));
            }
            End::Done {
                reason: why, usage, ..
            } => {
                attributes.push(reason(match why {
                    FinishReason::Stop => "stop",
                    FinishReason::Length => "length",
                    FinishReason::Repetition => "repetition",
                    FinishReason::Cancelled => "cancelled",
                    FinishReason::TimedOut => "timed_out",
                }));
                let tokens = [
                    ("gen_ai.usage.input_tokens", usage.prompt_tokens),
                    ("gen_ai.usage.output_tokens", usage.completion_tokens),
                    ("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens),
                    ("lookdesk.image_tokens", usage.image_tokens),
                ];
                attributes
                    .extend(tokens.map(|(name, count)| KeyValue::new(name, i64::from(count))));
            }
        }
        let told = first.map(|at| Event::new("first_token", at, Vec::new(), 0));
        let builder = SpanBuilder::from_name("answer")
            .with_start_time(self.began)
            .with_attributes(attributes)
            .with_events(told.into_iter().collect());
        let mut span = tracer.build_with_context(builder, request);
        if failed {
            span.set_status(Status::error(""));
        }
        let below = request.with_remote_span_context(span.span_context().clone());
        for part in parts {
            let tokens = part.tokens;
            let attributes = tokens.map(|(name, count)| KeyValue::new(name, i64::from(count)));
            let builder = SpanBuilder::from_name(part.name)
                .with_start_time(part.from)
                .with_attributes(attributes);
            let mut span = tracer.build_with_context(builder, &below);
            span.end_with_timestamp(part.to);
        }
        span.end_with_timestamp(self.ended);
    }

    /// What its time went into, and when its first token was there.
    fn parts(&self) -> (Vec<Part>, Option<SystemTime>) {
        let End::Done { usage, timings, .. } = &self.end else {
            return self.seen_parts();
        };
        // An answer of no words knows no times.
        if usage.completion_tokens == 0 {
            return self.seen_parts();
        }
        let at = |ms: f64| self.began + milliseconds(ms);
        let read = timings.ttft_ms - timings.prefill_ms;
        let turn = read - timings.vision_ms;
        let last = timings.ttft_ms + timings.decode_ms;
        let text = usage.prompt_tokens.saturating_sub(usage.cached_tokens);
        let parts = [
            ("pictures", 0.0, timings.image_ms, None),
            ("queue", timings.image_ms, turn, None),
            (
                "vision",
                turn,
                read,
                Some(("lookdesk.image_tokens", usage.image_tokens)),
            ),
            (
                "prefill",
                read,
                timings.ttft_ms,
                Some(("lookdesk.computed_tokens", text)),
            ),
            (
                "decode",
                timings.ttft_ms,
                last,
                Some(("gen_ai.usage.output_tokens", usage.completion_tokens)),
            ),
        ];
        let pictures = usage.image_tokens > 0;
        let parts = parts
            .into_iter()
            .filter(|(name, ..)| pictures || !matches!(*name, "pictures" | "vision"));
        let parts = parts.map(|(name, from, to, tokens)| Part {
            name,
            from: at(from),
            to: at(to.max(from)),
            tokens,
        });
        (parts.collect(), Some(at(timings.ttft_ms)))
    }

    /// The same for an answer that never told its own times.
    fn seen_parts(&self) -> (Vec<Part>, Option<SystemTime>) {
        let part = |name, from, to| Part {
            name,
            from,
            to,
            tokens: None,
        };
        let turn = self.turn.unwrap_or(self.ended);
        let mut parts = vec![part("queue", self.began, turn)];
        if self.turn.is_some() {
            let first = self.first.unwrap_or(self.ended);
            parts.push(part("prefill", turn, first));
        }
        if let Some(first) = self.first {
            parts.push(part("decode", first, self.ended));
        }
        (parts, self.first)
    }
}

fn reason(reason: &'static str) -> KeyValue {
    let reasons = Array::String(vec![StringValue::from(reason)]);
    KeyValue::new("gen_ai.response.finish_reasons", Value::Array(reasons))
}

/// Times of the engine are finite and small; whatever is not is no time.
fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(end: End) -> Answered {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        Answered {
            began,
            ended: began + Duration::from_secs(9),
            model: String::new(),
            turn: None,
            first: None,
            end,
        }
    }

    fn told(answered: &Answered) -> Vec<(&'static str, u128, u128)> {
        let since = |at: SystemTime| {
            at.duration_since(answered.began)
                .expect("later")
                .as_millis()
        };
        let parts = answered.parts().0.into_iter();
        parts
            .map(|part| (part.name, since(part.from), since(part.to)))
            .collect()
    }

    #[test]
    fn the_parts_of_an_answer_follow_each_other_in_the_engines_times() {
        let usage = Usage {
            prompt_tokens: 50,
            image_tokens: 40,
            cached_tokens: 16,
            completion_tokens: 3,
        };
        let timings = Timings {
            image_ms: 10.0,
            vision_ms: 200.0,
            prefill_ms: 300.0,
            ttft_ms: 1000.0,
            decode_ms: 500.0,
            decode_tokens_per_s: 4.0,
        };
        let reason = FinishReason::Stop;
        let whole = answered(End::Done {
            reason,
            usage,
            timings,
        });
        assert_eq!(
            told(&whole),
            [
                ("pictures", 0, 10),
                ("queue", 10, 500),
                ("vision", 500, 700),
                ("prefill", 700, 1000),
                ("decode", 1000, 1500),
            ]
        );
        let usage = Usage {
            image_tokens: 0,
            ..usage
        };
        // Times that cannot be: none goes back before the one it follows.
        let timings = Timings {
            image_ms: f64::NAN,
            ttft_ms: 100.0,
            vision_ms: 0.0,
            ..timings
        };
        let strange = answered(End::Done {
            reason,
            usage,
            timings,
        });
        for (name, from, to) in told(&strange) {
            assert!(
                from <= to && !["pictures", "vision"].contains(&name),
                "{name}"
            );
        }
    }

    #[test]
    fn an_answer_that_was_left_tells_how_far_it_came() {
        let mut left = answered(End::Left);
        assert_eq!(told(&left), [("queue", 0, 9000)]);
        left.turn = Some(left.began + Duration::from_secs(2));
        assert_eq!(told(&left), [("queue", 0, 2000), ("prefill", 2000, 9000)]);
        left.first = Some(left.began + Duration::from_secs(3));
        assert_eq!(
            told(&left),
            [
                ("queue", 0, 2000),
                ("prefill", 2000, 3000),
                ("decode", 3000, 9000)
            ]
        );
    }
}
