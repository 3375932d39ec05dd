//! What callers may rely on when tokens are drawn, whatever the logits.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails loudly")]

use engine::sampling::{LogitsError, Sampler, Sampling};
use proptest::prelude::*;

fn plain() -> Sampling {
    Sampling {
        temperature: 1.0,
        top_p: 1.0,
        top_k: 0,
        seed: Some(7),
        ..Sampling::default()
    }
}

fn draws(settings: &Sampling, logits: &[f32], count: usize) -> Vec<u32> {
    let mut sampler = Sampler::new(settings, &[]).unwrap();
    (0..count)
        .map(|_| sampler.sample(logits, 0).unwrap().id)
        .collect()
}

/// Logits as a large vocabulary has them, with many equal ones.
fn vocabulary(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 % 1000) as f32 / 100.0) - 5.0)
        .collect()
}

#[test]
fn the_same_seed_says_the_same_words() {
    let logits = vocabulary(5000);
    assert_eq!(draws(&plain(), &logits, 200), draws(&plain(), &logits, 200));
    let other = Sampling {
        seed: Some(8),
        ..plain()
    };
    assert_ne!(draws(&plain(), &logits, 200), draws(&other, &logits, 200));
}

#[test]
fn a_seed_means_the_same_in_every_release() {
    // Equal chances for 1000 tokens: what comes out is the random numbers themselves.
    let ids = draws(&plain(), &[0.0; 1000], 6);
    assert_eq!(ids, PINNED);
}
const PINNED: [u32; 6] = [828, 920, 55, 533, 685, 697];

#[test]
fn an_answer_without_a_seed_can_be_repeated_with_the_one_it_took() {
    let logits = vocabulary(5000);
    let unseeded = Sampling {
        seed: None,
        ..plain()
    };
    let mut first = Sampler::new(&unseeded, &[]).unwrap();
    let mut other = Sampler::new(&unseeded, &[]).unwrap();
    let said: Vec<u32> = (0..50)
        .map(|_| first.sample(&logits, 0).unwrap().id)
        .collect();
    let else_said: Vec<u32> = (0..50)
        .map(|_| other.sample(&logits, 0).unwrap().id)
        .collect();
    assert_ne!(said, else_said);
    assert_eq!(
        said,
        draws(
            &Sampling {
                seed: Some(first.seed()),
                ..plain()
            },
            &logits,
            50
        )
    );
}

#[test]
fn tokens_come_as_often_as_their_probabilities_say() {
    let logits = [0.0, 1.0, 2.0, 3.0, -50.0];
    let count = 100_000;
    let mut seen = [0u32; 5];
    draws(&plain(), &logits, count)
        .iter()
        .for_each(|&id| seen[id as usize] += 1);
    let total: f32 = logits.iter().map(|l| l.exp()).sum();
    for (logit, seen) in logits.iter().zip(seen) {
        let want = logit.exp() / total;
        // Five standard deviations of a share of 100,000 draws are at most 0.008.
        assert!(
            (seen as f32 / count as f32 - want).abs() < 0.008,
            "{seen} instead of {want}"
        );
    }
}

#[test]
fn temperature_zero_takes_the_lowest_of_equal_ids_and_obeys_penalties() {
    let greedy = Sampling {
        temperature: 0.0,
        presence_penalty: 0.5,
        ..Sampling::default()
    };
    assert_eq!(draws(&greedy, &[1.0, 3.0, 3.0, 2.9], 4), [1, 2, 3, 1]);
}

#[test]
fn a_tiny_temperature_is_as_good_as_zero() {
    let cold = Sampling {
        temperature: f32::MIN_POSITIVE,
        ..plain()
    };
    assert_eq!(draws(&cold, &[-30.0, 29.0, 29.5, 1.0], 20), [2; 20]);
}

