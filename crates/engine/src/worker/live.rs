//! One question while it is here: what has been said, what was told to the asker, and how its next token is
//! drawn. It knows nothing of pages and of the other questions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use model::picture::Patches;
use model::tokenizer::Tokenizer;
use model::vision::Features;
use ops::backend::Backend;

use super::AnswerError;
use super::account::Account;
use crate::event::{Event, FinishReason, Timings, Usage};
use crate::handle::Place;
use crate::prepare::Prepared;
use crate::repetition::LoopDetector;
use crate::sampling::{FORBIDDEN, Row, Sampled};
use crate::speculation::Record;
use crate::stop::StopFilter;
use crate::words::Words;

/// A question on its way to the worker.
pub(crate) struct Job {
    pub(crate) prepared: Prepared,
    /// Never full: a slow reader holds up nobody. What it can hold is bounded by the answer's `max_tokens`.
    pub(crate) events: Sender<Event>,
    pub(crate) cancelled: Arc<AtomicBool>,
    pub(crate) submitted: Instant,
    pub(crate) deadline: Option<Instant>,
    pub(crate) client: Option<String>,
    /// Its place in the queue, until the answer has ended.
    pub(crate) place: Option<Place>,
}

/// A question that is here.
pub(super) struct Live<B: Backend> {
    prepared: Prepared,
    events: Sender<Event>,
    cancelled: Arc<AtomicBool>,
    pub(super) deadline: Option<Instant>,
    place: Option<Place>,
    /// The place it was told last.
    position: Option<usize>,
    pub(super) account: Account,
    /// One per picture of the prompt; there from when they are known to be needed to the first token.
    features: Vec<Option<Arc<Features<B>>>>,
    /// Pictures the asker has been told of.
    told: usize,
    /// Tokens of the answer.
    said: Vec<u32>,
    words: Words,
    repetition: LoopDetector,
    pub(super) record: Record,
}

