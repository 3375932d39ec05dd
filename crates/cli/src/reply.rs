//! One answer, heard to its end, and the JSON object it is reported as.

use engine::{
    EngineInfo, Event, FinishReason, Finished, Handle, Memory, Request, SubmitError, Timings,
    Token, Usage,
};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::waiting::Waiting;

/// An answer and what it cost.
#[derive(Debug, Clone)]
pub struct Reply {
    /// All words.
    pub answer: String,
    /// The tokens behind them.
    pub tokens: Vec<Token>,
    /// How it ended.
    pub finished: Finished,
}

/// The object that `ask --json` and `bench --json` print. Tools rely on these names.
#[derive(Debug, Serialize)]
pub struct ReplyJson<'a> {
    pub answer: &'a str,
    pub finish_reason: FinishReason,
    pub usage: Usage,
    pub tokens: &'a [Token],
    pub timings: Timings,
    pub memory: Memory,
    pub model: &'a str,
    pub device: &'a str,
    pub precision: &'a str,
}

impl Reply {
    /// The reply as tools read it.
    pub fn json<'a>(&'a self, info: &'a EngineInfo) -> ReplyJson<'a> {
        ReplyJson {
            answer: &self.answer,
            finish_reason: self.finished.finish_reason,
            usage: self.finished.usage,
            tokens: &self.tokens,
            timings: self.finished.timings,
            memory: self.finished.memory,
            model: &info.model,
            device: &info.device,
            precision: &info.precision,
        }
    }
}

/// Asks and listens to the end. `hear` gets every event before the last; when it fails, the answer
/// is cancelled and its failure returned. Ctrl-C ends the answer early with reason `cancelled`.
pub fn ask(
    handle: &Handle,
    request: Request,
    interrupt: &Interrupt,
    mut hear: impl FnMut(&Event) -> Outcome,
) -> Outcome<Reply> {
    let answer = handle.submit(request).map_err(refusal)?;
    let _guard = interrupt.guard(&answer);
    let mut text = String::new();
    let mut tokens = Vec::new();
    while let Some(event) = answer.next_event() {
        hear(&event)?;
        match event {
            Event::Delta(delta) => {
                text.push_str(&delta.text);
                tokens.extend(delta.tokens);
            }
            Event::Finished(finished) => {
                return Ok(Reply {
                    answer: text,
                    tokens,
                    finished,
                });
            }
            Event::Failed(why) => return Err(Failure::Failed(why.to_string())),
            Event::Queued { .. } | Event::Reading { .. } | Event::Prefill { .. } => {}
        }
    }
    Err(Failure::Failed(
        "the engine stopped in the middle of the answer; start it again".into(),
    ))
}

/// A setting out of range is the command line's fault, all else the question's.
fn refusal(error: SubmitError) -> Failure {
    match error {
        SubmitError::Sampling(setting) => Failure::Usage(setting.to_string()),
        other => Failure::of(&other),
    }
}

/// Shows on the waiting line what an event says; `about` stands before it.
pub fn show(waiting: &Waiting, about: &str, event: &Event) {
    match event {
        Event::Queued { position, .. } => {
            waiting.now(format!("{about}waiting, {position} before this one"));
        }
        Event::Reading { picture, of, .. } => {
            waiting.now(format!("{about}looking at picture {picture} of {of}"));
        }
        Event::Prefill { done, total } => {
            waiting.progress(
                format!("{about}reading the prompt"),
                *done as u64,
                *total as u64,
            );
        }
        Event::Delta(_) => waiting.now(format!("{about}writing the answer")),
        Event::Finished(_) | Event::Failed(_) => {}
    }
}
