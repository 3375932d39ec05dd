//! Both towers against the reference implementation, stage by stage, on the naive backend, on every CPU tier and on
//! GPUs, emulated and real. Bounds and their reasons: `golden/README.md`.

#[path = "golden_towers/composite.rs"]
mod composite;
mod golden;
#[path = "golden_towers/on_cuda.rs"]
mod on_cuda;

use cpu::{Cpu, CpuOptions, Precision, Tier};
use golden::{CHECKPOINTS, Golden, Prompt, largest_difference, relative_rms};
use model::config::Config;
use model::observe::{Observer, Stage};
use model::qwen3_vl::Qwen3Vl;
use model::rope::{text_angles, vision_angles};
use model::text::{PicturePlacement, TextRows, TextWorkspace};
use model::vision::{Features, VisionWorkspace, patch_coordinates, position_places};
use ops::backend::{Backend, KvShape, LinearWeight, Sensitivity};
use ops::reference::Reference;
use ops::step::Sequence;

/// Hidden states: four times the spread between two correct float32 implementations.
const HIDDEN: f32 = 5e-5;
/// Logits; their standard deviation is about 2.4.
const LOGITS: f32 = 1e-4;
const PAGE_TOKENS: usize = 16;

fn cpu(tier: Tier, precision: Precision) -> Cpu {
    Cpu::new(CpuOptions {
        tier,
        precision,
        threads: 2,
    })
    .expect("threads")
}

/// Keeps what the towers name.
#[derive(Default)]
struct Recording(Vec<(Stage, Vec<f32>)>);

impl<B: Backend> Observer<B> for Recording {
    fn observe(&mut self, backend: &B, stage: Stage, tensor: &B::Tensor) {
        let (rows, _) = backend.dimensions(tensor);
        self.0.push((stage, backend.download(tensor, 0..rows)));
    }
}

impl Recording {
    /// All values of a stage, pictures one after another.
    fn of(&self, wanted: Stage) -> Vec<f32> {
        let parts = self.0.iter().filter(|(stage, _)| *stage == wanted);
        parts
            .flat_map(|(_, values)| values.iter().copied())
            .collect()
    }
}

/// A model with what it needs to run a prompt.
struct Runner<'a, B: Backend> {
    backend: &'a B,
    model: Qwen3Vl<B>,
    workspace: TextWorkspace<B>,
    cache: B::KvCache,
    pages: Vec<u32>,
}

impl<'a, B: Backend> Runner<'a, B> {
    fn new(backend: &'a B, golden: &Golden) -> Self {
        let config = Config::of(&golden.checkpoint).expect("a config");
        let text = &config.text;
        let pages = 16;
        let shape = KvShape {
            layers: text.num_hidden_layers,
            kv_heads: text.num_key_value_heads,
            head_dim: text.head_dim,
            pages,
            page_tokens: PAGE_TOKENS,
        };
        let workspace =
            TextWorkspace::new(backend, text, 128, 128, PAGE_TOKENS).expect("a workspace");
        let cache = backend.kv_cache(shape).expect("a cache");
        let model =
            Qwen3Vl::load(backend, config, &golden.checkpoint, &mut |_| {}).expect("the weights");
        // Scattered on purpose.
        let pages = (0..pages as u32)
            .map(|page| (page * 7 + 3) % pages as u32)
            .collect();
        Self {
            backend,
            model,
            workspace,
            cache,
            pages,
        }
    }

    fn read(
        &self,
        golden: &Golden,
        prompt: &Prompt,
        recording: &mut Recording,
    ) -> Vec<Features<B>> {
        // Made too small on purpose: a larger picture makes it grow.
        let mut workspace =
            VisionWorkspace::new(self.backend, &self.model.config.vision, 8).expect("room");
        let pictures = golden.patches(prompt);
        pictures
            .iter()
            .map(|patches| {
                let tower = &self.model.vision;
                tower
                    .encode(self.backend, patches, &mut workspace, recording)
                    .expect("features")
            })
            .collect()
    }