impl<B: Backend> Live<B> {
    pub(super) fn new(
        mut job: Job,
        tokenizer: Arc<Tokenizer>,
        record: Record,
        load_ms: f64,
    ) -> Self {
        let prompt = &job.prepared.prompt;
        let usage = Usage {
            prompt_tokens: prompt.ids.len(),
            image_tokens: prompt.picture_tokens(),
            ..Usage::default()
        };
        let timings = Timings {
            load_ms,
            image_ms: job.prepared.image_ms,
            ..Timings::default()
        };
        let stop = std::mem::replace(&mut job.prepared.stop, StopFilter::none());
        Self {
            account: Account::new(job.submitted, usage, timings),
            features: job.prepared.pictures.iter().map(|_| None).collect(),
            prepared: job.prepared,
            events: job.events,
            cancelled: job.cancelled,
            deadline: job.deadline,
            place: job.place,
            position: None,
            told: 0,
            said: Vec::new(),
            words: Words::new(tokenizer, stop),
            repetition: LoopDetector::new(),
            record,
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Tells the asker; one who has gone is taken as having cancelled.
    fn tell(&self, event: Event) {
        if self.events.send(event).is_err() {
            self.cancelled.store(true, Ordering::Release);
        }
    }

    /// Tells the asker where in the queue the question stands, unless nothing has changed.
    pub(super) fn tell_place(&mut self, position: usize, wait_ms: Option<u64>) {
        if self.position.replace(position) != Some(position) {
            self.tell(Event::Queued { position, wait_ms });
        }
    }

    /// It is its turn, perhaps again. Tells how long it waited.
    pub(super) fn start(&mut self, cached: usize) -> Duration {
        if let Some(place) = &mut self.place {
            place.start();
        }
        self.account.start(cached)
    }

    /// It gives way; what it needs is gathered anew when it starts again.
    pub(super) fn put_back(&mut self) {
        self.features.fill(None);
    }

    pub(super) fn prompt_tokens(&self) -> usize {
        self.prepared.prompt.ids.len()
    }

    /// How many pictures the prompt has.
    pub(super) fn pictures(&self) -> usize {
        self.features.len()
    }

    pub(super) fn picture(&self, index: usize) -> &Arc<Patches> {
        &self.prepared.pictures[index]
    }

    /// Pictures that have to be read for the tokens from `cached` on.
    pub(super) fn unread(&self, cached: usize) -> impl Iterator<Item = usize> {
        let spans = self
            .prepared
            .prompt
            .pictures
            .iter()
            .zip(&self.features)
            .enumerate();
        spans.filter_map(move |(index, (span, features))| {
            (features.is_none() && span.start + span.tokens > cached).then_some(index)
        })
    }

    pub(super) fn picture_read(&mut self, index: usize, features: Arc<Features<B>>) {
        self.features[index] = Some(features);
    }

    /// Tells the asker that picture `index` is being read now.
    pub(super) fn tell_reading(&mut self, index: usize) {
        if self.told == index {
            self.tell_picture(false);
        }
    }

    /// Tells the asker of the pictures that need no reading any more, up to the first that does.
    pub(super) fn tell_pictures(&mut self, cached: usize) {
        let unread = self.unread(cached).next();
        while self.told < unread.unwrap_or(self.features.len()) {
            self.tell_picture(true);
        }
        if unread.is_none() && self.account.pictures_read() {
            self.tell_computed(cached);
        }
    }

    fn tell_picture(&mut self, cached: bool) {
        self.told += 1;
        self.tell(Event::Reading {
            picture: self.told,
            of: self.features.len(),
            tokens: self.prepared.prompt.pictures[self.told - 1].tokens,
            cached,
        });
    }

    /// Tells the asker how far the prompt is; once words have been said that is no news any more.
    pub(super) fn tell_computed(&self, computed: usize) {
        let total = self.prompt_tokens();
        if self.said.is_empty() {
            let done = computed.min(total);
            self.tell(Event::Prefill { done, total });
        }
    }

    /// Tokens that may come next; at most as many as the answer may still have, less the one that is certain.
    pub(super) fn guess(&self, most: usize) -> Vec<u32> {
        let left = self.prepared.max_tokens - self.said.len();
        self.prepared.lookup.guess(most.min(left - 1))
    }

    /// Id and position of the conversation's token `index`; `guesses` follow what has been said.
    pub(super) fn token(&self, index: usize, guesses: &[u32]) -> (u32, [u32; 3]) {
        let (prompt, positions) = (&self.prepared.prompt.ids, &self.prepared.positions);
        let Some(after) = index.checked_sub(prompt.len()) else {
            return (prompt[index], positions.ids[index]);
        };
        let id = match after.checked_sub(self.said.len()) {
            None => self.said[after],
            Some(guess) => guesses[guess],
        };
        (id, [positions.next + after as u32; 3])
    }

    /// Pictures with tokens in `from..to`: features, first and one past the last such token, and the picture's first.
    pub(super) fn pictures_in(
        &self,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = (&Arc<Features<B>>, usize, usize, usize)> {
        let spans = self.prepared.prompt.pictures.iter().zip(&self.features);
        spans.filter_map(move |(span, features)| {
            let (start, end) = (span.start.max(from), (span.start + span.tokens).min(to));
            let features = || {
                features
                    .as_ref()
                    .expect("its tokens come after it was read")
            };
            (start < end).then(|| (features(), start, end, span.start))
        })
    }

    /// Draws the next token. `all` brings all logits where `row` is not enough; `masked` is scratch space.
    pub(super) fn draw(
        &mut self,
        row: Row<'_>,
        all: impl FnOnce() -> Vec<f32>,
        eos: &[u32],
        masked: &mut Vec<f32>,
    ) -> Result<Sampled, AnswerError> {
        let Prepared {
            sampler,
            constraint,
            top_logprobs,
            ..
        } = &mut self.prepared;
        let fetched;
        let logits = match row {
            Row::Logits(logits) => logits,
            Row::Likeliest(likeliest) => {
                if constraint.is_none()
                    && let Some(sampled) = sampler.sample_likeliest(likeliest, *top_logprobs)
                {
                    return Ok(sampled);
                }
                fetched = all();
                fetched.as_slice()
            }
        };
        let Some(constraint) = constraint else {
            return Ok(sampler.sample(logits, *top_logprobs)?);
        };
        masked.clear();
        masked.extend_from_slice(logits);
        constraint.mask(masked)?;
        let may_end = constraint.may_end();
        for &id in eos {
            if let Some(logit) = masked.get_mut(id as usize) {
                *logit = if may_end {
                    logits[id as usize]
                } else {
                    FORBIDDEN
                };
            }
        }
        // Negative infinity and whatever else is no number.
        masked
            .iter_mut()
            .filter(|logit| !logit.is_finite())
            .for_each(|logit| *logit = FORBIDDEN);
        if masked.iter().all(|&logit| logit == FORBIDDEN) {
            return Err(AnswerError::NoWayOn);
        }
        let sampled = sampler.sample_among(logits, masked, *top_logprobs)?;
        if !eos.contains(&sampled.id) {
            constraint.accept(sampled.id)?;
        }
        Ok(sampled)
    }

    /// Whether a token ends the answer instead of being said. Under a constraint an end token always does:
    /// it was let through because the answer is complete.
    pub(super) fn ends(&self, id: u32, eos: &[u32]) -> bool {
        let ignored = self.prepared.ignore_eos && self.prepared.constraint.is_none();
        !ignored && eos.contains(&id)
    }

    /// Says a token. Returns why the answer ends with it, if it does.
    pub(super) fn say(&mut self, sampled: &Sampled) -> Option<FinishReason> {
        self.features.fill(None);
        self.said.push(sampled.id);
        if let Some(delta) = self.words.push(sampled) {
            self.tell(Event::Delta(delta));
        }
        if self.words.stopped() {
            Some(FinishReason::Stop)
        } else if self.repetition.push(sampled.id).is_some() && !self.prepared.ignore_eos {
            Some(FinishReason::Repetition)
        } else if self.said.len() == self.prepared.max_tokens {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// A token was said that guesses may be made from.
    pub(super) fn remember(&mut self, id: u32) {
        self.prepared.lookup.push(id);
    }

    /// How long the answer took, if it was ever its turn.
    pub(super) fn took(&self) -> Option<Duration> {
        self.account.running()
    }

    /// What was held back, and the account.
    pub(super) fn finish(&self, reason: FinishReason) -> Event {
        Event::Finished(self.account.finish(reason))
    }

    /// The last word. The place is free before the asker learns of the end, and may ask again.
    pub(super) fn end(mut self, last: Event) {
        if matches!(last, Event::Finished(_))
            && let Some(delta) = self.words.finish()
        {
            self.tell(Event::Delta(delta));
        }
        drop(self.place.take());
        self.tell(last);
    }
}
