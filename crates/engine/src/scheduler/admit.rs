//! Who may start: those put back first, then those who wait, in turn, as pages allow.
//!
//! A question starts with pages for all its tokens, so that its prompt can be computed without asking again;
//! its answer gets pages as it grows. One that needs a page somebody is about to compute waits for it: the
//! same prompt asked several times at once is computed once. Nobody overtakes a question that
//! waits for room.

use std::collections::HashSet;

use super::{Id, Job, Scheduler};
use crate::kv::{Chain, Match, PagePool};

/// Tokens of an answer for which room is kept when another question starts. With none, answers that
/// grow would push each other out as soon as the cache is full.
const GROWTH_TOKENS: usize = 128;

/// A question that has just started, or started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    pub(crate) id: Id,
    /// Tokens whose keys and values were there.
    pub(crate) cached: usize,
    /// It ran before and was put back.
    pub(crate) again: bool,
}

impl Scheduler {
    /// Starts whom it can.
    pub(crate) fn admit(&mut self) -> Vec<Started> {
        let mut all = Vec::new();
        while self.running.len() < self.bounds.running {
            let Some(started) = self.start_next() else {
                break;
            };
            all.push(started);
        }
        all
    }

    fn start_next(&mut self) -> Option<Started> {
        if !self.put_back.is_empty() {
            let found = self.room_for(&self.put_back[0])?;
            let job = self.put_back.remove(0);
            return Some(self.start(job, &found, true));
        }
        let coming = self.coming();
        let follows = |job: &Job| {
            let found = self.pool.find(&job.tokens);
            next_chain(job, &found).is_some_and(|chain| coming.contains(&chain))
        };
        let mut waiting = self.waiting.in_order().into_iter();
        let next = waiting.find(|job| !follows(job))?;
        let found = self.room_for(next)?;
        let id = next.id;
        let mut job = self.waiting.serve(|job| job.id == id)?;
        self.started += 1;
        job.since = self.started;
        Some(self.start(job, &found, false))
    }

    /// Fingerprints of the pages that questions which run will have computed before they say a word.
    fn coming(&self) -> HashSet<Chain> {
        let page_tokens = self.pool.page_tokens();
        let of = |job: &Job| {
            let chains = job.tokens.chains().iter();
            chains
                .skip(job.computed / page_tokens)
                .copied()
                .collect::<Vec<_>>()
        };
        self.running.iter().flat_map(of).collect()
    }

    /// What is there of a question, if there are pages for the rest.
    fn room_for(&self, job: &Job) -> Option<Match> {
        let found = self.pool.find(&job.tokens);
        let mut needed = self.pages(job.tokens.len()) - found.pages.len();
        needed -= usize::from(found.tail.is_some());
        if !self.running.is_empty() {
            let grown = |job: &Job| {
                let tokens = job.tokens.len() + job.growth().min(GROWTH_TOKENS);
                self.pages(tokens)
                    .saturating_sub(self.pages(job.tokens.len()).max(job.pages.len()))
            };
            needed += grown(job) + self.running.iter().map(grown).sum::<usize>();
        }
        let available = self.pool.available() - self.pool.idle_in(&found);
        (needed <= available).then_some(found)
    }

    fn start(&mut self, mut job: Job, found: &Match, again: bool) -> Started {
        (job.pages, job.computed) = self.pool.claim(found);
        while job.pages.len() < self.pages(job.tokens.len()) {
            job.pages.push(take(&mut self.pool));
        }
        let started = Started {
            id: job.id,
            cached: job.computed,
            again,
        };
        let place = self
            .running
            .partition_point(|other| other.since < job.since);
        self.running.insert(place, job);
        started
    }

    /// Pages for so many tokens.
    pub(super) fn pages(&self, tokens: usize) -> usize {
        tokens.div_ceil(self.pool.page_tokens())
    }
}

/// The fingerprint of the first full page that has to be computed.
fn next_chain(job: &Job, found: &Match) -> Option<Chain> {
    job.tokens.chains().get(found.pages.len()).copied()
}

fn take(pool: &mut PagePool) -> u32 {
    pool.take()
        .expect("pages were counted before the question started")
}
