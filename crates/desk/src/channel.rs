//! The road on which an answer travels from the answerer to whoever reads it.
//!
//! Bound to no runtime: the sender is a plain call from any thread, the stream
//! can be polled by any executor. The queue between them has no bound of its
//! own, because an answer has one: its number of tokens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_core::Stream;

use crate::{AnswerEvent, Picture, Refusal};

/// The reader has left; nobody will see what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader of this answer has left")]
pub struct Gone;

/// Makes the two ends of an answer. `cancel` runs at most once: when the reader
/// asks for it, or drops the stream before its last event.
pub fn answer_channel(cancel: impl FnOnce() + Send + 'static) -> (AnswerSender, AnswerStream) {
    let (sender, events) = mpsc::unbounded();
    let stream = AnswerStream {
        events,
        cancel: Some(Box::new(cancel)),
        is_over: false,
        pictures: Vec::new(),
    };
    (AnswerSender { sender }, stream)
}

/// The answerer's end.
#[derive(Clone, Debug)]
pub struct AnswerSender {
    sender: mpsc::UnboundedSender<AnswerEvent>,
}

impl AnswerSender {
    /// Sends an event on; says so when nobody listens any more.
    pub fn send(&self, event: AnswerEvent) -> Result<(), Gone> {
        self.sender.unbounded_send(event).map_err(|_| Gone)
    }

    /// Whether the reader has left.
    pub fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }
}

/// The reader's end: a stream of events that ends after the last one.
///
/// Dropping it early cancels the answer. Should the answerer vanish without a
/// last word, the stream says so itself, so a reader always sees an ending.
pub struct AnswerStream {
    events: mpsc::UnboundedReceiver<AnswerEvent>,
    /// Present until it has run, or the last event has passed.
    cancel: Option<Box<dyn FnOnce() + Send>>,
    is_over: bool,
    /// Held so that the shelf keeps them while the answer runs.
    pictures: Vec<Arc<Picture>>,
}

impl AnswerStream {
    /// Keeps these pictures on the shelf for as long as the answer runs.
    pub(crate) fn holding(mut self, pictures: Vec<Arc<Picture>>) -> Self {
        self.pictures = pictures;
        self
    }

    /// Asks the answerer to end. Its last event still comes.
    pub fn cancel(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel();
        }
    }

    fn settle(&mut self) {
        self.is_over = true;
        self.cancel = None;
        self.pictures.clear();
    }
}

impl Stream for AnswerStream {
    type Item = AnswerEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AnswerEvent>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let event = match Pin::new(&mut self.events).poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(event)) => event,
            Poll::Ready(None) => AnswerEvent::Error(Refusal::answer_failed()),
        };
        if event.is_last() {
            self.settle();
        }
        Poll::Ready(Some(event))
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl std::fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerStream")
            .field("running", &!self.is_over)
            .field("pictures", &self.pictures.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::testing::{delta, done};

    fn counted() -> (Arc<AtomicUsize>, AnswerSender, AnswerStream) {
        let cancels = Arc::new(AtomicUsize::new(0));
        let counter = cancels.clone();
        let (sender, stream) = answer_channel(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        (cancels, sender, stream)
    }

    fn next(stream: &mut AnswerStream) -> Option<AnswerEvent> {
        stream.next().now_or_never().expect("an event is ready")
    }

    #[test]
    fn a_stream_dropped_early_cancels_once() {
        let (cancels, sender, mut stream) = counted();
        sender.send(delta("WAN")).expect("somebody reads");
        assert_eq!(next(&mut stream), Some(delta("WAN")));
        drop(stream);
        assert_eq!(cancels.load(Ordering::SeqCst), 1);
        assert!(sender.is_gone());
        assert_eq!(sender.send(delta("off")), Err(Gone));
    }

    #[test]
    fn a_cancelled_stream_still_tells_how_it_ended() {
        let (cancels, sender, mut stream) = counted();
        stream.cancel();
        stream.cancel();
        sender.send(delta("E1")).expect("somebody reads");
        sender.send(done()).expect("somebody reads");
        assert_eq!(next(&mut stream), Some(delta("E1")));
        assert_eq!(next(&mut stream), Some(done()));
        assert_eq!(next(&mut stream), None);
        drop(stream);
        assert_eq!(cancels.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_finished_answer_is_not_cancelled() {
        let (cancels, sender, mut stream) = counted();
        sender.send(done()).expect("somebody reads");
        assert_eq!(next(&mut stream), Some(done()));
        assert_eq!(next(&mut stream), None);
        drop(stream);
        assert_eq!(cancels.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn an_answerer_that_vanishes_still_leaves_an_ending() {
        let (cancels, sender, mut stream) = counted();
        sender.send(delta("E1")).expect("somebody reads");
        drop(sender);
        assert_eq!(next(&mut stream), Some(delta("E1")));
        assert!(matches!(next(&mut stream), Some(AnswerEvent::Error(_))));
        assert_eq!(next(&mut stream), None);
        drop(stream);
        assert_eq!(cancels.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn nothing_follows_the_last_event() {
        let (_, sender, mut stream) = counted();
        sender.send(done()).expect("somebody reads");
        sender.send(delta("late")).expect("not yet dropped");
        assert_eq!(next(&mut stream), Some(done()));
        assert_eq!(next(&mut stream), None);
    }
}