    /// Runs tokens `from .. from + ids.len()` and returns the logits of all of them.
    fn run(
        &mut self,
        prompt: &Prompt,
        features: &[Features<B>],
        from: usize,
        ids: &[u32],
        positions: &[[u32; 3]],
        observer: &mut impl Observer<B>,
    ) -> Vec<f32> {
        let sequences = [Sequence {
            rows: 0..ids.len(),
            context: from,
            pages: self.pages.clone(),
        }];
        let pictures: Vec<_> = prompt
            .spans(self.model.config.image_token_id)
            .into_iter()
            .zip(features)
            .filter_map(|(span, features)| {
                let start = span.start.max(from);
                let end = span.end.min(from + ids.len());
                (start < end).then(|| PicturePlacement {
                    features,
                    rows: start - from..end - from,
                    first_token: start - span.start,
                })
            })
            .collect();
        let wanted: Vec<u32> = (0..ids.len() as u32).collect();
        let rows = TextRows {
            ids,
            positions,
            sequences: &sequences,
            pictures: &pictures,
            logits: &wanted,
        };
        self.model
            .text
            .forward(
                self.backend,
                &rows,
                &mut self.cache,
                &mut self.workspace,
                observer,
            )
            .expect("logits")
    }

    /// The prompt in pieces of the given length, then the stored greedy ids one by one; returns the
    /// prompt's logits and those of each step.
    fn play(
        &mut self,
        golden: &Golden,
        prompt: &Prompt,
        piece: usize,
        recording: &mut Recording,
    ) -> (Vec<f32>, Vec<Vec<f32>>) {
        let features = self.read(golden, prompt, recording);
        let mut logits = Vec::new();
        for from in (0..prompt.ids.len()).step_by(piece) {
            let end = prompt.ids.len().min(from + piece);
            let (ids, positions) = (&prompt.ids[from..end], &prompt.positions[from..end]);
            logits.extend(self.run(prompt, &features, from, ids, positions, recording));
        }
        let vocabulary = self.model.config.text.vocab_size;
        let mut steps = vec![logits[logits.len() - vocabulary..].to_vec()];
        for (step, &id) in prompt.greedy_ids[..prompt.greedy_ids.len() - 1]
            .iter()
            .enumerate()
        {
            let index = prompt.ids.len() + step;
            let position = (index as i64 + prompt.rope_delta) as u32;
            steps.push(self.run(prompt, &features, index, &[id], &[[position; 3]], &mut ()));
        }
        (logits, steps)
    }
}

fn argmax(values: &[f32]) -> u32 {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best as u32
}

/// Every stored stage, every logit and all greedy ids of every prompt.
fn agrees_with_the_reference<B: Backend>(backend: &B, name: &str) {
    agrees_on(backend, name, |_| true);
}

/// The same for the prompts that `chosen` names.
fn agrees_on<B: Backend>(backend: &B, name: &str, chosen: impl Fn(&str) -> bool) {
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let mut runner = Runner::new(backend, &golden);
        for prompt in golden.prompts().into_iter().filter(|p| chosen(&p.name)) {
            let place = format!("{checkpoint} {} on {name}", prompt.name);
            let mut recording = Recording::default();
            let (logits, steps) = runner.play(&golden, &prompt, usize::MAX, &mut recording);
            for (stage, tensor) in stages(&prompt, &runner.model.config) {
                let found = recording.of(stage);
                let off = largest_difference(&prompt.tensor(&tensor), &found);
                assert!(off <= HIDDEN, "{place}: {tensor} is off by {off:e}");
            }
            let off = largest_difference(&prompt.tensor("logits"), &logits);
            assert!(off <= LOGITS, "{place}: logits are off by {off:e}");
            let off = largest_difference(&prompt.tensor("greedy_logits"), &steps.concat());
            assert!(
                off <= LOGITS,
                "{place}: logits of generated tokens are off by {off:e}"
            );
            let greedy: Vec<u32> = steps.iter().map(|logits| argmax(logits)).collect();
            assert_eq!(greedy, prompt.greedy_ids, "{place}: greedy ids");
        }
    }
}

/// The stages a prompt's file stores, with their names there.
fn stages(prompt: &Prompt, config: &Config) -> Vec<(Stage, String)> {
    let mut stages = vec![
        (Stage::VisionPatchEmbed, "vision.patch_embed".to_owned()),
        (Stage::VisionBlockIn, "vision.block0.in".to_owned()),
        (Stage::VisionMerger, "vision.merger".to_owned()),
        (Stage::TextEmbeds, "text.embeds".to_owned()),
        (Stage::TextFinalNorm, "text.final_norm".to_owned()),
    ];
    let blocks = 0..config.vision.depth;
    stages.extend(blocks.map(|i| (Stage::VisionBlockOut(i), format!("vision.block{i}.out"))));
    let taps = 0..config.vision.deepstack_visual_indexes.len();
    stages.extend(taps.map(|k| (Stage::VisionDeepstack(k), format!("vision.deepstack{k}"))));
    for i in 0..config.text.num_hidden_layers {
        stages.push((Stage::TextLayerOut(i), format!("text.layer{i}.out")));
        stages.push((Stage::TextLayerToNext(i), format!("text.layer{i}.to_next")));
    }
    stages.retain(|(_, tensor)| prompt.has(tensor));
    stages
}

