//! The towers on several devices at once, with the layers parted in the middle, against the stored logits and
//! words of the reference implementation.

use std::sync::Arc;

use cpu::{Cpu, CpuOptions, Precision, Tier};
use cuda::{Cuda, CudaOptions};
use cuda_emulator::Emulator;
use model::config::Config;
use model::qwen3_vl::Qwen3Vl;
use model::text::{PicturePlacement, TextRows, TextWorkspace};
use model::vision::{Features, VisionWorkspace};
use ops::backend::{Backend, KvShape};
use ops::step::Sequence;
use placement::composite::Route;
use placement::{Composite, Device};

use super::golden::{CHECKPOINTS, Golden, Prompt, largest_difference};

/// As on one device: `golden_towers.rs`.
const LOGITS: f32 = 1e-4;
const PAGE_TOKENS: usize = 16;
const PAGES: usize = 16;
/// On an emulated device a word takes a while.
const WORDS: usize = 4;

fn processor() -> Device {
    let options = CpuOptions {
        tier: Tier::best(),
        precision: Precision::F32,
        threads: 2,
    };
    Device::Cpu(Arc::new(Cpu::new(options).expect("threads")))
}

fn gpu() -> Device {
    let options = CudaOptions {
        precision: cuda::Precision::F32,
        memory: 1 << 30,
    };
    let emulator = Arc::new(Emulator::new(1 << 30));
    Device::Cuda(Arc::new(Cuda::new(emulator, options)))
}

/// Pictures, embedding and the first half of the layers on the first device, the rest on the second.
fn parted(devices: Vec<Device>, config: &Config) -> Composite {
    let half = config.text.num_hidden_layers / 2;
    let weight = move |name: &str| {
        let layer = name.strip_prefix("model.language_model.layers.");
        let layer = layer.and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        layer.map_or(0, |layer| usize::from(layer >= half))
    };
    let route = Route {
        weight: Box::new(weight),
        layer: Box::new(move |layer| usize::from(layer >= half)),
        logits: 0,
    };
    Composite::new(devices, route)
}

struct Run<'a> {
    backend: &'a Composite,
    model: Qwen3Vl<Composite>,
    workspace: TextWorkspace<Composite>,
    cache: <Composite as Backend>::KvCache,
}

impl<'a> Run<'a> {
    fn new(backend: &'a Composite, golden: &Golden, config: Config) -> Self {
        let text = &config.text;
        let shape = KvShape {
            layers: text.num_hidden_layers,
            kv_heads: text.num_key_value_heads,
            head_dim: text.head_dim,
            pages: PAGES,
            page_tokens: PAGE_TOKENS,
        };
        Self {
            backend,
            workspace: TextWorkspace::new(backend, text, 128, 128, PAGE_TOKENS).expect("room"),
            cache: backend.kv_cache(shape).expect("a cache"),
            model: Qwen3Vl::load(backend, config, &golden.checkpoint, &mut |_| {})
                .expect("the weights"),
        }
    }

    fn read(&self, golden: &Golden, prompt: &Prompt) -> Vec<Features<Composite>> {
        let vision = &self.model.config.vision;
        let mut workspace = VisionWorkspace::new(self.backend, vision, 8).expect("room");
        let pictures = golden.patches(prompt);
        let read = pictures.iter().map(|patches| {
            let tower = &self.model.vision;
            tower.encode(self.backend, patches, &mut workspace, &mut ())
        });
        read.collect::<Result<_, _>>().expect("features")
    }

    fn logits(
        &mut self,
        prompt: &Prompt,
        features: &[Features<Composite>],
        from: usize,
        ids: &[u32],
        positions: &[[u32; 3]],
    ) -> Vec<f32> {
        let spans = prompt.spans(self.model.config.image_token_id);
        let pictures: Vec<_> = match from {
            0 => spans
                .into_iter()
                .zip(features)
                .map(|(span, features)| PicturePlacement {
                    features,
                    rows: span.start..span.end,
                    first_token: 0,
                })
                .collect(),
            _ => Vec::new(),
        };
        let wanted: Vec<u32> = (0..ids.len() as u32).collect();
        let rows = TextRows {
            ids,
            positions,
            sequences: &[Sequence {
                rows: 0..ids.len(),
                context: from,
                pages: (0..PAGES as u32).rev().collect(),
            }],
            pictures: &pictures,
            logits: &wanted,
        };
        let (cache, workspace) = (&mut self.cache, &mut self.workspace);
        let text = &self.model.text;
        text.forward(self.backend, &rows, cache, workspace, &mut ())
            .expect("logits")
    }

    /// The stored prompt and the first of its stored words.
    fn agrees(&mut self, golden: &Golden, prompt: &Prompt, place: &str) {
        let features = self.read(golden, prompt);
        let found = self.logits(prompt, &features, 0, &prompt.ids, &prompt.positions);
        let off = largest_difference(&prompt.tensor("logits"), &found);
        assert!(off <= LOGITS, "{place}: logits are off by {off:e}");
        let vocabulary = self.model.config.text.vocab_size;
        let expected = prompt.tensor("greedy_logits");
        for (step, &id) in prompt.greedy_ids[..WORDS].iter().enumerate() {
            let index = prompt.ids.len() + step;
            let position = (index as i64 + prompt.rope_delta) as u32;
            let found = self.logits(prompt, &[], index, &[id], &[[position; 3]]);
            let after = (step + 1) * vocabulary..(step + 2) * vocabulary;
            let off = largest_difference(&expected[after], &found);
            assert!(off <= LOGITS, "{place}: word {step} is off by {off:e}");
        }
    }
}

/// Every prompt of both checkpoints; on emulated devices one prompt with a picture of each.
fn agree(devices: impl Fn() -> Vec<Device>, all: bool) {
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let config = Config::of(&golden.checkpoint).expect("a config");
        let backend = parted(devices(), &config);
        let mut run = Run::new(&backend, &golden, config);
        let prompts = golden.prompts();
        let with_picture = prompts.iter().filter(|prompt| !prompt.images.is_empty());
        let shortest = with_picture.min_by_key(|prompt| prompt.ids.len());
        let some = shortest.expect("a prompt with a picture").name.clone();
        for prompt in prompts.iter().filter(|prompt| all || prompt.name == some) {
            run.agrees(&golden, prompt, &format!("{checkpoint} {}", prompt.name));
        }
    }
}

#[test]
fn two_processors_agree_with_the_reference() {
    agree(|| vec![processor(), processor()], true);
}

#[test]
fn a_gpu_and_the_processor_agree_with_the_reference() {
    agree(|| vec![gpu(), processor()], false);
}

#[test]
fn two_gpus_agree_with_the_reference() {
    agree(|| vec![gpu(), gpu()], false);
}
