//! An answer on its way from the engine to the asker and into the records.
//!
//! It runs in a task of its own, which outlives an asker who leaves: the engine is told to stop, and
//! what was said is kept. While words come they are written down five times a second, or as often as the
//! disk allows, so that a program that is killed loses no more than the last of them. The last event is sent only once the
//! records have the answer: whoever reads the conversation then finds it whole.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until};

use super::measured::Measured;
use super::{RoundSender, Stop, Stops};
use crate::desk::AtHand;
use crate::records::{
    AnswerEnd, AnswerId, AnswerProblem, AnswerState, NewWords, Records, TextMark,
};
use crate::{
    AnswerEvent, AnswerRequest, AnswerStream, Code, Desk, FinishReason, Marker, Presence, Refusal,
    Reservation, Timings, TokenPiece, Usage, Wishes,
};

/// Between two writings of a running answer, at least; and in lengths of the last writing, so that a slow disk is not
/// kept busy with words.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_IN_WRITINGS: u32 = 4;
/// How often the last writing is tried, and how long to wait in between.
const LAST_TRIES: u32 = 4;
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// How long the engine gets to say what a stopped answer has cost.
const STOP_PAUSE: Duration = Duration::from_secs(2);

/// What the engine is asked, and with which pictures at hand.
pub(crate) struct Start {
    pub place: Box<dyn Reservation>,
    pub request: AnswerRequest,
    pub wishes: Wishes,
    pub at_hand: AtHand,
}

/// Carries one answer.
pub(crate) struct Runner {
    pub desk: Arc<Desk>,
    pub records: Records,
    pub answer: AnswerId,
    pub listener: RoundSender,
    /// Somebody's word to stop.
    pub stop: Stop,
    /// Turns true when the program ends.
    pub ending: watch::Receiver<bool>,
}

/// Words that the records do not have yet.
#[derive(Debug, Default)]
struct Unwritten {
    text: String,
    tokens: Vec<TokenPiece>,
    /// All marks so far.
    marks: Vec<TextMark>,
}

impl Unwritten {
    fn as_words(&self) -> NewWords<'_> {
        NewWords {
            text: &self.text,
            tokens: &self.tokens,
            marks: &self.marks,
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tokens.is_empty()
    }

    /// Puts words that could not be written back before those that came since.
    fn before(mut self, later: Self) -> Self {
        self.text.push_str(&later.text);
        self.tokens.extend(later.tokens);
        self.marks = later.marks;
        self
    }
}

/// Why the carrying ends.
enum Ended {
    /// With the answer's own last event.
    Said(AnswerEvent),
    /// Somebody stopped it, and the engine did not say so in time, or had not been asked yet.
    Stopped,
    /// The asker has left.
    Left,
    /// The program ends.
    Ending,
}

impl Runner {
    /// Asks and carries the answer to its end. What comes of `start` may be a refusal.
    pub async fn run(self, start: impl Future<Output = Result<Start, Refusal>>) {
        let mut said = Said::new(&self);
        let ended = match self.ask(start).await {
            Ok(stream) => self.carry(stream, &mut said).await,
            Err(ended) => ended,
        };
        let is_new = match ended.is_whole() {
            true => said.marker.finish(),
            false => said.marker.cut(),
        };
        if is_new || said.marks_wait {
            self.listener.tell_last_marks(said.marker.marks());
        }
        let (end, last) = ended.told(said.measured.figures());
        let last = match said.finish(end).await {
            Ok(()) => last,
            // The words are on the screen, but nowhere else.
            Err(refusal) => AnswerEvent::Error(refusal),
        };
        self.listener.tell(last);
    }

    /// Asks, unless the asker leaves or somebody says stop before the question is taken in: then its pictures are
    /// prepared no further.
    async fn ask(
        &self,
        start: impl Future<Output = Result<Start, Refusal>>,
    ) -> Result<AnswerStream, Ended> {
        let mut ending = self.ending.clone();
        let (_stay, presence) = Presence::begins();
        let asking = async {
            let mut start = start.await?;
            start.wishes.presence = presence;
            let desk = self.desk.clone();
            let asked = spawn_blocking(move || {
                let question = desk.question(start.request, start.wishes, &start.at_hand)?;
                desk.ask_once(start.place, question)
            });
            asked
                .await
                .unwrap_or_else(|_| Err(Refusal::answer_failed()))
        };
        tokio::select! {
            biased;
            () = told_to_end(&mut ending) => Err(Ended::Ending),
            () = self.stop.said() => Err(Ended::Stopped),
            () = self.listener.closed() => Err(Ended::Left),
            asked = asking => {
                asked.map_err(|refusal| Ended::Said(AnswerEvent::Error(refusal)))
            }
        }
    }

