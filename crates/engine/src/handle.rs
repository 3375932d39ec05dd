//! The engine as callers see it: a `Handle` to ask, an `Answer` to listen to. The handle is cheap to
//! clone and may be shared between threads.
//!
//! A question needs a place. Whoever has work to do before it can ask takes the place first, with `reserve`: where
//! there is none, the work was not done in vain. `submit` does what needs no model state (decoding pictures, tokens,
//! positions) on the caller's thread, so call it from a thread that may block; then the question joins the queue of
//! the one worker thread.

mod places;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use model::config::Config;
use model::picture::PictureError;
use model::tokenizer::Tokenizer;
use placement::Placement;

use crate::event::Event;
use crate::prepare::{Prepared, Preparer};
use crate::request::{Request, SubmitError};
use crate::stats::Stats;
use crate::worker::{Call, Job};

pub(crate) use places::{Capacity, Gauge, Place};

/// What was loaded, and on what it runs.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// Name of the model, usually of its directory.
    pub model: String,
    /// The small embedded model answers, not a real one.
    pub demo: bool,
    /// Parameters of the model.
    pub parameters: u64,
    /// `f32`, `bf16`, `q8` or `q4`: what was chosen, never `auto`.
    pub precision: String,
    /// Bytes of weights that are read for every token of an answer.
    pub token_bytes: u64,
    /// The model's shapes.
    pub config: Config,
    /// The devices in words, such as `CPU, 2 threads`.
    pub device: String,
    /// The instruction tier in use, such as `avx512`, or what the first GPU can do.
    pub tier: String,
    /// Worker threads; 0 where only GPUs compute.
    pub threads: usize,
    /// What lies on which device; `None`: everything on the processor.
    pub placement: Option<Placement>,
    /// Why a GPU was passed over, a sentence each.
    pub notes: Vec<String>,
    /// Most tokens of one conversation, answer included.
    pub context_tokens: usize,
    /// Most tokens one picture may cost.
    pub image_tokens: usize,
    /// How long loading took.
    pub load_ms: f64,
}

/// What a picture is and will cost, found out before anything is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFacts {
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Tokens it takes in a prompt.
    pub tokens: usize,
    /// Media type by its bytes, such as `image/jpeg`.
    pub media_type: &'static str,
}

/// The tokens of the model, for whoever builds a [`crate::Constraint`].
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Ids to bytes and back.
    pub tokenizer: Arc<Tokenizer>,
    /// Tokens that end an answer.
    pub end_tokens: Vec<u32>,
    /// Logits per token drawn. May be more than the tokenizer has ids.
    pub size: usize,
}

/// What a request costs, counted before it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// Prompt tokens, pictures included.
    pub prompt: usize,
    /// Of them, picture tokens.
    pub image: usize,
}

/// How busy the worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLoad {
    /// Questions being answered.
    pub running: usize,
    /// Questions waiting.
    pub waiting: usize,
}

/// Asks the engine. Dropping the last handle stops the worker once its queue is empty.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) info: EngineInfo,
    pub(crate) preparer: Preparer,
    pub(crate) jobs: mpsc::Sender<Call>,
    pub(crate) gauge: Arc<Gauge>,
    /// Set once the device answers nothing any more: what happened and what to do.
    pub(crate) lost: Arc<OnceLock<String>>,
    pub(crate) capacity: Capacity,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) stats: Arc<Mutex<Stats>>,
}

impl Handle {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What was loaded.
    pub fn info(&self) -> &EngineInfo {
        &self.shared.info
    }

    /// Why nothing can be answered any more: the device was lost.
    pub fn lost(&self) -> Option<&str> {
        self.shared.lost.get().map(String::as_str)
    }

    /// How busy the worker is.
    pub fn queue(&self) -> QueueLoad {
        let (running, waiting) = self.shared.gauge.running_and_waiting();
        QueueLoad { running, waiting }
    }

    /// What was done so far and how things stand.
    pub fn stats(&self) -> Stats {
        let stats = self.shared.stats.lock();
        let mut stats = stats.unwrap_or_else(PoisonError::into_inner).clone();
        let load = self.queue();
        (stats.requests.waiting, stats.requests.running) = (load.waiting, load.running);
        stats.requests.most_waiting = self.shared.capacity.waiting;
        stats.requests.most_running = self.shared.capacity.running;
        stats
    }

