//! The road on which an answer travels from the answerer to whoever reads it.
//!
//! Bound to no runtime: the sender is a plain call from any thread, the stream can be polled by any executor. The
//! answerer never waits for the reader. What nobody has read yet is bounded in bytes: of one answer far above what an
//! answer in words takes, so only a reader who leaves thousands of tokens with all their alternatives lying is cut off,
//! and told so behind what was said. Of all answers together there is a bound as well ([`crate::unread`]): where that
//! gives an answer up, what lay of it is gone.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::lane::{Lane, Put, Weighed};
use crate::unread::{GiveUp, Unread};
use crate::{AnswerEvent, Picture, Refusal};

/// The most that may lie unread of one answer.
const UNREAD_BYTES: usize = 4 * 1024 * 1024;

/// The reader has left; nobody will see what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader of this answer has left")]
pub struct Gone;

/// Makes the two ends of an answer. `cancel` runs at most once and only while the answer has no last event: when the
/// reader asks for it, drops the stream, or lets too much lie. Without having run it is dropped when the answer ends.
pub fn answer_channel(cancel: impl FnOnce() + Send + 'static) -> (AnswerSender, AnswerStream) {
    let road = Arc::new(Mutex::new(Road {
        lane: Lane::new(),
        running: Some(Running {
            cancel: Some(Box::new(cancel)),
            pictures: Vec::new(),
        }),
    }));
    let sender = AnswerSender(Arc::new(End(road.clone())));
    (sender, AnswerStream(road))
}

/// What the two ends share.
struct Road {
    lane: Lane<AnswerEvent>,
    /// `None` once the last event was sent.
    running: Option<Running>,
}

/// What an answer needs until it ends. Dropped where the road is not locked: others' code may run.
struct Running {
    /// Present until it has run.
    cancel: Option<Box<dyn FnOnce() + Send>>,
    /// Held so that the shelf keeps them while the answer runs.
    pictures: Vec<Arc<Picture>>,
}

impl Running {
    fn cancel(mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel();
        }
    }
}

impl Road {
    /// Lays an event down; gives back what the answer needs no more, and what is to be told.
    fn put(&mut self, event: AnswerEvent) -> (Option<Running>, Put) {
        let ended = match event.is_last() {
            true => self.running.take(),
            false => None,
        };
        (ended, self.lane.put(event))
    }
}

impl GiveUp for Mutex<Road> {
    fn give_up(&self) {
        let mut road = lock(self);
        if road.lane.is_left() {
            return;
        }
        let bytes = road.lane.bytes();
        let unread = road.lane.clear();
        let running = road.running.take();
        let refusal = Refusal::answers_unread(bytes as u64);
        let (_, put) = road.put(AnswerEvent::Error(refusal));
        drop(road);
        drop(unread);
        put.tell();
        running.into_iter().for_each(Running::cancel);
    }
}

impl Weighed for AnswerEvent {
    fn bytes(&self) -> usize {
        let inside = match self {
            Self::Delta { text, tokens } => {
                let token = |token: &crate::TokenPiece| {
                    let top = token.top.iter();
                    let top = top.map(|top| size_of_val(top) + top.bytes.len());
                    size_of_val(token) + token.text.len() + token.bytes.len() + top.sum::<usize>()
                };
                text.len() + tokens.iter().map(token).sum::<usize>()
            }
            _ => 0,
        };
        size_of_val(self) + inside
    }
}

/// Each change is whole before the lock is let go.
fn lock(road: &Mutex<Road>) -> MutexGuard<'_, Road> {
    road.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answerer's end.
#[derive(Clone)]
pub struct AnswerSender(Arc<End>);

/// Should the answerer vanish without a last word, this says so, so that a reader always sees an ending.
struct End(Arc<Mutex<Road>>);

impl AnswerSender {
    /// Sends an event on; says so when nobody listens any more. What follows the last event is let go.
    pub fn send(&self, event: AnswerEvent) -> Result<(), Gone> {
        let mut road = lock(&self.0.0);
        if road.lane.is_left() {
            return Err(Gone);
        }
        if road.running.is_none() {
            return Ok(());
        }
        let (ended, put) = road.put(event);
        let cut_off = road.lane.bytes() > UNREAD_BYTES && road.running.is_some();
        let cut_off = cut_off.then(|| {
            let refusal = Refusal::answer_unread(road.lane.bytes() as u64);
            // Whoever is woken for the event before it finds it too.
            road.put(AnswerEvent::Error(refusal)).0
        });
        drop(road);
        drop(ended);
        put.tell();
        match cut_off {
            None => Ok(()),
            Some(running) => {
                running.into_iter().for_each(Running::cancel);
                Err(Gone)
            }
        }
    }

    /// Whether the reader has left.
    pub fn is_gone(&self) -> bool {
        lock(&self.0.0).lane.is_left()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut road = lock(&self.0);
        if road.running.is_none() {
            return;
        }
        let (ended, put) = road.put(AnswerEvent::Error(Refusal::answer_failed()));
        drop(road);
        drop(ended);
        put.tell();
    }
}