    async fn carry(&self, mut stream: AnswerStream, said: &mut Said<'_>) -> Ended {
        let mut ending = self.ending.clone();
        let mut stopped: Option<Instant> = None;
        loop {
            let event = tokio::select! {
                biased;
                () = told_to_end(&mut ending) => return Ended::Ending,
                () = self.stop.said(), if stopped.is_none() => {
                    stream.cancel();
                    stopped = Some(Instant::now() + STOP_PAUSE);
                    continue;
                }
                () = sleep_until(stopped.unwrap_or_else(Instant::now)), if stopped.is_some() => {
                    return Ended::Stopped;
                }
                () = self.listener.closed(), if stopped.is_none() => return Ended::Left,
                () = said.pause_over() => {
                    said.write();
                    continue;
                }
                event = stream.next() => event,
            };
            if let Some(event) = &event {
                said.measured.pass(event);
            }
            match event {
                Some(AnswerEvent::Delta { text, tokens }) => {
                    let marked = said.hear(&text, &tokens);
                    self.listener.tell(AnswerEvent::Delta { text, tokens });
                    if marked || said.marks_wait {
                        said.marks_wait = !self.listener.tell_marks(said.marker.marks());
                    }
                }
                Some(event) if event.is_last() => return Ended::Said(event),
                Some(event) => self.listener.tell(event),
                // A stream of answers always ends with its last event.
                None => return Ended::Said(AnswerEvent::Error(Refusal::answer_failed())),
            }
        }
    }
}

/// Ready when the program ends; one that says nothing goes on.
pub(crate) async fn told_to_end(ending: &mut watch::Receiver<bool>) {
    if ending.wait_for(|ending| *ending).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Ended {
    /// The model said all that it had to say.
    fn is_whole(&self) -> bool {
        let reason = match self {
            Self::Said(AnswerEvent::Done { finish_reason, .. }) => Some(finish_reason),
            _ => None,
        };
        reason == Some(&FinishReason::Stop)
    }

    /// What the records and the asker are told; `figures` is what was measured here, where the answerer
    /// does not say what the answer has cost.
    fn told(self, figures: Option<(Usage, Timings)>) -> (AnswerEnd, AnswerEvent) {
        let state = |state| AnswerEnd {
            state,
            finish_reason: None,
            usage: figures.map(|(usage, _)| usage),
            timings: figures.map(|(_, timings)| timings),
            problem: None,
        };
        match self {
            Self::Stopped => {
                let end = AnswerEnd {
                    finish_reason: Some(FinishReason::Cancelled),
                    ..state(AnswerState::Cancelled)
                };
                let (usage, timings) = figures.unwrap_or_default();
                let last = AnswerEvent::Done {
                    finish_reason: FinishReason::Cancelled,
                    usage,
                    timings,
                };
                (end, last)
            }
            Self::Left => (
                state(AnswerState::Left),
                AnswerEvent::Error(Refusal::answer_failed()),
            ),
            Self::Ending => (
                state(AnswerState::Interrupted),
                AnswerEvent::Error(Refusal::shutting_down()),
            ),
            Self::Said(AnswerEvent::Error(refusal)) => {
                let problem = AnswerProblem {
                    code: refusal.code,
                    message: refusal.message.clone(),
                };
                let end = AnswerEnd {
                    problem: Some(problem),
                    ..state(AnswerState::Failed)
                };
                (end, AnswerEvent::Error(refusal))
            }
            Self::Said(last) => {
                let mut end = state(AnswerState::Done);
                if let AnswerEvent::Done {
                    finish_reason,
                    usage,
                    timings,
                } = &last
                {
                    if *finish_reason == FinishReason::Cancelled {
                        end.state = AnswerState::Cancelled;
                    }
                    end.finish_reason = Some(*finish_reason);
                    end.usage = Some(*usage);
                    end.timings = Some(*timings);
                }
                (end, last)
            }
        }
    }
}

/// What has been said so far, and how much of it is written down.
struct Said<'a> {
    desk: &'a Desk,
    records: &'a Records,
    stops: Stops,
    answer: AnswerId,
    marker: Marker,
    measured: Measured,
    /// Marks that were not told yet, because the asker reads slowly.
    marks_wait: bool,
    unwritten: Unwritten,
    /// A writing under way; gives back what it could not write, and says how long it took.
    writing: Option<JoinHandle<(Option<Unwritten>, Duration)>>,
    /// Not to be written before; the first words are written at once.
    next: Instant,
}

