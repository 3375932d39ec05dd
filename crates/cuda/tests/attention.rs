//! Attention over bfloat16 against its plain definition, in shapes that hurt tiles: on an emulated device.

use std::ops::Range;
use std::sync::Arc;

use cuda::{Cuda, CudaOptions, Precision};
use cuda_emulator::Emulator;
use half::bf16;
use ops::Backend;
use ops::backend::KvShape;
use ops::reference::Reference;
use ops::step::Sequence;

/// Inputs are the same to the bit; weights of the softmax and results are rounded to bfloat16.
const TOLERANCE: f32 = 6e-3;

fn emulated() -> Cuda {
    on(Emulator::new(1 << 30))
}

fn on(device: Emulator) -> Cuda {
    let options = CudaOptions {
        precision: Precision::Bf16,
        memory: 1 << 30,
    };
    Cuda::new(Arc::new(device), options)
}

/// Values in -2..2 that bfloat16 holds exactly.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let value = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 22) as f32;
        bf16::from_f32(value - 2.0).to_f32()
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn upload<B: Backend>(backend: &B, rows: usize, columns: usize, values: &[f32]) -> B::Tensor {
    let mut tensor = backend.tensor(rows, columns).expect("a small tensor");
    backend.upload(&mut tensor, values);
    tensor
}

/// Sequences of a step, each as (context, rows).
#[derive(Clone)]
struct Cached {
    sequences: Vec<(usize, usize)>,
    kv_heads: usize,
    group: usize,
    head_dim: usize,
    page_tokens: usize,
}

impl Cached {
    fn new(sequences: &[(usize, usize)]) -> Self {
        Self {
            sequences: sequences.to_vec(),
            kv_heads: 2,
            group: 4,
            head_dim: 128,
            page_tokens: 32,
        }
    }

    fn on<B: Backend>(&self, backend: &B) -> Vec<f32> {
        let (mut sequences, mut slots, mut pages) = (Vec::new(), Vec::new(), 0);
        let mut rows = 0;
        for &(context, count) in &self.sequences {
            let tokens = context + count;
            let needed = tokens.div_ceil(self.page_tokens);
            let sequence = Sequence {
                rows: rows..rows + count,
                context,
                // Not in order.
                pages: (pages..pages + needed)
                    .rev()
                    .map(|page| page as u32)
                    .collect(),
            };
            let slot = |token| sequence.slot(token, self.page_tokens).expect("a page");
            slots.extend((0..tokens).map(slot));
            sequences.push(sequence);
            rows += count;
            pages += needed;
        }
        let shape = KvShape {
            layers: 2,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            pages,
            page_tokens: self.page_tokens,
        };
        let width = self.kv_heads * self.head_dim;
        let mut cache = backend.kv_cache(shape).expect("a small cache");
        let [key, value] = [1, 2].map(|seed| {
            upload(
                backend,
                slots.len(),
                width,
                &noise(seed, slots.len() * width),
            )
        });
        let slots = backend.indices(&slots).expect("few slots");
        backend.kv_write(&mut cache, 1, &key, &value, &slots);
        let columns = width * self.group;
        let query = upload(backend, rows, columns, &noise(3, rows * columns));
        let mut out = backend.tensor(rows, columns).expect("a small tensor");
        let sequences = backend.sequences(&sequences).expect("few sequences");
        backend.attend_cached(&query, &cache, 1, &sequences, &mut out);
        backend.download(&out, 0..rows)
    }

    fn check(&self) {
        self.check_on(&emulated());
    }

    fn check_on(&self, cuda: &Cuda) {
        let name = format!(
            "{:?}, {} heads of {} values in groups of {}",
            self.sequences, self.kv_heads, self.head_dim, self.group
        );
        near(&name, &self.on(&Reference), &self.on(cuda));
    }
}

/// Pictures side by side.
struct Spans {
    spans: Vec<usize>,
    heads: usize,
    head_dim: usize,
}

impl Spans {
    fn on<B: Backend>(&self, backend: &B) -> Vec<f32> {
        let ends = self.spans.iter().scan(0, |end, rows| {
            *end += rows;
            Some(*end as u32)
        });
        let ends: Vec<u32> = std::iter::once(0).chain(ends).collect();
        let rows: usize = self.spans.iter().sum();
        let columns = self.heads * self.head_dim;
        let [query, key, value] =
            [4, 5, 6].map(|seed| upload(backend, rows, columns, &noise(seed, rows * columns)));
        let mut out = backend.tensor(rows, columns).expect("a small tensor");
        let ends = backend.indices(&ends).expect("few spans");
        backend.attend_spans(&query, &key, &value, self.heads, &ends, &mut out);
        backend.download(&out, 0..rows)
    }

    fn check(&self) {
        let name = format!(
            "{:?}, {} heads of {}",
            self.spans, self.heads, self.head_dim
        );
        near(&name, &self.on(&Reference), &self.on(&emulated()));
    }
}

fn near(name: &str, expected: &[f32], found: &[f32]) {
    assert_eq!(expected.len(), found.len());
    for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
        let close = (expected - found).abs() <= TOLERANCE * expected.abs().max(1.0);
        assert!(close, "{name}: value {index} is {found}, not {expected}");
    }
}

#[test]
fn one_row_sees_a_context_of_many_splits_and_pages() {
    for (group, contexts) in [(1, 0..2), (2, 62..66), (4, 510..514), (8, 700..701)] {
        for context in contexts {
            let mut case = Cached::new(&[(context, 1)]);
            case.group = group;
            case.kv_heads = 1;
            case.check();
        }
    }
}

