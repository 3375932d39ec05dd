//! Draws one answer's tokens. Owns its random numbers, its record of ids and its scratch space.

use std::hash::{BuildHasher, RandomState};

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::log_softmax::{exp_of_negative, log_sum_exp};
use super::penalties::Penalties;
use super::select::{keep_nucleus, kth_largest, largest, likelier_first};
use super::{Sampling, SamplingError};

/// A token that may be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Vocabulary id.
    pub id: u32,
    /// Its probability among the candidates.
    pub probability: f32,
}

/// A token that was drawn, and what the model itself thought of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Vocabulary id.
    pub id: u32,
    /// Log-probability under the raw logits, before penalties and temperature.
    pub logprob: f32,
    /// The likeliest ids under the raw logits with their log-probabilities, best first, as many as
    /// were asked for. The drawn id need not be among them.
    pub top: Vec<(u32, f32)>,
}

/// Logits nothing can be drawn from. The fault lies in the weights or in a backend.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LogitsError {
    /// A NaN or an infinity.
    #[error(
        "the model computed {value} for token {id} instead of a number; the weights may be damaged \
         (download them again) or this device computes wrongly (`lookdesk doctor`, or a lower tier)"
    )]
    NotFinite {
        /// The first such id.
        id: usize,
        /// What stood there.
        value: f32,
    },
    /// No logits at all.
    #[error("the model returned no logits; its vocabulary is empty")]
    Empty,
}

/// The logit of a token that may not be drawn: finite, so that it goes through every step unharmed.
pub const FORBIDDEN: f32 = f32::MIN;

/// Draws the tokens of one answer.
#[derive(Debug, Clone)]
pub struct Sampler {
    pub(super) settings: Sampling,
    seed: u64,
    random: ChaCha12Rng,
    pub(super) penalties: Penalties,
    scores: Vec<f32>,
    pub(super) buffer: Vec<f32>,
    pub(super) candidates: Vec<Candidate>,
}

impl Sampler {
    /// A sampler for an answer to `prompt_ids` (which the repetition penalty looks at).
    pub fn new(settings: &Sampling, prompt_ids: &[u32]) -> Result<Self, SamplingError> {
        settings.validate()?;
        let seed = settings.seed.unwrap_or_else(fresh_seed);
        // The key is the seed itself, so a seed's tokens do not hang on how a library spreads it.
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Ok(Self {
            settings: *settings,
            seed,
            random: ChaCha12Rng::from_seed(key),
            penalties: Penalties::new(settings, prompt_ids),
            scores: Vec::new(),
            buffer: Vec::new(),
            candidates: Vec::new(),
        })
    }

    /// The seed in use: the one asked for, or the fresh one, so that an answer can be repeated.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Takes note of an id that was generated without this sampler (`sample` does it by itself).
    pub fn observe(&mut self, id: u32) {
        self.penalties.observe(id);
    }

    /// The tokens that may follow `logits` (one per id of the vocabulary) and their probabilities,
    /// which sum to 1. Likelier first; when neither top-k nor top-p cuts, in the order of ids.
    pub fn probabilities(&mut self, logits: &[f32]) -> Result<&[Candidate], LogitsError> {
        let max = largest_finite(logits)?;
        self.choose(logits, max);
        Ok(&self.candidates)
    }

    /// Draws the next token and takes note of it. `alternatives` is how many of the likeliest ids
    /// to report beside it.
    pub fn sample(&mut self, logits: &[f32], alternatives: usize) -> Result<Sampled, LogitsError> {
        self.sample_among(logits, logits, alternatives)
    }

    /// The same, drawing only from the tokens that `allowed` does not hold [`FORBIDDEN`] for; the others have
    /// their logits there. Probabilities are reported as the model sees them, under `logits`.
    pub fn sample_among(
        &mut self,
        logits: &[f32],
        allowed: &[f32],
        alternatives: usize,
    ) -> Result<Sampled, LogitsError> {
        let max = largest_finite(logits)?;
        self.choose(allowed, largest_finite(allowed)?);
        let id = self.draw();
        self.penalties.observe(id);
        let log_sum = log_sum_exp(logits, max);
        Ok(Sampled {
            id,
            logprob: logits[id as usize] - log_sum,
            top: self.alternatives(logits, alternatives, log_sum),
        })
    }

    /// From logits, whose largest is `max`, to `candidates`.
    fn choose(&mut self, logits: &[f32], max: f32) {
        if !self.penalties.change_anything() {
            return self.select(logits, max);
        }
        let mut scores = std::mem::take(&mut self.scores);
        scores.clear();
        scores.extend_from_slice(logits);
        self.penalties.apply(&mut scores);
        let max = largest(&scores).unwrap_or(max);
        self.select(&scores, max);
        self.scores = scores;
    }

