//! Repetition and presence penalties: which ids were met, and what that does to their logits.

use std::collections::HashSet;

use super::Sampling;

/// Distinct ids met so far. Only kept where a penalty needs them.
#[derive(Debug, Clone)]
pub(super) struct Penalties {
    repetition: f32,
    presence: f32,
    /// Prompt and answer.
    seen: HashSet<u32>,
    /// The answer only.
    generated: HashSet<u32>,
}

impl Penalties {
    pub(super) fn new(settings: &Sampling, prompt_ids: &[u32]) -> Self {
        let mut penalties = Self {
            repetition: settings.repetition_penalty,
            presence: settings.presence_penalty,
            seen: HashSet::new(),
            generated: HashSet::new(),
        };
        if penalties.repetition != 1.0 {
            penalties.seen.extend(prompt_ids);
        }
        penalties
    }

    /// Takes note of a generated id.
    pub(super) fn observe(&mut self, id: u32) {
        if self.repetition != 1.0 {
            self.seen.insert(id);
        }
        if self.presence != 0.0 {
            self.generated.insert(id);
        }
    }

    /// Whether there is any id to penalise.
    pub(super) fn change_anything(&self) -> bool {
        !(self.seen.is_empty() && self.generated.is_empty())
    }

    /// Whether no score can rise.
    pub(super) fn only_lower(&self) -> bool {
        self.repetition >= 1.0 && self.presence >= 0.0
    }

    /// Changes `scores` (one per id) in place: repetition first, then presence, each once per
    /// distinct id. Stays finite.
    pub(super) fn apply(&self, scores: &mut [f32]) {
        for &id in &self.seen {
            change(scores, id, |score| self.repeated(score));
        }
        for &id in &self.generated {
            change(scores, id, |score| self.present(score));
        }
    }

    /// The score of one id, changed in the same way.
    pub(super) fn changed(&self, id: u32, mut score: f32) -> f32 {
        if self.seen.contains(&id) {
            score = self.repeated(score);
        }
        if self.generated.contains(&id) {
            score = self.present(score);
        }
        score
    }

    fn repeated(&self, score: f32) -> f32 {
        let changed = if score < 0.0 {
            score * self.repetition
        } else {
            score / self.repetition
        };
        changed.clamp(f32::MIN, f32::MAX)
    }

    fn present(&self, score: f32) -> f32 {
        (score - self.presence).clamp(f32::MIN, f32::MAX)
    }
}

/// An id beyond the logits (a prompt of another vocabulary) changes nothing.
fn change(scores: &mut [f32], id: u32, rule: impl Fn(f32) -> f32) {
    if let Some(score) = scores.get_mut(id as usize) {
        *score = rule(*score);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_met_many_times_is_penalised_once() {
        let settings = Sampling {
            repetition_penalty: 2.0,
            presence_penalty: 0.5,
            ..Sampling::default()
        };
        let mut penalties = Penalties::new(&settings, &[0, 0, 1, 1]);
        for id in [1, 2, 2, 2] {
            penalties.observe(id);
        }
        let mut scores = [4.0, -4.0, 4.0, 4.0];
        penalties.apply(&mut scores);
        // 0: prompt only; 1: both, negative; 2: generated only; 3: never met.
        assert_eq!(scores, [2.0, -8.5, 1.5, 4.0]);
    }

    #[test]
    fn huge_logits_and_foreign_ids_stay_harmless() {
        let settings = Sampling {
            repetition_penalty: 0.1,
            ..Sampling::default()
        };
        let penalties = Penalties::new(&settings, &[0, 9, u32::MAX]);
        let mut scores = [f32::MAX, 1.0];
        penalties.apply(&mut scores);
        assert_eq!(scores, [f32::MAX, 1.0]);
    }
}
