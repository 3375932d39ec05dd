//! The one thread that owns the model. Turn after turn it takes in who has come, lets go who has gone, asks
//! the scheduler what to compute, computes it, and tells everybody what there is for them.
//!
//! A turn lasts about as long as [`crate::pace`] allows; whoever cancels, leaves or runs out of time is
//! noticed at the next. One failing question never takes the worker with it, nor the others that run,
//! not even by a panic.

mod account;
mod compute;
mod live;
mod looking;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use model::tokenizer::Tokenizer;
use ops::backend::{Backend, BackendError, given_up};

use crate::constraint::ConstraintError;
use crate::event::{Event, Failure, Fault, FinishReason};
use crate::handle::Gauge;
use crate::pace::Pace;
use crate::runner::{PAGE_TOKENS, Runner};
use crate::sampling::LogitsError;
use crate::scheduler::{Bounds, Id, Job as Scheduled, Scheduler};
use crate::speculation::{Record, Speculation};
use crate::stats::{KvStats, Stats};
use live::Live;

pub(crate) use live::Job;

/// What the worker is asked to do.
pub(crate) enum Call {
    /// To answer a question.
    Answer(Box<Job>),
    /// To give up what is only kept so that the next question is answered sooner.
    Forget,
}

/// Why an answer broke off. The text is what the user reads.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Logits(#[from] LogitsError),
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    #[error(
        "no token may come next under the constraint of this answer; loosen its schema or grammar"
    )]
    NoWayOn,
    #[error(
        "the engine met a fault of its own while it answered; ask again, and if that fails too, \
         report what the log says"
    )]
    Fault,
    #[error("{0}")]
    Lost(String),
}

impl AnswerError {
    /// What a panic inside an op was about.
    fn of_panic(panic: Box<dyn Any + Send>) -> Self {
        given_up(panic).map_or(Self::Fault, Self::Backend)
    }

    /// What the asker is told; what is not the asker's fault is logged.
    fn told(&self) -> Failure {
        let fault = match self {
            Self::Constraint(_) | Self::NoWayOn => Fault::Constraint,
            Self::Backend(_) | Self::Logits(_) | Self::Fault | Self::Lost(_) => Fault::Engine,
        };
        match fault {
            Fault::Constraint => tracing::info!(error = %self, "an answer left its constraint"),
            Fault::Engine => tracing::error!(error = %self, "an answer failed"),
        }
        Failure {
            message: self.to_string(),
            fault,
        }
    }
}

/// What a worker is made of.
pub(crate) struct Parts<B: Backend> {
    pub(crate) runner: Runner<B>,
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// Tokens that end an answer.
    pub(crate) eos: Vec<u32>,
    pub(crate) bounds: Bounds,
    pub(crate) pages: u32,
    pub(crate) speculation: Speculation,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) stats: Arc<Mutex<Stats>>,
    /// To be set once the device answers nothing any more.
    pub(crate) lost: Arc<OnceLock<String>>,
    pub(crate) load_ms: f64,
}

/// The worker's state.
pub(crate) struct Worker<B: Backend> {
    parts: Parts<B>,
    scheduler: Scheduler,
    pace: Pace,
    /// How guesses did in all answers: where a new one starts.
    record: Record,
    /// All who wait or run, in the order they came.
    live: BTreeMap<Id, Live<B>>,
    came: Id,
    /// Room for the logits of a constrained answer.
    masked: Vec<f32>,
}

impl<B: Backend> Worker<B> {
    pub(crate) fn new(parts: Parts<B>) -> Self {
        Self {
            scheduler: Scheduler::new(parts.bounds, parts.pages, PAGE_TOKENS),
            parts,
            pace: Pace::default(),
            record: Record::default(),
            live: BTreeMap::new(),
            came: 0,
            masked: Vec::new(),
        }
    }