#[test]
fn the_goldens_hold_every_stage() {
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let config = Config::of(&golden.checkpoint).expect("a config");
        let (text, vision) = (config.text.num_hidden_layers, config.vision.depth);
        let taps = config.vision.deepstack_visual_indexes.len();
        for prompt in golden.prompts() {
            let all = 5 + vision + taps + 2 * text;
            let expected = match (prompt.images.is_empty(), prompt.has("text.embeds")) {
                (true, _) => 2 + 2 * text,
                (false, true) => all,
                (false, false) => 1,
            };
            let found = stages(&prompt, &config).len();
            assert_eq!(found, expected, "{checkpoint} {}", prompt.name);
        }
    }
}

#[test]
fn the_naive_backend_agrees_with_the_reference_at_every_stage() {
    agrees_with_the_reference(&Reference, "reference");
}

#[test]
fn every_cpu_tier_agrees_with_the_reference_at_every_stage() {
    for tier in Tier::available() {
        agrees_with_the_reference(&cpu(tier, Precision::F32), tier.name());
    }
}

#[test]
fn a_prompt_computed_in_pieces_gives_the_same_logits() {
    let backend = cpu(Tier::best(), Precision::F32);
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let mut runner = Runner::new(&backend, &golden);
        for prompt in golden.prompts() {
            for piece in [1, 7, 23] {
                let (logits, _) = runner.play(&golden, &prompt, piece, &mut Recording::default());
                let off = largest_difference(&prompt.tensor("logits"), &logits);
                assert!(
                    off <= LOGITS,
                    "{} in pieces of {piece}: off by {off:e}",
                    prompt.name
                );
            }
        }
    }
}

#[test]
fn pictures_read_by_turns_a_block_at_a_time_have_the_features_of_pictures_read_at_once() {
    let backend = cpu(Tier::best(), Precision::F32);
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let runner = Runner::new(&backend, &golden);
        let tower = &runner.model.vision;
        let config = &runner.model.config.vision;
        let mut workspace = VisionWorkspace::new(&backend, config, 8).expect("room");
        let pictures: Vec<_> = golden
            .prompts()
            .iter()
            .flat_map(|prompt| golden.patches(prompt))
            .collect();
        assert!(pictures.len() > 2);
        let mut halves: Vec<_> = pictures
            .iter()
            .map(|patches| {
                let encoding = tower.start(&backend, patches, &mut workspace, &mut ());
                encoding.expect("a beginning")
            })
            .collect();
        for block in 1..=config.depth {
            for encoding in &mut halves {
                let through = tower.advance(&backend, encoding, 1, &mut workspace, &mut ());
                assert_eq!(through.expect("a block"), block == config.depth);
            }
        }
        for (patches, encoding) in pictures.iter().zip(halves) {
            let by_turns = tower.finish(&backend, encoding, &mut workspace, &mut ());
            let at_once = tower.encode(&backend, patches, &mut workspace, &mut ());
            let (by_turns, at_once) = (by_turns.expect("features"), at_once.expect("features"));
            assert_eq!(by_turns.merged.values(), at_once.merged.values());
            assert_eq!(by_turns.deepstack.len(), at_once.deepstack.len());
            for (a, b) in by_turns.deepstack.iter().zip(&at_once.deepstack) {
                assert_eq!(a.values(), b.values());
            }
        }
    }
}

/// Where a bfloat16 run may part from float32: relative RMS 3 % and 0.7 in logits; the greedy id where
/// the stored margin exceeds 0.5.
#[test]
fn bf16_activations_stay_within_the_bounds_of_bf16() {
    stays_within_the_bounds_of_bf16(&cpu(Tier::best(), Precision::Bf16), |_| true);
}

/// The same over tiles in plain code, for processors without AMX.
#[test]
fn bf16_tiles_stay_within_the_bounds_of_bf16() {
    stays_within_the_bounds_of_bf16(&cpu(Tier::emulated_amx(), Precision::Bf16), |_| true);
}

