//! The one thread that owns the model: takes questions in the order they came and answers them.
//!
//! A question that waits is told its place whenever that changes. A question whose asker has gone is
//! dropped at the next step. One failing question never takes the worker with it, not even by a panic:
//! what was cached is then forgotten, because nobody knows how far it was written.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use model::tokenizer::Tokenizer;
use ops::backend::{Backend, BackendError};

use crate::conversations::{Conversation, TokenKey};
use crate::event::{Event, FinishReason, Finished, Memory, Timings, Usage};
use crate::handle::{Gauge, Place};
use crate::memory::peak_rss_bytes;
use crate::prepare::Prepared;
use crate::repetition::LoopDetector;
use crate::runner::Runner;
use crate::sampling::{LogitsError, Sampled};
use crate::words::Words;

/// A question in the queue.
pub(crate) struct Job {
    pub(crate) prepared: Prepared,
    pub(crate) events: Sender<Event>,
    pub(crate) cancelled: Arc<AtomicBool>,
    pub(crate) submitted: Instant,
    /// Its place in the queue, until the answer has ended.
    pub(crate) place: Option<Place>,
}

impl Job {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Tells the asker; one who has gone is taken as having cancelled.
    fn tell(&self, event: Event) {
        if self.events.send(event).is_err() {
            self.cancelled.store(true, Ordering::Release);
        }
    }

    /// The last word. The place is free before the asker learns of the end, and may ask again.
    fn end(mut self, last: Event) {
        drop(self.place.take());
        self.tell(last);
    }

    /// The end of a question that was cancelled before its turn came.
    fn end_cancelled(self, load_ms: f64) {
        let account = Account::new(&self, 0, load_ms);
        self.end(Event::Finished(account.finish(FinishReason::Cancelled)));
    }
}

/// Why an answer broke off. The text is what the user reads.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Logits(#[from] LogitsError),
    #[error(
        "the question needs more room than this model was started with; ask with fewer or smaller pictures"
    )]
    NoRoom,
    #[error(
        "the engine met a fault of its own while it answered; ask again, and if that fails too, \
         report what the log says"
    )]
    Fault,
}

/// The worker's state.
pub(crate) struct Worker<B: Backend> {
    pub(crate) runner: Runner<B>,
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// Tokens that end an answer.
    pub(crate) eos: Vec<u32>,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) load_ms: f64,
}

impl<B: Backend> Worker<B> {
    /// Answers until every handle is gone and the queue is empty.
    pub(crate) fn run(mut self, jobs: Receiver<Job>) {
        let mut queue = Queue {
            jobs,
            waiting: VecDeque::new(),
            load_ms: self.load_ms,
        };
        while let Some(mut job) = queue.next() {
            if let Some(place) = &mut job.place {
                place.start();
            }
            let started = Instant::now();
            // Safe to go on after a panic: a panic can leave the caches half written, and they are
            // forgotten; whatever else the answer used is shaped anew by the next step.
            let answer = AssertUnwindSafe(|| self.answer(&mut job, &mut queue));
            let outcome = catch_unwind(answer).unwrap_or(Err(AnswerError::Fault));
            let last = match outcome {
                Ok(finished) => Event::Finished(finished),
                Err(error) => {
                    tracing::error!(%error, "an answer failed");
                    self.runner.forget();
                    Event::Failed(error.to_string())
                }
            };
            self.note_time(started);
            job.end(last);
        }
    }

    /// A running mean of how long answers take.
    fn note_time(&self, started: Instant) {
        let took = started.elapsed().as_millis() as usize;
        let before = self.gauge.answer_ms.load(Ordering::Relaxed);
        let mean = if before == 0 {
            took
        } else {
            (before * 3 + took) / 4
        };
        self.gauge.answer_ms.store(mean, Ordering::Relaxed);
    }

    /// After an error the conversation is not kept: what failed may be what is cached of it.
    fn answer(&mut self, job: &mut Job, queue: &mut Queue) -> Result<Finished, AnswerError> {
        let keys = job.prepared.keys();
        let max_tokens = job.prepared.max_tokens;
        let mut conversation = self
            .runner
            .take(&keys, max_tokens)
            .ok_or(AnswerError::NoRoom)?;
        let mut account = Account::new(job, conversation.keys.len(), self.load_ms);
        let reason = self.compute(job, queue, &keys, &mut conversation, &mut account)?;
        self.runner.keep(conversation);
        Ok(account.finish(reason))
    }

    fn compute(
        &mut self,
        job: &mut Job,
        queue: &mut Queue,
        keys: &[TokenKey],
        conversation: &mut Conversation,
        account: &mut Account,
    ) -> Result<FinishReason, AnswerError> {
        let Some(logits) = self.prompt(job, queue, keys, conversation, account)? else {
            return Ok(FinishReason::Cancelled);
        };
        self.generate(job, queue, logits, conversation, account)
    }