    /// Answers until every handle is gone and everybody has been answered.
    pub(crate) fn run(mut self, calls: Receiver<Call>) {
        loop {
            if self.live.is_empty() {
                self.publish();
                match calls.recv() {
                    Ok(call) => self.hear(call),
                    Err(_) => return,
                }
            }
            calls.try_iter().for_each(|call| self.hear(call));
            if self.end_if_lost() {
                continue;
            }
            // Safe to go on after a panic: everything it may have left half done is thrown away.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.turn())) {
                self.start_over(panic);
            }
            self.publish();
        }
    }

    fn hear(&mut self, call: Call) {
        match call {
            Call::Answer(job) => self.take_in(*job),
            Call::Forget => {
                self.scheduler.forget_all();
                self.parts.runner.forget();
            }
        }
    }

    fn take_in(&mut self, job: Job) {
        let id = self.came;
        self.came += 1;
        let prepared = &job.prepared;
        let spans = prepared.prompt.pictures.iter();
        let scheduled = Scheduled::new(
            id,
            prepared.tokens.clone(),
            prepared.max_tokens,
            spans.map(|span| span.start + span.tokens),
        );
        self.scheduler.submit(job.client.as_deref(), scheduled);
        let live = Live::new(
            job,
            Arc::clone(&self.parts.tokenizer),
            self.record,
            self.parts.load_ms,
        );
        self.live.insert(id, live);
        self.stats().requests.accepted += 1;
    }

    /// A lost device answers nobody: everybody is told so at once.
    fn end_if_lost(&mut self) -> bool {
        let Some(why) = self.parts.lost.get().cloned() else {
            return false;
        };
        let ids: Vec<Id> = self.live.keys().copied().collect();
        for id in ids {
            self.end(id, Err(AnswerError::Lost(why.clone())));
        }
        true
    }

    fn turn(&mut self) {
        self.let_go();
        self.start();
        self.tell_places();
        let guesses = self.guesses();
        let plan = self
            .scheduler
            .plan(&self.pace, |id| guesses.get(&id).map_or(0, Vec::len));
        for id in &plan.put_back {
            if let Some(live) = self.live.get_mut(id) {
                live.put_back();
            }
        }
        self.stats().requests.preempted += plan.put_back.len() as u64;
        self.compute(&plan.parts, &guesses);
        self.look(&plan);
    }

    /// Ends those whose askers have gone, and those whose time is over.
    fn let_go(&mut self) {
        let now = Instant::now();
        let gone = |live: &Live<B>| match live.deadline {
            _ if live.is_cancelled() => Some(FinishReason::Cancelled),
            Some(deadline) if deadline <= now => Some(FinishReason::TimedOut),
            _ => None,
        };
        let gone: Vec<_> = self
            .live
            .iter()
            .filter_map(|(&id, live)| Some((id, gone(live)?)))
            .collect();
        for (id, reason) in gone {
            self.end(id, Ok(reason));
        }
    }

    /// Starts whom the scheduler lets start.
    fn start(&mut self) {
        for started in self.scheduler.admit() {
            let Some(live) = self.live.get_mut(&started.id) else {
                continue;
            };
            let waited = live.start(started.cached);
            let found = self.find_pictures(started.id, started.cached);
            if started.again {
                continue;
            }
            let prompt = self.live[&started.id].prompt_tokens() as u64;
            let mut stats = self.stats();
            stats.queue_wait.observe(waited.as_secs_f64());
            stats.tokens.prompt += prompt;
            stats.tokens.prefix_hits += started.cached as u64;
            stats.pictures.hits += found;
        }
    }

    /// Tells those who wait their places, where they have changed.
    fn tell_places(&mut self) {
        let each_ms = self.parts.gauge.answer_ms.load(Ordering::Relaxed) as u64;
        let order: Vec<Id> = self.scheduler.waiting().collect();
        for (position, id) in order.into_iter().enumerate() {
            let wait_ms = (each_ms > 0).then(|| each_ms * (position as u64 + 1));
            if let Some(live) = self.live.get_mut(&id) {
                live.tell_place(position, wait_ms);
            }
        }
    }

    /// The end of a question, for good or not.
    fn end(&mut self, id: Id, outcome: Result<FinishReason, AnswerError>) {
        if let Err(AnswerError::Backend(error @ BackendError::Lost { .. })) = &outcome
            && self.parts.lost.set(error.to_string()).is_ok()
        {
            tracing::error!(%error, "nothing can be answered any more");
        }
        self.scheduler.end(id, outcome.is_ok());
        let running = self.scheduler.running() + 1;
        let Some(live) = self.live.remove(&id) else {
            return;
        };
        let whole = matches!(
            outcome,
            Ok(FinishReason::Stop | FinishReason::Length | FinishReason::Repetition)
        );
        if let Some(took) = live.took().filter(|_| whole) {
            self.parts.gauge.note_answer(took, running);
        }
        self.count_end(&outcome);
        let last = match outcome {
            Ok(reason) => live.finish(reason),
            Err(error) => Event::Failed(error.told()),
        };
        // Whoever learns of the end may look at the figures, or ask again.
        self.publish();
        live.end(last);
    }

    fn count_end(&self, outcome: &Result<FinishReason, AnswerError>) {
        let requests = &mut self.stats().requests;
        *match outcome {
            Ok(FinishReason::Stop) => &mut requests.ended_stop,
            Ok(FinishReason::Length) => &mut requests.ended_length,
            Ok(FinishReason::Repetition) => &mut requests.ended_repetition,
            Ok(FinishReason::Cancelled) => &mut requests.ended_cancelled,
            Ok(FinishReason::TimedOut) => &mut requests.ended_timed_out,
            Err(_) => &mut requests.failed,
        } += 1;
    }

    /// After a fault nobody foresaw: everybody who is here fails, and nothing cached is trusted.
    fn start_over(&mut self, panic: Box<dyn Any + Send>) {
        if let AnswerError::Backend(error @ BackendError::Lost { .. }) =
            AnswerError::of_panic(panic)
        {
            // Only the first word of it counts.
            let _ = self.parts.lost.set(error.to_string());
        }
        let ids: Vec<Id> = self.live.keys().copied().collect();
        self.scheduler = Scheduler::new(self.parts.bounds, self.parts.pages, PAGE_TOKENS);
        self.parts.runner.forget();
        for id in ids {
            self.end(id, Err(AnswerError::Fault));
        }
    }

    /// A panic while the lock was held leaves figures that are still figures.
    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.parts
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the gauges up to date.
    fn publish(&self) {
        let pool = self.scheduler.pool();
        let (total, idle) = (pool.total(), pool.idle());
        let free = pool.available() - idle;
        let kv = KvStats {
            page_tokens: PAGE_TOKENS,
            total,
            used: total - idle - free,
            shared: pool.shared(),
            cached: idle,
            free,
            evicted: pool.evicted(),
        };
        self.stats().kv = kv;
    }
}