fn stays_within_the_bounds_of_bf16<B: Backend>(backend: &B, chosen: impl Fn(&str) -> bool) {
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let mut runner = Runner::new(backend, &golden);
        for prompt in golden.prompts().into_iter().filter(|p| chosen(&p.name)) {
            let (logits, steps) =
                runner.play(&golden, &prompt, usize::MAX, &mut Recording::default());
            let expected = prompt.tensor("logits");
            let (rms, off) = (
                relative_rms(&expected, &logits),
                largest_difference(&expected, &logits),
            );
            let place = format!("{checkpoint} {}", prompt.name);
            assert!(
                rms <= 0.03 && off <= 0.7,
                "{place}: rms {rms}, largest {off}"
            );
            for (step, logits) in steps.iter().enumerate() {
                if prompt.greedy_margins[step] > 0.5 {
                    assert_eq!(
                        argmax(logits),
                        prompt.greedy_ids[step],
                        "{place}: step {step}"
                    );
                }
            }
        }
    }
}

/// Relative RMS of the logits against float32, and the mean Kullback-Leibler divergence of the words they make
/// likely, in nats, over all positions of all prompts. The checkpoints are random, so nothing of their weights is
/// redundant: a trained model suffers far less. Measured: 8 bits 5.3 % and 0.008, 4 bits 33 % and 0.36.
#[test]
fn fewer_bits_cost_no_more_than_was_measured() {
    for (precision, most_rms, most_divergence) in
        [(Precision::Q8, 0.08, 0.015), (Precision::Q4, 0.45, 0.5)]
    {
        for tier in [Tier::best(), Tier::named("avx2").unwrap_or(Tier::best())] {
            let backend = cpu(tier, precision);
            let (rms, divergence) = cost_of_fewer_bits(&backend, |_| true);
            let name = tier.name();
            println!("{precision:?} on {name}: rms {rms:.4}, divergence {divergence:.5}");
            assert!(
                rms <= most_rms && divergence <= most_divergence,
                "{precision:?} on {name}: rms {rms}, divergence {divergence}"
            );
        }
    }
}

/// The largest relative RMS and divergence of the prompts that `chosen` names.
fn cost_of_fewer_bits<B: Backend>(backend: &B, chosen: impl Fn(&str) -> bool) -> (f32, f64) {
    let (mut rms, mut divergence) = (0.0_f32, 0.0_f64);
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let mut runner = Runner::new(backend, &golden);
        for prompt in golden.prompts().into_iter().filter(|p| chosen(&p.name)) {
            let (logits, _) = runner.play(&golden, &prompt, usize::MAX, &mut Recording::default());
            let expected = prompt.tensor("logits");
            rms = rms.max(relative_rms(&expected, &logits));
            let words = expected.len() / prompt.ids.len();
            divergence = divergence.max(mean_divergence(&expected, &logits, words));
        }
    }
    (rms, divergence)
}

/// Of rows of `words` logits.
fn mean_divergence(expected: &[f32], found: &[f32], words: usize) -> f64 {
    let probabilities = |row: &[f32]| -> Vec<f64> {
        let largest = row.iter().copied().fold(f32::MIN, f32::max);
        let weights = row.iter().map(|logit| f64::from(logit - largest).exp());
        let weights: Vec<f64> = weights.collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / total).collect()
    };
    let rows = expected.chunks_exact(words).zip(found.chunks_exact(words));
    let count = rows.len() as f64;
    let divergences = rows.map(|(expected, found)| {
        let pairs = probabilities(expected)
            .into_iter()
            .zip(probabilities(found));
        pairs.map(|(p, q)| p * (p / q).ln()).sum::<f64>()
    });
    divergences.sum::<f64>() / count
}