impl<'a> Said<'a> {
    fn new(runner: &'a Runner) -> Self {
        Self {
            desk: &runner.desk,
            records: &runner.records,
            stops: runner.stop.stops(),
            answer: runner.answer,
            marker: Marker::default(),
            measured: Measured::new(),
            marks_wait: false,
            unwritten: Unwritten::default(),
            writing: None,
            next: Instant::now(),
        }
    }

    /// Takes in new words. Says whether there are new marks.
    fn hear(&mut self, text: &str, tokens: &[TokenPiece]) -> bool {
        self.unwritten.text.push_str(text);
        self.unwritten.tokens.extend_from_slice(tokens);
        self.marker.push(text, tokens)
    }

    /// Ready when there is something to write and it is time.
    async fn pause_over(&mut self) {
        if self.unwritten.is_empty() {
            std::future::pending::<()>().await;
        }
        // The disk may be slower than the words; they wait for it, the asker does not.
        if let Some(writing) = &mut self.writing {
            let (left, took) = writing.await.unwrap_or_default();
            self.writing = None;
            self.next += (took * PAUSE_IN_WRITINGS).saturating_sub(PAUSE);
            self.give_back(left);
        }
        sleep_until(self.next).await;
    }

    /// Begins to write down what is not written yet.
    fn write(&mut self) {
        let mut words = std::mem::take(&mut self.unwritten);
        // Should the program be killed, these are the last.
        words.marks = self.marker.marks_if_cut();
        let (records, answer) = (self.records.clone(), self.answer);
        let stops = self.stops.clone();
        self.next = Instant::now() + PAUSE;
        self.writing = Some(tokio::spawn(async move {
            let begun = Instant::now();
            let written = records.append(answer, words.as_words()).await;
            let left = match written {
                Ok(()) => None,
                // Deleted for good meanwhile: nobody wants to know the rest.
                Err(refusal) if refusal.code == Code::AnswerUnknown => {
                    stops.stop(answer);
                    None
                }
                Err(refusal) => {
                    tracing::warn!(%answer, refusal = refusal.message, "words were not written");
                    Some(words)
                }
            };
            (left, begun.elapsed())
        }));
    }

    fn give_back(&mut self, left: Option<Unwritten>) {
        if let Some(left) = left {
            let later = std::mem::take(&mut self.unwritten);
            self.unwritten = left.before(later);
        }
    }

    /// Writes the last words and how it ended.
    async fn finish(mut self, end: AnswerEnd) -> Result<(), Refusal> {
        if let Some(writing) = self.writing.take() {
            let (left, _) = writing.await.unwrap_or_default();
            self.give_back(left);
        }
        self.unwritten.marks = self.marker.marks().to_vec();
        let mut tries = 1;
        loop {
            let words = self.unwritten.as_words();
            let written = self.records.finish_answer(self.answer, words, end.clone());
            match written.await {
                Ok(()) => return Ok(()),
                // Deleted for good meanwhile: there is nothing to keep, here or in the engine.
                Err(refusal) if refusal.code == Code::AnswerUnknown => {
                    self.desk.forget_pictures(&[]);
                    return Ok(());
                }
                Err(refusal) if tries == LAST_TRIES => {
                    let answer = self.answer;
                    tracing::error!(%answer, refusal = refusal.message, "an answer was not kept");
                    return Err(refusal);
                }
                Err(_) => sleep(LAST_PAUSE * tries).await,
            }
            tries += 1;
        }
    }
}
