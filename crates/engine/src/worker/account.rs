//! What one answer costs, as it adds up.

use std::time::{Duration, Instant};

use crate::event::{FinishReason, Finished, Memory, Timings, Usage};
use crate::memory::peak_rss_bytes;

/// Tokens and times of one answer.
#[derive(Debug)]
pub(super) struct Account {
    submitted: Instant,
    started: Option<Instant>,
    /// When all pictures had been read.
    read: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    pub(super) usage: Usage,
    timings: Timings,
}

impl Account {
    pub(super) fn new(submitted: Instant, usage: Usage, timings: Timings) -> Self {
        Self {
            submitted,
            started: None,
            read: None,
            first_token: None,
            last_token: None,
            usage,
            timings,
        }
    }

    /// It is its turn. Tells how long it waited, pictures being cut and all.
    pub(super) fn start(&mut self, cached_tokens: usize) -> Duration {
        let now = Instant::now();
        if self.started.is_none() {
            self.started = Some(now);
            self.usage.cached_tokens = cached_tokens;
        }
        now - self.submitted
    }

    /// All its pictures have been read. True the first time.
    pub(super) fn pictures_read(&mut self) -> bool {
        let first = self.read.is_none();
        self.read.get_or_insert_with(Instant::now);
        first
    }

    /// How long it has been running.
    pub(super) fn running(&self) -> Option<Duration> {
        self.started.map(|started| started.elapsed())
    }

    /// Some tokens were said just now. Tells how long the asker waited for the first of all, or for each of these.
    pub(super) fn tokens_said(&mut self, count: usize) -> Waited {
        let now = Instant::now();
        let before = self.last_token.replace(now);
        self.usage.completion_tokens += count;
        match before {
            Some(before) => Waited::Next((now - before) / count.max(1) as u32),
            None => {
                self.first_token = Some(now);
                Waited::First(now - self.submitted)
            }
        }
    }

    pub(super) fn finish(&self, finish_reason: FinishReason) -> Finished {
        let mut timings = self.timings;
        let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_duration_since(from).as_secs_f64() * 1e3,
            _ => 0.0,
        };
        timings.vision_ms = between(self.started, self.read);
        timings.prefill_ms = between(self.read, self.first_token);
        timings.ttft_ms = between(Some(self.submitted), self.first_token);
        timings.decode_ms = between(self.first_token, self.last_token);
        let more = self.usage.completion_tokens.saturating_sub(1);
        if more > 0 && timings.decode_ms > 0.0 {
            timings.decode_tokens_per_s = more as f64 / timings.decode_ms * 1e3;
        }
        let memory = Memory {
            peak_rss_bytes: peak_rss_bytes(),
        };
        Finished {
            finish_reason,
            usage: self.usage,
            timings,
            memory,
        }
    }
}

/// What an asker waited for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waited {
    First(Duration),
    Next(Duration),
}
