//! Drawing from the likeliest tokens alone, where it can be shown that all logits would give the same token: they
//! need not leave the device then.
//!
//! Every logit that is not here is at most the least that is. Penalties that only lower change nothing about that.
//! So whatever is chosen by rank (the largest, the `k` largest, the alternatives) is chosen among these as soon as the
//! last one chosen is larger than that bound; equal is not enough, because who is not here may have a lower id.
//! What needs the weight of the whole vocabulary, top-p without top-k, cannot be decided here.

use ops::likeliest::Likeliest;

use super::sampler::{Sampled, Sampler, best_first};
use super::select::kth_largest;

impl Sampler {
    /// Draws the next token and takes note of it, exactly as [`Sampler::sample`] would from all logits; reported
    /// log-probabilities differ by the order in which exponentials were summed. `None`, and nothing is changed, where
    /// this cannot be known without all logits.
    pub fn sample_likeliest(
        &mut self,
        likeliest: Likeliest<'_>,
        alternatives: usize,
    ) -> Option<Sampled> {
        let log_sum = likeliest.log_sum()?;
        let top = self.alternatives_of(likeliest, alternatives, log_sum)?;
        self.choose_of(likeliest)?;
        let id = self.draw();
        self.penalties.observe(id);
        let (_, logit) = likeliest.all().find(|&(own, _)| own == id)?;
        Some(Sampled {
            id,
            logprob: logit - log_sum,
            top,
        })
    }

    /// To `candidates`.
    fn choose_of(&mut self, likeliest: Likeliest<'_>) -> Option<()> {
        let penalised = self.penalties.change_anything();
        if penalised && !self.penalties.only_lower() {
            return None;
        }
        let mut scored: Vec<(u32, f32)> = likeliest.all().collect();
        if penalised {
            for (id, score) in &mut scored {
                *score = self.penalties.changed(*id, *score);
            }
        }
        scored.sort_unstable_by_key(|&(id, _)| id);
        let bound = likeliest.least();
        let max = scored
            .iter()
            .map(|&(_, score)| score)
            .fold(f32::MIN, f32::max);
        if self.settings.temperature == 0.0 {
            let first = scored.iter().find(|&&(_, score)| score == max)?;
            return (max > bound).then(|| self.take_only(first.0));
        }
        let top_k = self.settings.top_k;
        if top_k == 0 || top_k >= scored.len() {
            return None;
        }
        let scores: Vec<f32> = scored.iter().map(|&(_, score)| score).collect();
        let least = kth_largest(&scores, top_k, &mut self.buffer);
        (least > bound).then(|| self.weigh(scored.into_iter(), least, max, true))
    }

    fn alternatives_of(
        &mut self,
        likeliest: Likeliest<'_>,
        count: usize,
        log_sum: f32,
    ) -> Option<Vec<(u32, f32)>> {
        let Some(before) = count.checked_sub(1) else {
            return Some(Vec::new());
        };
        let (_, least) = likeliest.all().nth(before)?;
        (least > likeliest.least()).then(|| best_first(likeliest.all(), least, count, log_sum))
    }
}

#[cfg(test)]
mod tests {
    use ops::likeliest::summarize;
    use proptest::prelude::*;

    use super::super::Sampling;
    use super::*;

    fn settings() -> impl Strategy<Value = Sampling> {
        let temperature = prop_oneof![Just(0.0_f32), 0.05_f32..2.0];
        let top_p = prop_oneof![Just(1.0_f32), 0.0_f32..1.0];
        let top_k = prop_oneof![4 => 1..40_usize, 1 => 40..80_usize, 1 => Just(0)];
        let presence = prop_oneof![2 => Just(0.0_f32), 2 => 0.0_f32..2.0, 1 => -2.0_f32..0.0];
        let repetition = prop_oneof![2 => Just(1.0_f32), 2 => 1.0_f32..3.0, 1 => 0.1_f32..1.0];
        (
            temperature,
            top_p,
            top_k,
            presence,
            repetition,
            any::<u64>(),
        )
            .prop_map(
                |(temperature, top_p, top_k, presence_penalty, repetition_penalty, seed)| {
                    Sampling {
                        temperature,
                        top_p,
                        top_k,
                        presence_penalty,
                        repetition_penalty,
                        seed: Some(seed),
                    }
                },
            )
    }

