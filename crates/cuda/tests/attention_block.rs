//! Whole blocks of attention. Text: steps that follow each other, what one stores in the cache the next ones
//! read. Vision: pictures beside each other. On an emulated device, against the definition.

use std::sync::Arc;

use cuda::{Cuda, CudaOptions, Precision};
use cuda_emulator::Emulator;
use formats::Tensor;
use half::bf16;
use ops::Backend;
use ops::backend::{KvShape, LinearWeight, Sensitivity};
use ops::reference::Reference;
use ops::step::{Sequence, TextStep, VisionStep, upload_angles};
use ops::text::{TextAttention, TextScratch, TextWidths};
use ops::vision::{LayerNorm, VisionAttention, VisionScratch};

const HIDDEN: usize = 64;
/// Enough launches for a recording.
const LAYERS: usize = 3;
const PAGE_TOKENS: usize = 16;
const PAGES: usize = 12;

fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn linear<B: Backend>(backend: &B, seed: u64, outputs: usize, inputs: usize) -> B::Linear {
    let scale = 2.0 / (inputs as f32).sqrt();
    let values: Vec<bf16> = noise(seed, outputs * inputs)
        .iter()
        .map(|value| bf16::from_f32(value * scale))
        .collect();
    let weight = LinearWeight {
        name: "case",
        weight: &Tensor::from_bf16(&[outputs, inputs], &values),
        bias: None,
        sensitivity: Sensitivity::Ordinary,
    };
    backend.linear(&weight).expect("a small weight")
}

fn parameter<B: Backend>(backend: &B, seed: u64, count: usize) -> B::Parameter {
    let values: Vec<f32> = noise(seed, count).iter().map(|v| 1.0 + v / 4.0).collect();
    let values = Tensor::from_f32(&[count], &values);
    backend.parameter(&values).expect("a small parameter")
}

fn angles(seed: u64, count: usize) -> [Vec<f32>; 2] {
    let angles = noise(seed, count);
    [f32::cos, f32::sin].map(|of| angles.iter().map(|angle| of(3.0 * angle)).collect())
}

fn emulated() -> Cuda {
    let options = CudaOptions {
        precision: Precision::Bf16,
        memory: 1 << 30,
    };
    Cuda::new(Arc::new(Emulator::new(1 << 30)), options)
}

/// No row is more than 2 % off.
fn near(name: &str, width: usize, expected: &[f32], found: &[f32]) {
    let size = |values: &mut dyn Iterator<Item = f32>| {
        values.map(|value| value * value).sum::<f32>().sqrt()
    };
    let rows = expected.chunks(width).zip(found.chunks(width));
    for (row, (expected, found)) in rows.enumerate() {
        let differences = &mut expected.iter().zip(found).map(|(e, f)| e - f);
        let off = size(differences) / size(&mut expected.iter().copied());
        assert!(off < 2e-2, "{name}: row {row} is {off} off");
    }
}

struct Block {
    kv_heads: usize,
    group: usize,
    head_dim: usize,
    /// Steps, each a list of sequences as (which, rows).
    steps: Vec<Vec<(usize, usize)>>,
}

impl Block {
    fn weights<B: Backend>(&self, backend: &B) -> TextAttention<B> {
        let key = self.kv_heads * self.head_dim;
        TextAttention {
            norm: parameter(backend, 1, HIDDEN),
            query: linear(backend, 2, key * self.group, HIDDEN),
            key: linear(backend, 3, key, HIDDEN),
            value: linear(backend, 4, key, HIDDEN),
            query_norm: parameter(backend, 5, self.head_dim),
            key_norm: parameter(backend, 6, self.head_dim),
            output: linear(backend, 7, HIDDEN, key * self.group),
            eps: 1e-6,
        }
    }