    /// The tokens of the model.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.shared.vocabulary
    }

    /// What a request would cost, without asking it or decoding anything: `sizes` are the upright widths and heights
    /// of its pictures.
    pub fn count(
        &self,
        request: &Request,
        sizes: &[(u32, u32)],
    ) -> Result<TokenCount, SubmitError> {
        self.shared.preparer.count(request, sizes)
    }

    /// Decodes a picture and says what it is and costs.
    pub fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, PictureError> {
        self.shared.preparer.inspect(bytes)
    }

    /// Takes a question. Returns once the question is in the queue; pictures are decoded and the prompt is built
    /// before that, on this thread, and before those its place is taken.
    pub fn submit(&self, request: Request) -> Result<Answer, SubmitError> {
        let mut places = self.reserve(request.client.as_deref(), 1)?;
        let place = places.pop().ok_or(SubmitError::Stopped)?;
        place.submit(request)
    }

    /// Takes places for so many answers to one client, all of them or none. Quick.
    pub fn reserve(
        &self,
        client: Option<&str>,
        answers: usize,
    ) -> Result<Vec<Reserved>, SubmitError> {
        if let Some(why) = self.lost() {
            return Err(SubmitError::Lost(why.to_owned()));
        }
        let Shared {
            gauge, capacity, ..
        } = &*self.shared;
        let places = Gauge::take(gauge, *capacity, client, answers);
        let places = places.inspect_err(|error| self.count_refusal(error))?;
        let reserved = places.into_iter().map(|place| Reserved {
            handle: self.clone(),
            place,
        });
        Ok(reserved.collect())
    }

    /// Gives up what is only kept so that the next question is answered sooner: what was read of
    /// pictures, and what was computed of conversations. Answers that are being given are not disturbed, but
    /// what they have computed so far will not be found afterwards.
    pub fn forget(&self) {
        // A worker that has ended remembers nothing.
        let _ = self.shared.jobs.send(Call::Forget);
    }

    fn count_refusal(&self, error: &SubmitError) {
        let mut stats = self
            .shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *match error {
            SubmitError::Busy { .. } | SubmitError::OverShare { .. } => {
                &mut stats.requests.rejected_busy
            }
            SubmitError::TooLong { .. } => &mut stats.requests.rejected_too_long,
            // Whoever left was not refused.
            SubmitError::Unwanted => return,
            _ => &mut stats.requests.rejected_invalid,
        } += 1;
    }
}

/// A place with the engine that nothing has been asked from yet. Dropped, it is given back.
pub struct Reserved {
    handle: Handle,
    place: Place,
}

impl Reserved {
    /// Takes a question of the client whose place this is; see [`Handle::submit`].
    pub fn submit(self, request: Request) -> Result<Answer, SubmitError> {
        let submitted = Instant::now();
        let handle = &self.handle;
        let deadline = request
            .time_limit
            .and_then(|limit| submitted.checked_add(limit));
        let client = request.client.clone();
        let prepared = handle.shared.preparer.prepare(request);
        let prepared = prepared.inspect_err(|error| handle.count_refusal(error))?;
        self.join(prepared, submitted, deadline, client)
    }

    /// Puts what was prepared into the worker's queue.
    fn join(
        self,
        prepared: Prepared,
        submitted: Instant,
        deadline: Option<Instant>,
        client: Option<String>,
    ) -> Result<Answer, SubmitError> {
        let (events, receiver) = mpsc::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let job = Job {
            prepared,
            events,
            cancelled: Arc::clone(&cancelled),
            submitted,
            deadline,
            client,
            place: Some(self.place),
        };
        let jobs = &self.handle.shared.jobs;
        jobs.send(Call::Answer(Box::new(job)))
            .map_err(|_| SubmitError::Stopped)?;
        Ok(Answer {
            events: receiver,
            cancelled,
        })
    }
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserved").finish_non_exhaustive()
    }
}

/// One answer being given. Dropping it cancels the answer; the worker notices within one step.
pub struct Answer {
    events: mpsc::Receiver<Event>,
    cancelled: Arc<AtomicBool>,
}

impl Answer {
    /// The next event; `None` after the last one. Blocks.
    pub fn next_event(&self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// The next event if it comes in time.
    pub fn next_event_within(&self, wait: Duration) -> Result<Event, mpsc::RecvTimeoutError> {
        self.events.recv_timeout(wait)
    }

    /// Asks the worker to stop; `Finished` with reason `cancelled` follows.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Something that can cancel this answer from another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.cancelled))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Iterator for Answer {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.next_event()
    }
}

/// Cancels an answer from elsewhere.
#[derive(Debug, Clone)]
pub struct Canceller(Arc<AtomicBool>);

impl Canceller {
    /// Asks the worker to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