    /// Logits of a row: coarse steps make many of them equal; a few stand out.
    fn logits(vocabulary: usize, steps: f32) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(
            prop_oneof![12 => -10.0_f32..3.0, 1 => 0.0_f32..14.0],
            vocabulary,
        )
        .prop_map(move |row| {
            row.into_iter()
                .map(|logit| (logit * steps).round() / steps)
                .collect()
        })
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<f32>>> {
        let steps = prop_oneof![Just(1.0_f32), Just(8.0), Just(1e5)];
        (20..600_usize, steps).prop_flat_map(|(vocabulary, steps)| {
            prop::collection::vec(logits(vocabulary, steps), 6)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        /// An answer of six tokens: one sampler sees all logits, the other the likeliest where that is enough.
        #[test]
        fn the_likeliest_give_the_tokens_that_all_logits_give(
            settings in settings(),
            rows in rows(),
            prompt in prop::collection::vec(0..600_u32, 0..30),
            alternatives in prop_oneof![Just(0_usize), 1..20_usize, Just(64)],
        ) {
            let mut whole = Sampler::new(&settings, &prompt).expect("valid settings");
            let mut part = whole.clone();
            for row in &rows {
                let mut summary = Vec::new();
                summarize(row, &mut summary);
                let likeliest = Likeliest::of(&summary).expect("a summary");
                let want = whole.sample(row, alternatives).expect("finite");
                let have = match part.sample_likeliest(likeliest, alternatives) {
                    Some(sampled) => sampled,
                    None => part.sample(row, alternatives).expect("finite"),
                };
                prop_assert_eq!(have.id, want.id);
                prop_assert!((have.logprob - want.logprob).abs() < 1e-4);
                prop_assert_eq!(have.top.len(), want.top.len());
                for (have, want) in have.top.iter().zip(&want.top) {
                    prop_assert_eq!(have.0, want.0);
                    prop_assert!((have.1 - want.1).abs() < 1e-4);
                }
            }
        }

        /// With what an answer is asked with by default, all logits are hardly ever needed.
        #[test]
        fn the_default_settings_need_no_more_than_the_likeliest(
            row in logits(2000, 1e5),
            presence_penalty in 0.0_f32..2.0,
        ) {
            let settings = Sampling { presence_penalty, ..Sampling::default() };
            let mut sampler = Sampler::new(&settings, &[]).expect("valid settings");
            let mut summary = Vec::new();
            summarize(&row, &mut summary);
            let likeliest = Likeliest::of(&summary).expect("a summary");
            for _ in 0..10 {
                prop_assert!(sampler.sample_likeliest(likeliest, 5).is_some());
            }
        }
    }

    fn sample(settings: Sampling, logits: &[f32], alternatives: usize) -> Option<Sampled> {
        let mut summary = Vec::new();
        summarize(logits, &mut summary);
        let likeliest = Likeliest::of(&summary).expect("a summary");
        let mut sampler = Sampler::new(&settings, &[]).expect("valid settings");
        sampler.sample_likeliest(likeliest, alternatives)
    }

    #[test]
    fn what_the_likeliest_cannot_decide_is_left_to_all_logits() {
        let greedy = Sampling {
            temperature: 0.0,
            ..Sampling::default()
        };
        let mut logits = vec![0.0; 1000];
        assert!(sample(greedy, &logits, 0).is_none(), "all are equal");
        logits[700] = 1.0;
        assert_eq!(sample(greedy, &logits, 0).map(|drawn| drawn.id), Some(700));
        assert!(sample(greedy, &logits, 2).is_none(), "the second best");
        assert!(sample(Sampling::default(), &logits, 0).is_none(), "20 best");
        let nucleus = Sampling {
            top_k: 0,
            ..Sampling::default()
        };
        assert!(sample(nucleus, &logits, 0).is_none(), "the whole mass");
        logits[3] = f32::NAN;
        assert!(sample(greedy, &logits, 0).is_none(), "no number");
    }
}