#[test]
fn a_long_sequence_stands_next_to_an_empty_one() {
    for group in [1, 2, 4, 8] {
        let mut case = Cached::new(&[(0, 1), (405, 1), (0, 1)]);
        case.group = group;
        case.kv_heads = 1;
        case.check();
    }
}

#[test]
fn guesses_are_checked_several_rows_at_a_time() {
    for rows in 2..=8 {
        let mut case = Cached::new(&[(61, rows), (128, 9 - rows)]);
        case.group = if rows % 2 == 0 { 4 } else { 8 };
        case.kv_heads = 1;
        case.check();
    }
}

#[test]
fn heads_of_every_width_are_right_in_every_kernel() {
    for head_dim in [8, 24, 64, 72, 80, 128, 136, 256] {
        let mut case = Cached::new(&[(70, 1), (5, 19)]);
        case.head_dim = head_dim;
        case.group = 2;
        case.kv_heads = 1;
        case.check();
    }
    for head_dim in [8, 64, 72, 80, 96, 128] {
        let spans = vec![70, 3];
        Spans {
            spans,
            heads: 2,
            head_dim,
        }
        .check();
    }
}

#[test]
fn pages_of_every_size_are_found() {
    for page_tokens in [1, 2, 8, 128] {
        let mut case = Cached::new(&[(45, 1), (30, 40)]);
        case.page_tokens = page_tokens;
        case.head_dim = 64;
        case.check();
    }
}

/// Rows of a new prompt or of the rest of one, from few to several tiles.
fn prefill(rows: Range<usize>, step: usize, context: usize) {
    for rows in rows.step_by(step) {
        let mut case = Cached::new(&[(context, rows)]);
        case.kv_heads = 1;
        case.check();
    }
}

#[test]
fn a_prompt_is_read_from_its_beginning() {
    prefill(1..131, 43, 0);
    prefill(30..34, 1, 0);
}

#[test]
fn a_prompt_goes_on_after_a_context() {
    prefill(9..131, 40, 200);
    prefill(31..34, 2, 31);
}

#[test]
fn a_card_with_little_shared_memory_reads_prompts_in_smaller_tiles() {
    let cuda = on(Emulator::new(1 << 30).with_compute(8, 9));
    for rows in [9, 65, 100] {
        let mut case = Cached::new(&[(37, rows)]);
        case.kv_heads = 1;
        case.group = 2;
        case.check_on(&cuda);
    }
}

#[test]
fn the_keys_of_few_tiles_are_split_in_prefill_too() {
    let mut case = Cached::new(&[(1100, 12)]);
    case.kv_heads = 1;
    case.head_dim = 64;
    case.group = 2;
    case.check();
}

#[test]
fn prompts_and_answers_share_a_step() {
    Cached::new(&[(90, 1), (0, 40), (33, 3), (64, 33), (7, 1)]).check();
}

#[test]
fn patches_see_their_own_picture_only() {
    for (heads, head_dim) in [(2, 64), (1, 72)] {
        for spans in [
            &[1][..],
            &[63],
            &[64],
            &[65],
            &[200],
            &[1, 63, 64, 65, 1],
            &[130, 200],
        ] {
            let spans = spans.to_vec();
            Spans {
                spans,
                heads,
                head_dim,
            }
            .check();
        }
    }
}

#[test]
fn the_keys_of_one_small_picture_are_split() {
    let spans = vec![600];
    Spans {
        spans,
        heads: 1,
        head_dim: 8,
    }
    .check();
}

#[test]
fn steps_of_every_kind_agree() {
    // Numbers of the test's own, the same each time.
    let mut numbers = noise(99, 1000).into_iter();
    let mut below = |count: usize| (numbers.next().map_or(0.0, f32::abs) * 1e4) as usize % count;
    for _ in 0..16 {
        let sequences = (0..1 + below(4)).map(|_| match below(3) {
            0 => (below(300), 1 + below(2)),
            1 => (below(100), 1 + below(12)),
            _ => (below(40), 1 + below(60)),
        });
        let case = Cached {
            sequences: sequences.collect(),
            kv_heads: 1 + below(2),
            group: [1, 2, 3, 4, 5, 8][below(6)],
            head_dim: [16, 40, 64, 128][below(4)],
            page_tokens: [4, 16, 32][below(3)],
        };
        case.check();
    }
}

#[test]
fn results_are_equal_from_run_to_run() {
    let mut case = Cached::new(&[(300, 1), (90, 20), (1, 2)]);
    case.kv_heads = 1;
    // The emulator runs threads in another order each time.
    let cuda = emulated();
    let first = case.on(&cuda);
    for _ in 0..2 {
        assert!(first == case.on(&cuda));
    }
}

fn attend_large<B: Backend>(backend: &B, size: f32) -> Vec<f32> {
    let large: Vec<f32> = noise(7, 40 * 64)
        .iter()
        .map(|value| bf16::from_f32(value * size).to_f32())
        .collect();
    let [query, key] = [0; 2].map(|_| upload(backend, 40, 64, &large));
    let value = upload(backend, 40, 64, &noise(8, 40 * 64));
    let mut out = backend.tensor(40, 64).expect("a small tensor");
    let ends = backend.indices(&[0, 40]).expect("one span");
    backend.attend_spans(&query, &key, &value, 1, &ends, &mut out);
    backend.download(&out, 0..40)
}

#[test]
fn scores_far_apart_neither_overflow_nor_vanish() {
    for size in [1e3, 1e-6] {
        let expected = attend_large(&Reference, size);
        let found = attend_large(&emulated(), size);
        near(&format!("scores of {size}"), &expected, &found);
    }
}
