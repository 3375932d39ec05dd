//! The road of a round's events to whoever asked, who may read slowly: nobody waits for the reader. What lies unread
//! is the answer and at most a few of its marks, each of which says all there is; it is counted together with what lies
//! unread of other answers. Where that is too much and this one is given up, it is as if its reader had left.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{RoundEvent, RoundStep};
use crate::lane::{Lane, Weighed};
use crate::records::TextMark;
use crate::unread::{GiveUp, Unread};
use crate::{AnswerEvent, Presence, Refusal, Stay};

/// The end of whoever carries the answer.
pub(crate) struct RoundSender {
    road: Arc<Mutex<Road>>,
    reader: Presence,
}

/// The events of a round. Dropping it early ends the answer; what was said is kept.
pub struct RoundStream(Arc<Mutex<Road>>);

/// What the two ends share.
struct Road {
    lane: Lane<RoundEvent>,
    /// Marks lie unread.
    unread_marks: bool,
    /// The reader is there.
    stay: Option<Stay>,
    /// Nothing more will come.
    is_over: bool,
}

impl Weighed for RoundEvent {
    fn bytes(&self) -> usize {
        match self {
            Self::Step(RoundStep::Mark { marks }) => size_of_val(self) + size_of_val(&marks[..]),
            Self::Step(RoundStep::Asked { .. }) => size_of_val(self),
            Self::Answer(event) => event.bytes(),
        }
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
        let refusal = Refusal::answers_unread(bytes as u64);
        let put = road.lane.put(AnswerEvent::Error(refusal).into());
        road.is_over = true;
        let stay = road.stay.take();
        drop(road);
        drop((unread, stay));
        put.tell();
    }
}

/// Each change is whole before the lock is let go.
fn lock(road: &Mutex<Road>) -> MutexGuard<'_, Road> {
    road.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RoundSender {
    /// Both ends; what lies between them, of an answer to `client`, is counted in `unread`.
    pub fn new(unread: &Unread, client: Option<&str>) -> (Self, RoundStream) {
        let (stay, reader) = Presence::begins();
        let road = Arc::new(Mutex::new(Road {
            lane: Lane::new(),
            unread_marks: false,
            stay: Some(stay),
            is_over: false,
        }));
        let whose: Weak<Mutex<Road>> = Arc::downgrade(&road);
        let pile = unread.pile(client, whose);
        let put = lock(&road).lane.count_in(pile);
        put.tell();
        let stream = RoundStream(road.clone());
        (Self { road, reader }, stream)
    }

    /// Tells something; nobody may be there to hear it.
    pub fn tell(&self, event: impl Into<RoundEvent>) {
        let mut road = lock(&self.road);
        if road.is_over || road.lane.is_left() {
            return;
        }
        let put = road.lane.put(event.into());
        drop(road);
        put.tell();
    }

    /// Tells the marks, unless older ones lie unread: then it says false, and they are to be told later.
    pub fn tell_marks(&self, marks: &[TextMark]) -> bool {
        if std::mem::replace(&mut lock(&self.road).unread_marks, true) {
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
        self.reader.left().await;
    }
}

/// Nothing more will come.
impl Drop for RoundSender {
    fn drop(&mut self) {
        let mut road = lock(&self.road);
        road.is_over = true;
        let waiting = road.lane.wake();
        drop(road);
        waiting.tell();
    }
}

impl Stream for RoundStream {
    type Item = RoundEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<RoundEvent>> {
        let mut road = lock(&self.0);
        let Some(event) = road.lane.next() else {
            if road.is_over {
                return Poll::Ready(None);
            }
            road.lane.wait(cx.waker());
            return Poll::Pending;
        };
        if matches!(event, RoundEvent::Step(RoundStep::Mark { .. })) {
            road.unread_marks = false;
        }
        Poll::Ready(Some(event))
    }
}

impl Drop for RoundStream {
    fn drop(&mut self) {
        let mut road = lock(&self.0);
        let unread = road.lane.leave();
        let stay = road.stay.take();
        drop(road);
        drop((unread, stay));
    }
}

impl std::fmt::Debug for RoundSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoundSender").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RoundStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let road = lock(&self.0);
        f.debug_struct("RoundStream")
            .field("unread", &road.lane.len())
            .field("is_over", &road.is_over)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::testing::delta;

    #[test]
    fn marks_are_told_again_only_once_those_before_were_read() {
        let (sender, mut stream) = RoundSender::new(&Unread::new(10_000), None);
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

    #[test]
    fn a_round_of_which_too_much_lies_is_as_one_whose_reader_left_and_says_why() {
        let unread = Unread::new(10_000);
        let (sender, mut stream) = RoundSender::new(&unread, Some("anna"));
        let mut told = 0;
        while sender.closed().now_or_never().is_none() {
            sender.tell(delta("E102"));
            told += 1;
            assert!(told < 10_000, "it is never given up");
        }
        assert!(unread.bytes() == 0 && told > 10);
        sender.tell(delta("late"));
        let mut next = || stream.next().now_or_never().flatten();
        let Some(RoundEvent::Answer(AnswerEvent::Error(refusal))) = next() else {
            panic!("it is told why");
        };
        assert_eq!(refusal.code, crate::Code::AnswerUnread);
        assert_eq!(next(), None);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_by_the_end() {
        let (sender, mut stream) = RoundSender::new(&Unread::new(10_000), None);
        let reading = tokio::spawn(async move { stream.next().await });
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(reading.await.expect("no panic"), None);
    }
}