#[test]
fn ids_equal_to_the_last_of_top_k_stay() {
    let mut sampler = Sampler::new(
        &Sampling {
            top_k: 2,
            ..plain()
        },
        &[],
    )
    .unwrap();
    let kept = sampler
        .probabilities(&[5.0, 1.0, 4.0, 4.0, 4.0, 0.0])
        .unwrap();
    assert_eq!(kept.iter().map(|c| c.id).collect::<Vec<_>>(), [0, 2, 3, 4]);
}

#[test]
fn log_probabilities_are_those_before_every_setting() {
    let logits = [2.0f32, 1.0, 0.0, -1.0];
    let harsh = Sampling {
        temperature: 0.1,
        top_k: 1,
        presence_penalty: 2.0,
        repetition_penalty: 5.0,
        ..plain()
    };
    let mut sampler = Sampler::new(&harsh, &[0]).unwrap();
    let sampled = sampler.sample(&logits, 3).unwrap();
    let total: f32 = logits.iter().map(|l| l.exp()).sum();
    let believed = |id: u32| (logits[id as usize].exp() / total).ln();
    assert_eq!(sampled.id, 1, "the prompt's id 0 is penalised");
    assert!((sampled.logprob - believed(1)).abs() < 1e-6);
    assert_eq!(
        sampled.top.iter().map(|t| t.0).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert!(
        sampled
            .top
            .iter()
            .all(|&(id, logprob)| (logprob - believed(id)).abs() < 1e-6)
    );
}

#[test]
fn more_alternatives_than_tokens_are_all_tokens() {
    let mut sampler = Sampler::new(&plain(), &[]).unwrap();
    assert_eq!(sampler.sample(&[0.0, 1.0], 20).unwrap().top.len(), 2);
    assert!(sampler.sample(&[0.0, 1.0], 0).unwrap().top.is_empty());
}

#[test]
fn broken_logits_are_an_error_and_not_a_token() {
    let mut sampler = Sampler::new(&Sampling::default(), &[]).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut logits = vec![0.0; 100];
        logits[41] = bad;
        let error = sampler.sample(&logits, 5).unwrap_err();
        assert!(
            matches!(error, LogitsError::NotFinite { id: 41, .. }),
            "{error}"
        );
        assert!(sampler.probabilities(&logits).is_err());
    }
    assert_eq!(sampler.sample(&[], 0).unwrap_err(), LogitsError::Empty);
    // And the sampler still works afterwards.
    assert_eq!(sampler.sample(&[1.0], 1).unwrap().id, 0);
}

proptest! {
    #[test]
    fn whatever_the_settings_a_possible_token_is_drawn(
        logits in prop::collection::vec(prop_oneof![
            -30.0f32..30.0,
            Just(f32::MAX),
            Just(f32::MIN),
            Just(0.0),
        ], 1..600),
        prompt in prop::collection::vec(0u32..700, 0..50),
        temperature in prop_oneof![Just(0.0f32), 0.0f32..=2.0],
        top_p in 0.0f32..=1.0,
        top_k in 0usize..700,
        presence_penalty in -2.0f32..=2.0,
        repetition_penalty in 0.1f32..=10.0,
        seed: u64,
    ) {
        let settings = Sampling {
            temperature, top_p, top_k, presence_penalty, repetition_penalty, seed: Some(seed),
        };
        let mut sampler = Sampler::new(&settings, &prompt).unwrap();
        for _ in 0..3 {
            let candidates = sampler.probabilities(&logits).unwrap().to_vec();
            prop_assert!(!candidates.is_empty());
            let total: f64 = candidates.iter().map(|c| f64::from(c.probability)).sum();
            prop_assert!((total - 1.0).abs() < 1e-4, "the probabilities sum to {}", total);
            let sampled = sampler.sample(&logits, 4).unwrap();
            let chosen = candidates.iter().find(|c| c.id == sampled.id);
            prop_assert!(chosen.is_some_and(|c| c.probability > 0.0));
            prop_assert!(sampled.logprob <= 1e-5 && !sampled.logprob.is_nan());
            prop_assert!(sampled.top.iter().all(|&(_, logprob)| logprob <= sampled.top[0].1));
        }
    }
}
