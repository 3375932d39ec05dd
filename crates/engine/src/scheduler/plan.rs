//! What the next step computes.
//!
//! First a row for every question whose asker waits for the next word, with its guesses behind it. Then, in
//! the rows that time leaves, prompts: oldest first, several in one step if they fit. Beside the step the oldest
//! unread picture may be read for a while. When somebody waits for words, a step computes a prompt or a
//! picture is read, by turns, so that the wait stays within one bound.

use super::{Id, Job, Scheduler};
use crate::pace::{Pace, Press};

/// What to do next.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Questions that had to give way to older ones; they start again when there is room.
    pub(crate) put_back: Vec<Id>,
    /// The rows of the step. Empty: no step.
    pub(crate) parts: Vec<Part>,
    /// Whose picture is read, and which.
    pub(crate) read: Option<(Id, usize)>,
    /// How pressing it is.
    pub(crate) press: Press,
}

/// One question's rows in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) id: Id,
    /// First token that is computed.
    pub(crate) from: usize,
    /// How many known tokens are computed.
    pub(crate) tokens: usize,
    /// How many guesses follow them.
    pub(crate) drafts: usize,
    /// The logits after the last known token, and after each guess, are wanted.
    pub(crate) logits: bool,
}

impl Part {
    /// Rows of the step.
    pub(crate) fn rows(&self) -> usize {
        self.tokens + self.drafts
    }
}

impl Scheduler {
    /// Whether any prompt could be computed now. Guesses would then cost what a prompt's rows cost.
    pub(crate) fn has_prompt(&self) -> bool {
        self.running.iter().any(Job::has_prompt)
    }

    /// Questions that have one token to compute: who could make guesses.
    pub(crate) fn speaking(&self) -> impl Iterator<Item = Id> {
        let speaking = self.running.iter();
        speaking
            .filter(|job| job.speaks() && job.left() == 1)
            .map(|job| job.id)
    }

    /// Decides the next step. `drafts`: how many guesses a question that speaks has.
    pub(crate) fn plan(&mut self, pace: &Pace, drafts: impl Fn(Id) -> usize) -> Plan {
        let speaking = self.running.iter().filter(|job| job.speaks()).count();
        let newcomers = self.running.len() - speaking + self.put_back.len() + self.waiting.len();
        let press = Press::of(speaking, newcomers);
        let hurry = press != Press::Calm;
        let mut plan = Plan {
            press,
            ..Plan::default()
        };
        self.words(&mut plan, drafts);
        let unread = self.running.iter().position(|job| job.unread().is_some());
        let prompt = self.running.iter().position(Job::has_prompt);
        let read = unread.and_then(|at| Some((self.running[at].id, self.running[at].unread()?)));
        // Whoever comes first to words comes first; after that the others have to be quick anyway.
        let (prompts, reads) = match (prompt, unread) {
            (Some(_), Some(_)) if hurry => (self.read_last, !self.read_last),
            (Some(prompt), Some(unread)) => (true, unread < prompt),
            _ => (true, true),
        };
        plan.read = read.filter(|_| reads);
        if prompts {
            self.prompts(&mut plan, pace);
        }
        self.read_last = plan.read.is_some();
        plan
    }

    /// One row each for those with one token to compute, oldest first; where pages run out, the newest give way.
    fn words(&mut self, plan: &mut Plan, drafts: impl Fn(Id) -> usize) {
        let ready = |job: &&Job| job.left() == 1 && job.unread().is_none();
        let ids: Vec<Id> = self
            .running
            .iter()
            .filter(ready)
            .map(|job| job.id)
            .collect();
        // Every other running question may come to its first word in the same step.
        let most = self.bounds.logits.min(self.bounds.rows);
        let mut spare = most - self.running.len();
        for id in ids {
            let Some(at) = self.make_room(id, plan) else {
                continue;
            };
            let page_tokens = self.pool.page_tokens();
            let wanted = match self.running[at].speaks() {
                true => drafts(id)
                    .min(spare)
                    .min(self.running[at].growth().saturating_sub(1)),
                false => 0,
            };
            // Guesses take free pages, but push nobody out.
            while self.running[at].pages.len() * page_tokens
                < self.running[at].computed + 1 + wanted
            {
                let Some(page) = self.pool.take() else { break };
                self.running[at].pages.push(page);
            }
            let job = &self.running[at];
            let room = job.pages.len() * page_tokens - job.computed - 1;
            let drafts = wanted.min(room);
            spare -= drafts;
            plan.parts.push(Part {
                id,
                from: job.computed,
                tokens: 1,
                drafts,
                logits: true,
            });
        }
    }

    /// A page for the question's next token. `None` if it was itself the newest and had to give way.
    fn make_room(&mut self, id: Id, plan: &mut Plan) -> Option<usize> {
        loop {
            let at = self.running.iter().position(|job| job.id == id)?;
            let job = &mut self.running[at];
            if job.pages.len() * self.pool.page_tokens() > job.computed {
                return Some(at);
            }
            match self.pool.take() {
                Some(page) => job.pages.push(page),
                None => {
                    let newest = self.running.len() - 1;
                    plan.put_back.push(self.put_back(newest));
                }
            }
        }
    }

    /// Prompts, as far as rows allow.
    fn prompts(&mut self, plan: &mut Plan, pace: &Pace) {
        let taken: usize = plan.parts.iter().map(Part::rows).sum();
        let mut most = self.bounds.rows.saturating_sub(taken);
        let mut rows = pace.prompt_rows(taken, plan.press).min(most);
        for job in &self.running {
            if rows == 0 {
                break;
            }
            if !job.has_prompt() {
                continue;
            }
            // A few rows more now are cheaper than a step for them alone.
            let tokens = match job.left() <= (rows + rows / 4).min(most) {
                true => job.left(),
                false => rows,
            };
            rows = rows.saturating_sub(tokens);
            most -= tokens;
            plan.parts.push(Part {
                id: job.id,
                from: job.computed,
                tokens,
                drafts: 0,
                logits: tokens == job.left(),
            });
        }
    }
}
