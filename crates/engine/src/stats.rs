//! What the engine has done and how it stands, for metrics and the status page: one plain struct,
//! copied out under a short lock. Counters only grow; gauges are of the moment.

use crate::histogram::Histogram;

/// Everything counted, as of one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Questions by where they are and how they ended.
    pub requests: RequestStats,
    /// Tokens computed, found and generated.
    pub tokens: TokenStats,
    /// The paged cache of keys and values.
    pub kv: KvStats,
    /// Pictures.
    pub pictures: PictureStats,
    /// Guessing ahead.
    pub speculation: SpeculationStats,
    /// From `submit` to the first token.
    pub first_token: Histogram,
    /// Between two tokens of one answer (tokens that came in one step share the step's time).
    pub inter_token: Histogram,
    /// From `submit` to the first step, vision or text, for this question.
    pub queue_wait: Histogram,
    /// One forward pass of the text tower.
    pub step: Histogram,
}

/// Questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestStats {
    /// Gauge: waiting for their turn; `waiting` + `running` is the queue's depth.
    pub waiting: usize,
    /// Gauge: being answered.
    pub running: usize,
    /// The most that may wait.
    pub most_waiting: usize,
    /// The most that are answered at once.
    pub most_running: usize,
    /// Taken in since the start.
    pub accepted: u64,
    /// Refused because the queue was full.
    pub rejected_busy: u64,
    /// Refused because they can never fit.
    pub rejected_too_long: u64,
    /// Refused for anything else that was wrong with them.
    pub rejected_invalid: u64,
    /// Ended by the model or a stop string.
    pub ended_stop: u64,
    /// Ended by `max_tokens`.
    pub ended_length: u64,
    /// Ended because they repeated themselves.
    pub ended_repetition: u64,
    /// Cancelled, or the asker went away.
    pub ended_cancelled: u64,
    /// Ended by their time limit.
    pub ended_timed_out: u64,
    /// Broken off by a fault.
    pub failed: u64,
    /// Put back to make room for older ones, and computed anew later.
    pub preempted: u64,
}

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenStats {
    /// Prompt tokens of the questions that were started.
    pub prompt: u64,
    /// Of them, found in the cache.
    pub prefix_hits: u64,
    /// Rows that went through the text tower, rejected guesses included.
    pub computed: u64,
    /// Tokens generated.
    pub completion: u64,
    /// Forward passes of the text tower.
    pub steps: u64,
}

/// Pages of the cache of keys and values; `used + cached + free = total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KvStats {
    /// Tokens per page.
    pub page_tokens: usize,
    /// All pages.
    pub total: usize,
    /// Gauge: in use by running questions.
    pub used: usize,
    /// Gauge: of those, in use by more than one.
    pub shared: usize,
    /// Gauge: kept for questions to come, given up when room is needed.
    pub cached: usize,
    /// Gauge: holding nothing.
    pub free: usize,
    /// Cached pages given up for want of room.
    pub evicted: u64,
}

/// Pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PictureStats {
    /// Pictures read by the vision tower.
    pub encoded: u64,
    /// Pictures a question needed that had been read before.
    pub hits: u64,
}

/// Guessing ahead by looking the last words up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpeculationStats {
    /// Tokens guessed and checked.
    pub proposed: u64,
    /// Of them, those the model would have said itself.
    pub accepted: u64,
}