#[test]
fn angles_and_position_places_are_those_of_the_reference() {
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let config = Config::of(&golden.checkpoint).expect("a config");
        for prompt in golden
            .prompts()
            .into_iter()
            .filter(|prompt| prompt.has("text.rope_cos"))
        {
            let both_halves = |values: &[f32], half: usize| -> Vec<f32> {
                values
                    .chunks(half)
                    .flat_map(|row| [row, row].concat())
                    .collect()
            };
            let angles = text_angles(&config.text, &prompt.positions);
            for (name, values) in [
                ("text.rope_cos", &angles.cos),
                ("text.rope_sin", &angles.sin),
            ] {
                let found = both_halves(values, angles.half);
                let off = largest_difference(&prompt.tensor(name), &found);
                assert!(
                    off <= 1e-6,
                    "{checkpoint} {}: {name} is off by {off:e}",
                    prompt.name
                );
            }
            if prompt.images.is_empty() {
                continue;
            }
            let patches = golden.patches(&prompt);
            let (mut cos, mut sin, mut coordinates, mut embedded) =
                (vec![], vec![], vec![], vec![]);
            for picture in &patches {
                let angles = vision_angles(&config.vision, picture.grid);
                cos.extend(both_halves(&angles.cos, angles.half));
                sin.extend(both_halves(&angles.sin, angles.half));
                coordinates.extend(patch_coordinates(picture.grid, 2));
                embedded.extend(interpolated(&golden, &config, picture.grid));
            }
            let pairs = [
                ("vision.rope_cos", cos),
                ("vision.rope_sin", sin),
                ("vision.pos_embed", embedded),
            ];
            for (name, found) in pairs {
                let off = largest_difference(&prompt.tensor(name), &found);
                assert!(
                    off <= 2e-6,
                    "{checkpoint} {}: {name} is off by {off:e}",
                    prompt.name
                );
            }
            let coordinates: Vec<i64> = coordinates
                .iter()
                .flat_map(|&(row, column)| [row as i64, column as i64])
                .collect();
            assert_eq!(
                coordinates,
                prompt.integers("vision.patch_hw"),
                "{}",
                prompt.name
            );
        }
    }
}

/// The position table at every patch of a grid, by the naive backend.
fn interpolated(golden: &Golden, config: &Config, grid: model::picture::Grid) -> Vec<f32> {
    let vision = &config.vision;
    let shape = [vision.num_position_embeddings, vision.hidden_size];
    let table = golden
        .checkpoint
        .tensor("model.visual.pos_embed.weight", &shape)
        .expect("a table");
    let places = position_places(vision, grid);
    let rows = grid.patches();
    let mut out = Reference.tensor(rows, vision.hidden_size).expect("room");
    let mut weights = Reference.tensor(rows, 4).expect("room");
    Reference.upload(&mut weights, places.weights.as_flattened());
    let indices = places.indices.as_flattened().to_vec();
    Reference.add_interpolated(&mut out, &table.to_f32(), &indices, &weights);
    Reference.download(&out, 0..rows)
}

/// Queries and keys of the first layer after their norms, which no observer sees.
#[test]
fn the_first_layer_norms_heads_as_the_reference_does() {
    for checkpoint in CHECKPOINTS {
        let golden = Golden::open(checkpoint);
        let config = Config::of(&golden.checkpoint).expect("a config");
        let text = &config.text;
        for prompt in golden
            .prompts()
            .into_iter()
            .filter(|prompt| prompt.has("text.embeds"))
        {
            let rows = prompt.ids.len();
            let mut stream = Reference.tensor(rows, text.hidden_size).expect("room");
            Reference.upload(&mut stream, &prompt.tensor("text.embeds"));
            let layer = "model.language_model.layers.0";
            let tensor = |name: &str, shape: &[usize]| {
                golden
                    .checkpoint
                    .tensor(&format!("{layer}.{name}.weight"), shape)
                    .expect("a weight")
            };
            let norm = tensor("input_layernorm", &[text.hidden_size]).to_f32();
            let mut normed = Reference.tensor(rows, text.hidden_size).expect("room");
            Reference.rms_norm(&stream, &norm, text.rms_norm_eps, &mut normed);
            for (part, heads) in [
                ("q", text.num_attention_heads),
                ("k", text.num_key_value_heads),
            ] {
                let width = heads * text.head_dim;
                let weight = tensor(
                    &format!("self_attn.{part}_proj"),
                    &[width, text.hidden_size],
                );
                let weight = LinearWeight {
                    name: part,
                    weight: &weight,
                    bias: None,
                    sensitivity: Sensitivity::Ordinary,
                };
                let weight = Reference.linear(&weight).expect("room");
                let mut out = Reference.tensor(rows, width).expect("room");
                Reference.matmul(&normed, &weight, &mut out);
                let gain = tensor(&format!("self_attn.{part}_norm"), &[text.head_dim]).to_f32();
                Reference.rms_norm_heads(&mut out, &gain, text.rms_norm_eps);
                let name = format!("text.layer0.{part}_norm");
                let off = largest_difference(&prompt.tensor(&name), out.values());
                assert!(
                    off <= HIDDEN,
                    "{checkpoint} {}: {name} is off by {off:e}",
                    prompt.name
                );
            }
        }
    }
}
