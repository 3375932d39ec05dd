//! Sampling against the reference implementation: probabilities under nine settings, greedy tokens
//! and the log-probabilities beside them. Data and bounds: `golden/README.md`.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails loudly")]

use std::collections::HashMap;
use std::path::PathBuf;

use engine::sampling::{Sampler, Sampling};
use formats::Safetensors;
use serde::Deserialize;

const CHECKPOINTS: [&str; 2] = ["tiny-a", "tiny-b"];
/// The reference ran in float32.
const BOUND: f32 = 1e-5;

fn golden(checkpoint: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../golden")
        .join(checkpoint)
        .join(file)
}

fn json<T: serde::de::DeserializeOwned>(checkpoint: &str, file: &str) -> T {
    serde_json::from_slice(&std::fs::read(golden(checkpoint, file)).unwrap()).unwrap()
}

fn ids(file: &Safetensors, name: &str) -> Vec<u32> {
    let values = file.tensor(name).unwrap().to_i64();
    values
        .into_iter()
        .map(|id| u32::try_from(id).unwrap())
        .collect()
}

#[derive(Deserialize)]
struct Case {
    /// Without a default of ours: what a case leaves out is off.
    temperature: f32,
    top_k: usize,
    top_p: f32,
    #[serde(default)]
    presence_penalty: f32,
    #[serde(default = "one")]
    repetition_penalty: f32,
    tensor: String,
    kept: usize,
}

fn one() -> f32 {
    1.0
}

#[test]
fn probabilities_and_kept_tokens_are_those_of_the_reference() {
    for checkpoint in CHECKPOINTS {
        let file = Safetensors::open(&golden(checkpoint, "sampling.safetensors")).unwrap();
        let logits = file.tensor("logits").unwrap().to_f32();
        let seen = ids(&file, "seen_ids");
        let generated = ids(&file, "generated_ids");
        let prompt = seen.strip_suffix(generated.as_slice()).unwrap();
        let cases: Vec<Case> = json(checkpoint, "sampling.json");
        assert_eq!(cases.len(), 9);
        for case in cases {
            let settings = Sampling {
                temperature: case.temperature,
                top_p: case.top_p,
                top_k: case.top_k,
                presence_penalty: case.presence_penalty,
                repetition_penalty: case.repetition_penalty,
                seed: Some(1),
            };
            let mut sampler = Sampler::new(&settings, prompt).unwrap();
            generated.iter().for_each(|&id| sampler.observe(id));
            let have: HashMap<u32, f32> = sampler
                .probabilities(&logits)
                .unwrap()
                .iter()
                .map(|candidate| (candidate.id, candidate.probability))
                .collect();
            assert_eq!(have.len(), case.kept, "{checkpoint} {}", case.tensor);
            for (id, want) in file
                .tensor(&case.tensor)
                .unwrap()
                .to_f32()
                .into_iter()
                .enumerate()
            {
                let have = have.get(&(id as u32)).copied();
                let place = format!("{checkpoint} {} id {id}: {have:?}, not {want}", case.tensor);
                assert_eq!(have.is_some(), want > 0.0, "{place}");
                assert!((have.unwrap_or(0.0) - want).abs() < BOUND, "{place}");
            }
        }
    }
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    greedy_ids: Vec<u32>,
    greedy_top5_ids: Vec<Vec<u32>>,
    greedy_top5_logprobs: Vec<Vec<f32>>,
}

#[test]
fn greedy_tokens_and_their_log_probabilities_are_those_of_the_reference() {
    let greedy = Sampling {
        temperature: 0.0,
        ..Sampling::default()
    };
    for checkpoint in CHECKPOINTS {
        for prompt in json::<Vec<Prompt>>(checkpoint, "prompts.json") {
            let file = golden(checkpoint, &format!("{}.safetensors", prompt.name));
            let rows = Safetensors::open(&file)
                .unwrap()
                .tensor("greedy_logits")
                .unwrap();
            let mut sampler = Sampler::new(&greedy, &[]).unwrap();
            for (step, row) in rows.to_f32().chunks(rows.shape()[1]).enumerate() {
                let sampled = sampler.sample(row, 5).unwrap();
                let place = format!("{checkpoint} {} step {step}", prompt.name);
                assert_eq!(sampled.id, prompt.greedy_ids[step], "{place}");
                assert_eq!(sampled.logprob, sampled.top[0].1, "{place}");
                let (top_ids, logprobs): (Vec<u32>, Vec<f32>) = sampled.top.into_iter().unzip();
                assert_eq!(top_ids, prompt.greedy_top5_ids[step], "{place}");
                for (have, want) in logprobs.iter().zip(&prompt.greedy_top5_logprobs[step]) {
                    assert!((have - want).abs() < BOUND, "{place}: {have}, not {want}");
                }
            }
        }
    }
}
