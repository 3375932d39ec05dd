//! From a plan's parts to rows, through the model, and from what it says to words.

use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use ops::backend::Backend;

use super::account::Waited;
use super::{AnswerError, Worker};
use crate::event::FinishReason;
use crate::runner::{Placed, Rows};
use crate::sampling::Said;
use crate::scheduler::{Id, Part};
use crate::speculation::{MOST_GUESSES, Speculation};

impl<B: Backend> Worker<B> {
    /// Guesses for those who speak, as many as pay. None while a prompt is being computed: rows then cost
    /// time each, not a share of a pass.
    pub(super) fn guesses(&mut self) -> HashMap<Id, Vec<u32>> {
        let speculation = self.parts.speculation;
        if speculation == Speculation::Off || self.scheduler.has_prompt() {
            return HashMap::new();
        }
        let speaking: Vec<Id> = self.scheduler.speaking().collect();
        let mut others = speaking.len().saturating_sub(1);
        let mut all = HashMap::new();
        for id in speaking {
            let Some(live) = self.live.get_mut(&id) else {
                continue;
            };
            let mut guess = live.guess(MOST_GUESSES);
            let count = live
                .record
                .choose(speculation, guess.len(), others, &self.pace);
            guess.truncate(count);
            others += count;
            all.insert(id, guess);
        }
        all
    }

    /// Computes the rows of a step, and says what follows from them.
    pub(super) fn compute(&mut self, parts: &[Part], guesses: &HashMap<Id, Vec<u32>>) {
        if parts.is_empty() {
            return;
        }
        let none = Vec::new();
        let guesses = |id: Id| guesses.get(&id).unwrap_or(&none).as_slice();
        let rows: Vec<Rows<B>> = parts
            .iter()
            .map(|part| self.rows(part, guesses(part.id)))
            .collect();
        let started = Instant::now();
        let outcome = self.step(&rows);
        let took = started.elapsed();
        if let Ok(words) = outcome {
            let count = parts.iter().map(Part::rows).sum();
            self.pace.observe(count, took.as_secs_f64() * 1e3);
            let mut stats = self.stats();
            stats.step.observe(took.as_secs_f64());
            stats.tokens.steps += 1;
            stats.tokens.computed += count as u64;
            drop(stats);
            let mut first = 0;
            for (part, rows) in parts.iter().zip(&rows) {
                let own = first..first + rows.logits;
                first = own.end;
                self.computed(part, guesses(part.id), &words, own);
            }
        } else {
            // One of them must be at fault. Alone, each can only spoil its own: what a row writes lies in
            // pages of its own.
            for (part, rows) in parts.iter().zip(&rows) {
                if self.parts.lost.get().is_some() {
                    return;
                }
                match self.step(std::slice::from_ref(rows)) {
                    Ok(words) => self.computed(part, guesses(part.id), &words, 0..rows.logits),
                    Err(error) => self.end(part.id, Err(error)),
                }
            }
        }
    }

    /// Safe to go on after a panic: the workspace is shaped anew by the next step, and in the cache only
    /// pages were written that nobody else sees.
    fn step(&mut self, rows: &[Rows<B>]) -> Result<Said, AnswerError> {
        let step = AssertUnwindSafe(|| self.parts.runner.step(rows));
        Ok(catch_unwind(step).map_err(AnswerError::of_panic)??)
    }

    fn rows(&self, part: &Part, guesses: &[u32]) -> Rows<B> {
        let live = &self.live[&part.id];
        let to = part.from + part.rows();
        let tokens = (part.from..to).map(|index| live.token(index, guesses));
        let (ids, positions) = tokens.unzip();
        let pictures = live.pictures_in(part.from, to);
        let placed = |(features, start, end, first): (&_, usize, usize, usize)| Placed {
            features: std::sync::Arc::clone(features),
            rows: start - part.from..end - part.from,
            first_token: start - first,
        };
        let job = self
            .scheduler
            .job(part.id)
            .expect("only running questions are planned");
        Rows {
            context: part.from,
            pages: job.pages().to_vec(),
            ids,
            positions,
            pictures: pictures.map(placed).collect(),
            logits: if part.logits { 1 + part.drafts } else { 0 },
        }
    }

    /// A part's rows are there; `own` are those of its next tokens in what the model said.
    fn computed(&mut self, part: &Part, guesses: &[u32], words: &Said, own: Range<usize>) {
        let known = part.from + part.tokens;
        if let Some(live) = self.live.get(&part.id) {
            live.tell_computed(known);
        }
        if !part.logits {
            return self.scheduler.computed(part.id, known);
        }
        // A panic here is this answer's alone: nothing of it is used afterwards.
        let say = AssertUnwindSafe(|| self.say(part, &guesses[..part.drafts], words, own));
        match catch_unwind(say).unwrap_or(Err(AnswerError::Fault)) {
            Ok(None) => {}
            Ok(Some(reason)) => self.end(part.id, Ok(reason)),
            Err(error) => self.end(part.id, Err(error)),
        }
    }

    /// Draws a token from the logits after the last known one. While it is the one that was guessed, the logits
    /// after the guess are those after the token, and the next is drawn from them: exactly the
    /// tokens that one row at a time would give.
    fn say(
        &mut self,
        part: &Part,
        guesses: &[u32],
        words: &Said,
        own: Range<usize>,
    ) -> Result<Option<FinishReason>, AnswerError> {
        let Some(live) = self.live.get_mut(&part.id) else {
            return Ok(None);
        };
        let eos = &self.parts.eos;
        let (mut said, mut right, mut end) = (0, 0, None);
        let runner = &self.parts.runner;
        for (row, at) in own.enumerate() {
            let all = || runner.logits(at);
            let sampled = live.draw(words.row(at), all, eos, &mut self.masked)?;
            said += 1;
            let guessed = guesses.get(row) == Some(&sampled.id);
            if live.ends(sampled.id, eos) {
                right += usize::from(guessed);
                end = Some(FinishReason::Stop);
                break;
            }
            self.scheduler.push(part.id, sampled.id);
            if self.parts.speculation != Speculation::Off {
                live.remember(sampled.id);
            }
            self.scheduler
                .computed(part.id, part.from + part.tokens + row);
            right += usize::from(guessed);
            end = live.say(&sampled);
            if end.is_some() || !guessed {
                break;
            }
        }
        let waited = live.account.tokens_said(said);
        live.account.usage.drafted_tokens += guesses.len();
        live.account.usage.accepted_tokens += right;
        live.record.learn(guesses.len(), right);
        self.record.learn(guesses.len(), right);
        let mut stats = self.stats();
        stats.tokens.completion += said as u64;
        stats.speculation.proposed += guesses.len() as u64;
        stats.speculation.accepted += right as u64;
        match waited {
            Waited::First(waited) => stats.first_token.observe(waited.as_secs_f64()),
            Waited::Next(waited) => {
                for _ in 0..said {
                    stats.inter_token.observe(waited.as_secs_f64());
                }
            }
        }
        Ok(end)
    }
}