    /// From `scores`, whose largest is `max`, to `candidates`: temperature, top-k, top-p, softmax.
    ///
    /// Dividing by the temperature changes no order, so top-k comes first and only what is left is
    /// divided; taking the maximum away first keeps any temperature above 0 finite.
    fn select(&mut self, scores: &[f32], max: f32) {
        let Sampling {
            temperature, top_k, ..
        } = self.settings;
        if temperature == 0.0 {
            let id = scores.iter().position(|&score| score == max).unwrap_or(0) as u32;
            return self.take_only(id);
        }
        let cut = top_k > 0 && top_k < scores.len();
        let least = if cut {
            kth_largest(scores, top_k, &mut self.buffer)
        } else {
            f32::NEG_INFINITY
        };
        let scored = scores.iter().enumerate();
        self.weigh(
            scored.map(|(id, &score)| (id as u32, score)),
            least,
            max,
            cut,
        );
    }

    /// Makes `id` the one candidate.
    pub(super) fn take_only(&mut self, id: u32) {
        self.candidates.clear();
        self.candidates.push(Candidate {
            id,
            probability: 1.0,
        });
    }

    /// Makes candidates of the tokens that score `least` at least: temperature, top-p, softmax. `scored` in the order of
    /// ids, for sums depend on it; `cut`: by top-k.
    pub(super) fn weigh(
        &mut self,
        scored: impl Iterator<Item = (u32, f32)>,
        least: f32,
        max: f32,
        cut: bool,
    ) {
        let Sampling {
            temperature, top_p, ..
        } = self.settings;
        let least = match max > FORBIDDEN {
            true => least.max(FORBIDDEN.next_up()),
            false => least,
        };
        self.candidates.clear();
        let likely = scored.filter(|&(_, score)| score >= least);
        self.candidates.extend(likely.map(|(id, score)| Candidate {
            id,
            probability: exp_of_negative((score - max) / temperature),
        }));
        if top_p < 1.0 {
            let total = mass(&self.candidates);
            keep_nucleus(&mut self.candidates, top_p, total);
        } else if cut {
            self.candidates.sort_unstable_by(likelier_first);
        }
        let total = mass(&self.candidates);
        for candidate in &mut self.candidates {
            candidate.probability = (f64::from(candidate.probability) / total) as f32;
        }
    }

    /// One of `candidates`, by its probability. A lone candidate uses up no random number.
    pub(super) fn draw(&mut self) -> u32 {
        if let [only] = self.candidates.as_slice() {
            return only.id;
        }
        // 53 random bits: every value a float64 in [0, 1) can hold evenly.
        let uniform = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut left = uniform * mass(&self.candidates);
        let mut last = 0;
        for candidate in self.candidates.iter().filter(|c| c.probability > 0.0) {
            last = candidate.id;
            left -= f64::from(candidate.probability);
            if left < 0.0 {
                break;
            }
        }
        last
    }

    fn alternatives(&mut self, logits: &[f32], count: usize, log_sum: f32) -> Vec<(u32, f32)> {
        if count == 0 {
            return Vec::new();
        }
        let least = kth_largest(logits, count, &mut self.buffer);
        let pairs = logits.iter().enumerate();
        let pairs = pairs.map(|(id, &logit)| (id as u32, logit));
        best_first(pairs, least, count, log_sum)
    }
}

/// The log-probabilities of the `count` best of those with a logit of at least `least`.
pub(super) fn best_first(
    pairs: impl Iterator<Item = (u32, f32)>,
    least: f32,
    count: usize,
    log_sum: f32,
) -> Vec<(u32, f32)> {
    let likely = pairs.filter(|&(_, logit)| logit >= least);
    let mut top: Vec<_> = likely.map(|(id, logit)| (id, logit - log_sum)).collect();
    top.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    top.truncate(count);
    top
}

fn mass(candidates: &[Candidate]) -> f64 {
    candidates.iter().map(|c| f64::from(c.probability)).sum()
}

fn largest_finite(logits: &[f32]) -> Result<f32, LogitsError> {
    if logits.is_empty() {
        return Err(LogitsError::Empty);
    }
    largest(logits).ok_or_else(|| {
        let broken = logits
            .iter()
            .enumerate()
            .find(|(_, logit)| !logit.is_finite());
        let (id, &value) = broken.unwrap_or((0, &f32::NAN));
        LogitsError::NotFinite { id, value }
    })
}

/// Random enough to make two answers differ; the standard library seeds its hash maps with it.
fn fresh_seed() -> u64 {
    RandomState::new().hash_one(std::time::SystemTime::now())
}