    /// Pictures and prompt, to the logits of the first token; `None` when cancelled.
    fn prompt(
        &mut self,
        job: &mut Job,
        queue: &mut Queue,
        keys: &[TokenKey],
        conversation: &mut Conversation,
        account: &mut Account,
    ) -> Result<Option<Vec<f32>>, AnswerError> {
        let started = Instant::now();
        let of = job.prepared.pictures.len();
        let mut features = Vec::with_capacity(of);
        for (index, patches) in job.prepared.pictures.iter().enumerate() {
            if job.is_cancelled() {
                return Ok(None);
            }
            let span = job.prepared.prompt.pictures[index];
            // A picture whose keys and values are all there is not even looked up.
            let behind = span.start + span.tokens <= conversation.keys.len();
            job.tell(Event::Reading {
                picture: index + 1,
                of,
                tokens: span.tokens,
                cached: behind || self.runner.has_read(patches),
            });
            features.push(match behind {
                true => None,
                false => Some(self.runner.read(patches)?),
            });
            queue.announce();
        }
        account.timings.vision_ms = milliseconds(started);

        let started = Instant::now();
        let total = keys.len();
        loop {
            if job.is_cancelled() {
                return Ok(None);
            }
            job.tell(Event::Prefill {
                done: conversation.keys.len(),
                total,
            });
            let logits = self
                .runner
                .prefill(&job.prepared, &features, keys, conversation)?;
            queue.announce();
            if logits.is_some() {
                account.timings.prefill_ms = milliseconds(started);
                return Ok(logits);
            }
        }
    }

    /// Token after token.
    fn generate(
        &mut self,
        job: &mut Job,
        queue: &mut Queue,
        mut logits: Vec<f32>,
        conversation: &mut Conversation,
        account: &mut Account,
    ) -> Result<FinishReason, AnswerError> {
        let stop = std::mem::replace(&mut job.prepared.stop, crate::stop::StopFilter::none());
        let mut words = Words::new(Arc::clone(&self.tokenizer), stop);
        let mut repetition = LoopDetector::new();
        let mut position = job.prepared.positions.next;
        let reason = loop {
            let sampled = job
                .prepared
                .sampler
                .sample(&logits, job.prepared.top_logprobs)?;
            account.count_token();
            if self.ends(&sampled, job.prepared.ignore_eos) {
                break FinishReason::Stop;
            }
            if let Some(delta) = words.push(&sampled) {
                job.tell(Event::Delta(delta));
            }
            if words.stopped() {
                break FinishReason::Stop;
            }
            if !job.prepared.ignore_eos && repetition.push(sampled.id).is_some() {
                break FinishReason::Repetition;
            }
            if account.usage.completion_tokens == job.prepared.max_tokens {
                break FinishReason::Length;
            }
            if job.is_cancelled() {
                break FinishReason::Cancelled;
            }
            queue.announce();
            logits = self.runner.decode(sampled.id, position, conversation)?;
            position += 1;
        };
        if let Some(delta) = words.finish() {
            job.tell(Event::Delta(delta));
        }
        Ok(reason)
    }

    fn ends(&self, sampled: &Sampled, ignore_eos: bool) -> bool {
        !ignore_eos && self.eos.contains(&sampled.id)
    }
}

/// Questions that wait, in order.
struct Queue {
    jobs: Receiver<Job>,
    waiting: VecDeque<Job>,
    load_ms: f64,
}

impl Queue {
    /// The next question, waiting for one if need be; `None` when there will be no more.
    fn next(&mut self) -> Option<Job> {
        self.announce();
        loop {
            let job = match self.waiting.pop_front() {
                Some(job) => job,
                None => self.jobs.recv().ok()?,
            };
            self.tell_places();
            if !job.is_cancelled() {
                return Some(job);
            }
            job.end_cancelled(self.load_ms);
        }
    }

    /// Takes in what has arrived and tells it its place.
    fn announce(&mut self) {
        let before = self.waiting.len();
        self.waiting.extend(self.jobs.try_iter());
        for (position, job) in self.waiting.iter().enumerate().skip(before) {
            job.tell(Event::Queued {
                position,
                wait_ms: None,
            });
        }
        if self.waiting.iter().any(Job::is_cancelled) {
            let (gone, waiting): (VecDeque<_>, _) =
                self.waiting.drain(..).partition(Job::is_cancelled);
            self.waiting = waiting;
            gone.into_iter()
                .for_each(|job| job.end_cancelled(self.load_ms));
            self.tell_places();
        }
    }

    fn tell_places(&self) {
        for (position, job) in self.waiting.iter().enumerate() {
            job.tell(Event::Queued {
                position,
                wait_ms: None,
            });
        }
    }
}

/// What an answer costs, as it adds up.
struct Account {
    submitted: Instant,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    usage: Usage,
    timings: Timings,
}

impl Account {
    fn new(job: &Job, cached_tokens: usize, load_ms: f64) -> Self {
        let prompt = &job.prepared.prompt;
        let usage = Usage {
            prompt_tokens: prompt.ids.len(),
            image_tokens: prompt.picture_tokens(),
            cached_tokens,
            ..Usage::default()
        };
        let image_ms = job.prepared.image_ms;
        let timings = Timings {
            load_ms,
            image_ms,
            ..Timings::default()
        };
        Self {
            submitted: job.submitted,
            first_token: None,
            last_token: None,
            usage,
            timings,
        }
    }

    fn count_token(&mut self) {
        let now = Instant::now();
        self.usage.completion_tokens += 1;
        self.first_token.get_or_insert(now);
        self.last_token = Some(now);
    }

    fn finish(mut self, finish_reason: FinishReason) -> Finished {
        if let (Some(first), Some(last)) = (self.first_token, self.last_token) {
            self.timings.ttft_ms = (first - self.submitted).as_secs_f64() * 1e3;
            self.timings.decode_ms = (last - first).as_secs_f64() * 1e3;
            let more = self.usage.completion_tokens - 1;
            if more > 0 && self.timings.decode_ms > 0.0 {
                self.timings.decode_tokens_per_s = more as f64 / self.timings.decode_ms * 1e3;
            }
        }
        let memory = Memory {
            peak_rss_bytes: peak_rss_bytes(),
        };
        Finished {
            finish_reason,
            usage: self.usage,
            timings: self.timings,
            memory,
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
