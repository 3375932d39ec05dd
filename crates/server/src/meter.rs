//! An answer on its way to whoever asked, cut short with a word when the server closes, and counted.

use std::future::pending;
use std::sync::Arc;

use desk::rounds::RoundEvent;
use desk::{AnswerEvent, Code, Refusal};
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::traces::AnswerTrace;

/// An event on its way to whoever asked.
pub(crate) trait Step: From<AnswerEvent> {
    /// The event of an answer in it.
    fn of_answer(&self) -> Option<&AnswerEvent>;
}

impl Step for AnswerEvent {
    fn of_answer(&self) -> Option<&AnswerEvent> {
        Some(self)
    }
}

impl Step for RoundEvent {
    fn of_answer(&self) -> Option<&AnswerEvent> {
        match self {
            Self::Answer(event) => Some(event),
            Self::Step(_) => None,
        }
    }
}

/// The answer's events, the last of which may be that the server closes.
pub(crate) fn events<E, S>(shared: &Shared, answer: S) -> impl Stream<Item = E> + use<E, S>
where
    E: Step,
    S: Stream<Item = E> + Unpin,
{
    let meter = Meter::new(shared);
    let closing = shared.closing.clone();
    unfold(Some((answer, closing, meter)), async |running| {
        let (mut answer, mut closing, mut meter) = running?;
        let event = tokio::select! {
            biased;
            event = answer.next() => Some(event?),
            () = told_to_close(&mut closing) => None,
        };
        let event = event.unwrap_or_else(|| AnswerEvent::Error(Refusal::shutting_down()).into());
        let mut more = true;
        if let Some(event) = event.of_answer() {
            meter.observe(event);
            more = !event.is_last();
        }
        Some((event, more.then_some((answer, closing, meter))))
    })
}

/// Ready when the server closes; a server that is gone will not say it.
async fn told_to_close(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        pending::<()>().await;
    }
}

/// Watches one answer.
struct Meter {
    metrics: Arc<Metrics>,
    trace: Option<AnswerTrace>,
    /// Tokens so far.
    said: usize,
    ended: bool,
}

impl Meter {
    fn new(shared: &Shared) -> Self {
        Self {
            metrics: shared.metrics.clone(),
            trace: AnswerTrace::begun(&shared.models[0]),
            said: 0,
            ended: false,
        }
    }

    fn observe(&mut self, event: &AnswerEvent) {
        if let Some(trace) = &mut self.trace {
            trace.observe(event);
        }
        match event {
            AnswerEvent::Delta { tokens, .. } => {
                self.said += tokens.len();
            }
            AnswerEvent::Done {
                finish_reason,
                usage,
                ..
            } => {
                self.ended = true;
                self.metrics.finished(*finish_reason, usage);
            }
            AnswerEvent::Error(refusal) => {
                self.ended = true;
                let kind = match refusal.code {
                    Code::TimedOut => "timed_out",
                    _ => "failed",
                };
                self.metrics.broke_off(kind, self.said);
            }
            AnswerEvent::Queued { .. }
            | AnswerEvent::Reading { .. }
            | AnswerEvent::Prefill { .. } => {}
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.broke_off("cancelled", self.said);
        }
    }
}
