//! The road of a round's events to whoever asked, who may read slowly: nobody waits for the reader. What lies unread
//! is the answer, which has a bound of its own, and at most a few of its marks, each of which says all there is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{RoundEvent, RoundStep};
use crate::records::TextMark;

/// The end of whoever carries the answer.
#[derive(Debug)]
pub(crate) struct RoundSender {
    events: UnboundedSender<RoundEvent>,
    /// Marks lie unread.
    unread_marks: Arc<AtomicBool>,
}

/// The events of a round. Dropping it early ends the answer; what was said is kept.
#[derive(Debug)]
pub struct RoundStream {
    events: UnboundedReceiver<RoundEvent>,
    unread_marks: Arc<AtomicBool>,
}

impl RoundSender {
    /// Both ends.
    pub fn new() -> (Self, RoundStream) {
        let (to, events) = unbounded_channel();
        let unread_marks = Arc::new(AtomicBool::new(false));
        let sender = Self {
            events: to,
            unread_marks: unread_marks.clone(),
        };
        let stream = RoundStream {
            events,
            unread_marks,
        };
        (sender, stream)
    }

    /// Tells something; nobody may be there to hear it.
    pub fn tell(&self, event: impl Into<RoundEvent>) {
        let _ = self.events.send(event.into());
    }

    /// Tells the marks, unless older ones lie unread: then it says false, and they are to be told later.
    pub fn tell_marks(&self, marks: &[TextMark]) -> bool {
        if self.unread_marks.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.tell_last_marks(marks);
        true
    }

    /// Tells the marks in any case: there will be no others.
    pub fn tell_last_marks(&self, marks: &[TextMark]) {
        let marks = marks.to_vec();
        self.tell(RoundEvent::Step(RoundStep::Mark { marks }));
    }

    /// Ready when nobody listens any more.
    pub async fn closed(&self) {
        self.events.closed().await;
    }
}

impl Stream for RoundStream {
    type Item = RoundEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<RoundEvent>> {
        let event = self.events.poll_recv(cx);
        if let Poll::Ready(Some(RoundEvent::Step(RoundStep::Mark { .. }))) = &event {
            self.unread_marks.store(false, Ordering::Release);
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::testing::delta;

    #[test]
    fn marks_are_told_again_only_once_those_before_were_read() {
        let (sender, mut stream) = RoundSender::new();
        assert!(sender.tell_marks(&[]));
        sender.tell(delta("E102"));
        assert!(!sender.tell_marks(&[]));
        sender.tell(delta("E103"));
        let mut next = || stream.next().now_or_never().flatten();
        let names = |event: Option<RoundEvent>| event.map(|event| event.name());
        assert_eq!(names(next()), Some("mark"));
        assert!(sender.tell_marks(&[]));
        assert!(!sender.tell_marks(&[]));
        sender.tell_last_marks(&[]);
        drop(sender);
        let rest = std::iter::from_fn(|| names(next()));
        assert_eq!(rest.collect::<Vec<_>>(), ["delta", "delta", "mark", "mark"]);
    }
}