/// The reader's end: a stream of events that ends after the last one. Dropping it early cancels the answer.
pub struct AnswerStream(Arc<Mutex<Road>>);

impl AnswerStream {
    /// Keeps these pictures on the shelf for as long as the answer runs, however long it takes to read.
    pub(crate) fn holding(self, pictures: Vec<Arc<Picture>>) -> Self {
        if let Some(running) = &mut lock(&self.0).running {
            running.pictures = pictures;
        }
        self
    }

    /// Counts what lies unread of this answer to `client` together with that of others.
    pub(crate) fn counted_in(self, unread: &Unread, client: Option<&str>) -> Self {
        let road: Weak<Mutex<Road>> = Arc::downgrade(&self.0);
        let pile = unread.pile(client, road);
        let put = lock(&self.0).lane.count_in(pile);
        put.tell();
        self
    }

    /// Asks the answerer to end. Its last event still comes.
    pub fn cancel(&mut self) {
        let cancel = lock(&self.0)
            .running
            .as_mut()
            .and_then(|running| running.cancel.take());
        if let Some(cancel) = cancel {
            cancel();
        }
    }
}

impl Stream for AnswerStream {
    type Item = AnswerEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AnswerEvent>> {
        let mut road = lock(&self.0);
        match road.lane.next() {
            Some(event) => Poll::Ready(Some(event)),
            None if road.running.is_none() => Poll::Ready(None),
            None => {
                road.lane.wait(cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        let mut road = lock(&self.0);
        let unread = road.lane.leave();
        let running = road.running.take();
        drop(road);
        drop(unread);
        running.into_iter().for_each(Running::cancel);
    }
}

impl std::fmt::Debug for AnswerSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerSender").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let road = lock(&self.0);
        let pictures = road.running.as_ref().map(|running| running.pictures.len());
        f.debug_struct("AnswerStream")
            .field("unread", &road.lane.len())
            .field("running", &road.running.is_some())
            .field("pictures", &pictures.unwrap_or_default())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::testing::{delta, done, sample};
    use crate::{Code, TokenPiece, TopToken};

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

    /// A token with as many alternatives as a program may wish for.
    fn wide(text: &str) -> AnswerEvent {
        let top = TopToken {
            bytes: b"another".to_vec(),
            logprob: -1.0,
        };
        AnswerEvent::Delta {
            text: text.to_owned(),
            tokens: vec![TokenPiece {
                text: text.to_owned(),
                logprob: -0.5,
                bytes: text.as_bytes().to_vec(),
                top: vec![top; 20],
            }],
        }
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
        let other = sender.clone();
        sender.send(delta("E1")).expect("somebody reads");
        drop(sender);
        assert_eq!(next(&mut stream), Some(delta("E1")));
        assert_eq!(stream.next().now_or_never(), None);
        drop(other);
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

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_from_another_thread() {
        let (_, sender, mut stream) = counted();
        let saying = std::thread::spawn(move || {
            for word in ["WAN", " is", " off"] {
                std::thread::sleep(std::time::Duration::from_millis(5));
                sender.send(delta(word)).expect("somebody reads");
            }
        });
        let mut said = 0;
        while let Some(AnswerEvent::Delta { .. }) = stream.next().await {
            said += 1;
        }
        assert_eq!(said, 3);
        saying.join().expect("no panic");
    }

    #[test]
    fn pictures_are_let_go_when_the_answer_ends_and_not_when_it_is_read() {
        let picture = sample("router").pictures.remove(0);
        let (_, sender, stream) = counted();
        let mut stream = stream.holding(vec![picture.clone()]);
        sender.send(delta("AX73")).expect("somebody reads");
        assert_eq!(Arc::strong_count(&picture), 2);
        sender.send(done()).expect("somebody reads");
        assert_eq!(Arc::strong_count(&picture), 1);
        assert_eq!(next(&mut stream), Some(delta("AX73")));
        // Vanishing is an end as well.
        let (_, sender, stream) = counted();
        let _stream = stream.holding(vec![picture.clone()]);
        drop(sender);
        assert_eq!(Arc::strong_count(&picture), 1);
    }

    #[test]
    fn a_reader_that_is_merely_slow_loses_no_word() {
        let (cancels, sender, mut stream) = counted();
        // As long as answers get, read when it has ended.
        for n in 0..4096 {
            let AnswerEvent::Delta { text, mut tokens } = wide(&format!("word {n} ")) else {
                unreachable!("made above");
            };
            tokens[0].top.clear();
            let event = AnswerEvent::Delta { text, tokens };
            sender.send(event).expect("somebody reads");
        }
        sender.send(done()).expect("somebody reads");
        let mut said = 0;
        while let Some(AnswerEvent::Delta { text, .. }) = next(&mut stream) {
            assert_eq!(text, format!("word {said} "));
            said += 1;
        }
        assert_eq!((said, cancels.load(Ordering::SeqCst)), (4096, 0));
    }

    #[test]
    fn a_reader_that_lets_too_much_lie_is_told_so_behind_what_was_said() {
        let (cancels, sender, mut stream) = counted();
        let mut sent = 0;
        while sender.send(wide("word ")).is_ok() {
            sent += 1;
            assert!(sent < 10_000, "it is never cut off");
        }
        assert_eq!(cancels.load(Ordering::SeqCst), 1);
        // Each has some 1.3 KB.
        assert!(sent > 2000, "{sent}");
        assert!(lock(&stream.0).lane.bytes() < UNREAD_BYTES + 4096);
        let mut said = 0;
        let last = loop {
            match next(&mut stream).expect("an ending") {
                AnswerEvent::Delta { .. } => said += 1,
                last => break last,
            }
        };
        // The one that was too many was said as well.
        assert_eq!(said, sent + 1);
        let AnswerEvent::Error(refusal) = last else {
            panic!("{last:?}");
        };
        assert_eq!(refusal.code, Code::AnswerUnread);
        assert_eq!(next(&mut stream), None);
        assert_eq!(lock(&stream.0).lane.bytes(), 0);
        drop(stream);
        assert_eq!(cancels.load(Ordering::SeqCst), 1);
        // Who reads along may hear any number.
        let (_, sender, mut stream) = counted();
        for _ in 0..3 * sent {
            sender.send(wide("word ")).expect("somebody reads");
            next(&mut stream);
        }
    }

    /// Answers to one client, all of whose words lie unread; how often each was cancelled.
    fn lying(
        unread: &Unread,
        client: &str,
        words: usize,
    ) -> (Arc<AtomicUsize>, AnswerSender, AnswerStream) {
        let (cancels, sender, stream) = counted();
        let stream = stream.counted_in(unread, Some(client));
        for _ in 0..words {
            sender.send(wide("word ")).expect("somebody reads");
        }
        (cancels, sender, stream)
    }

    #[test]
    fn where_too_much_lies_unread_of_all_the_one_with_the_most_is_ended_and_its_words_let_go() {
        let unread = Unread::new(100 * wide("word ").bytes());
        let (read, read_to, mut reader) = lying(&unread, "anna", 0);
        let (large, large_to, mut large_stream) = lying(&unread, "script", 50);
        let (small, small_to, mut small_stream) = lying(&unread, "script", 30);
        // Who reads along may hear any number.
        for _ in 0..500 {
            read_to.send(wide("word ")).expect("somebody reads");
            next(&mut reader);
        }
        for _ in 0..20 {
            small_to.send(wide("word ")).expect("somebody reads");
        }
        let cancels = || [&read, &large, &small].map(|one| one.load(Ordering::SeqCst));
        assert_eq!(cancels(), [0, 0, 0]);
        // Whoever's word it is that is one too many.
        read_to.send(wide("word ")).expect("somebody reads");
        assert_eq!(cancels(), [0, 1, 0]);
        assert_eq!(unread.bytes(), 51 * wide("word ").bytes());
        // What the answerer still says is let go.
        large_to.send(wide("late")).expect("not yet dropped");
        let Some(AnswerEvent::Error(refusal)) = next(&mut large_stream) else {
            panic!("it is told why");
        };
        assert_eq!(refusal.code, Code::AnswerUnread);
        assert_eq!(next(&mut large_stream), None);
        small_to.send(done()).expect("somebody reads");
        let rest = std::iter::from_fn(|| next(&mut small_stream));
        assert_eq!(rest.count(), 51);
        drop((large_stream, reader));
        assert_eq!((cancels(), unread.bytes()), ([1, 1, 0], 0));
    }

    #[test]
    fn an_answer_that_has_ended_and_lies_unread_is_let_go_as_well() {
        let unread = Unread::new(100 * wide("word ").bytes());
        let (cancels, sender, mut stream) = lying(&unread, "script", 60);
        sender.send(done()).expect("somebody reads");
        let (_, _sender, _stream) = lying(&unread, "anna", 45);
        let Some(AnswerEvent::Error(refusal)) = next(&mut stream) else {
            panic!("it is told why");
        };
        assert_eq!(refusal.code, Code::AnswerUnread);
        assert_eq!(next(&mut stream), None);
        assert_eq!(cancels.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn words_that_lay_before_they_were_counted_are_counted() {
        let unread = Unread::new(10 * wide("word ").bytes());
        let (cancels, sender, stream) = counted();
        for _ in 0..11 {
            sender.send(wide("word ")).expect("somebody reads");
        }
        let mut stream = stream.counted_in(&unread, None);
        assert_eq!(cancels.load(Ordering::SeqCst), 1);
        assert!(matches!(next(&mut stream), Some(AnswerEvent::Error(_))));
    }
}