    fn on<B: Backend>(&self, backend: &B) -> Vec<Vec<f32>> {
        let weights = self.weights(backend);
        let shape = KvShape {
            layers: LAYERS,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            pages: PAGES,
            page_tokens: PAGE_TOKENS,
        };
        let key = self.kv_heads * self.head_dim;
        let widths = TextWidths {
            hidden: HIDDEN,
            query: key * self.group,
            key,
            intermediate: 8,
        };
        let mut cache = backend.kv_cache(shape).expect("a small cache");
        let mut scratch = TextScratch::new(backend, 80, widths).expect("a small scratch");
        let mut stream = backend.tensor(80, HIDDEN).expect("a small tensor");
        let mut lengths = [0; 3];
        let pages: [Vec<u32>; 3] = [vec![7, 2, 9, 0, 11], vec![3, 10, 1, 4], vec![8, 5, 6]];
        let mut outcomes = Vec::new();
        for (number, parts) in self.steps.iter().enumerate() {
            let (mut sequences, mut slots, mut rows) = (Vec::new(), Vec::new(), 0);
            for &(which, count) in parts {
                let sequence = Sequence {
                    rows: rows..rows + count,
                    context: lengths[which],
                    pages: pages[which].clone(),
                };
                let tokens = lengths[which]..lengths[which] + count;
                slots
                    .extend(tokens.map(|token| sequence.slot(token, PAGE_TOKENS).expect("a page")));
                sequences.push(sequence);
                lengths[which] += count;
                rows += count;
            }
            let half = self.head_dim / 2;
            let [cos, sin] = angles(20 + number as u64, rows * half);
            let indices = |values: &[u32]| backend.indices(values).expect("few indices");
            let step = backend.at_once(|| {
                let (cos, sin) = upload_angles(backend, half, &cos, &sin).expect("few angles");
                TextStep {
                    rows,
                    ids: indices(&vec![0; rows]),
                    cos,
                    sin,
                    slots: indices(&slots),
                    sequences: backend.sequences(&sequences).expect("few sequences"),
                }
            });
            backend.shape(&mut stream, rows, HIDDEN);
            backend.upload(&mut stream, &noise(40 + number as u64, rows * HIDDEN));
            backend.recorded(|| {
                for layer in 0..LAYERS {
                    backend.text_attention(
                        &weights,
                        layer,
                        &step,
                        &mut cache,
                        &mut scratch,
                        &mut stream,
                    );
                }
            });
            outcomes.push(backend.download(&stream, 0..rows));
        }
        outcomes
    }

    /// Returns how many of the steps were replayed as they had been recorded.
    fn check(&self) -> u64 {
        let cuda = emulated();
        let (expected, found) = (self.on(&Reference), self.on(&cuda));
        for (step, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let name = format!("heads of {}, {:?}", self.head_dim, self.steps[step]);
            near(&name, HIDDEN, expected, found);
        }
        cuda.recordings().replayed
    }
}

#[test]
fn an_answer_that_grows_token_by_token_is_one_recording() {
    let tokens = (0..20).map(|_| vec![(0, 1)]);
    let replayed = Block {
        kv_heads: 2,
        group: 4,
        head_dim: 128,
        steps: tokens.collect(),
    }
    .check();
    // Not the first, nor one whose scratch memory lies elsewhere than before.
    assert!(replayed >= 17, "{replayed} of 20 were replayed");
}

#[test]
fn answers_that_grow_together_stay_apart() {
    for (group, head_dim) in [(1, 24), (2, 64), (8, 72)] {
        Block {
            kv_heads: 1,
            group,
            head_dim,
            steps: vec![
                vec![(0, 37), (1, 1)],
                vec![(0, 1), (1, 3), (2, 8)],
                vec![(0, 8), (1, 1), (2, 5)],
                vec![(2, 1), (1, 1), (0, 1)],
                vec![(1, 12), (2, 2)],
                vec![(1, 1), (0, 2), (2, 1)],
            ],
        }
        .check();
    }
}

#[test]
fn guesses_of_more_heads_than_a_tile_has_are_stored_once() {
    for head_dim in [128, 256] {
        Block {
            kv_heads: 1,
            group: 8,
            head_dim,
            steps: vec![vec![(0, 14)], vec![(0, 8)], vec![(0, 7)], vec![(0, 1)]],
        }
        .check();
    }
}

fn pictures<B: Backend>(backend: &B, heads: usize, head_dim: usize, spans: &[u32]) -> Vec<f32> {
    let hidden = heads * head_dim;
    let rows = *spans.last().expect("an end") as usize;
    let of = |seed| linear(backend, seed, hidden, hidden);
    let weights = VisionAttention {
        norm: LayerNorm {
            weight: parameter(backend, 60, hidden),
            bias: parameter(backend, 61, hidden),
        },
        query: of(62),
        key: of(63),
        value: of(64),
        output: of(65),
        heads,
    };
    let [cos, sin] = angles(66, rows * head_dim / 2);
    let (cos, sin) = upload_angles(backend, head_dim / 2, &cos, &sin).expect("few angles");
    let step = VisionStep {
        rows,
        cos,
        sin,
        spans: backend.indices(spans).expect("few spans"),
        position_indices: backend.indices(&[]).expect("no places"),
        position_weights: backend.tensor(0, 4).expect("no weights"),
    };
    let mut scratch = VisionScratch::new(backend, rows, hidden, 8).expect("a small scratch");
    let mut stream = backend.tensor(rows, hidden).expect("a small tensor");
    backend.upload(&mut stream, &noise(67, rows * hidden));
    backend.vision_attention(&weights, &step, &mut scratch, &mut stream);
    backend.download(&stream, 0..rows)
}

#[test]
fn pictures_beside_each_other_are_rotated_and_attended() {
    let spans = [0, 66, 67, 110];
    for (heads, head_dim) in [(2, 64), (2, 72)] {
        let expected = pictures(&Reference, heads, head_dim, &spans);
        let found = pictures(&emulated(), heads, head_dim, &spans);
        let name = format!("{heads} heads of {head_dim}");
        near(&name, heads * head_dim, &expected, &found);
    }
}
