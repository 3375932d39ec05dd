//! What each block of Qwen3-VL-4B takes on a GPU, beside what its bytes and operations would take at the device's
//! own limits: `cargo bench -p cuda [-- FILTER]`.
//!
//! A share near 100 % of either limit says that nothing is left to gain; a block far from both waits for
//! something else.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use cuda::driver::nvidia::{self, Nvidia};
use cuda::{Cuda, CudaOptions, CudaTensor, Driver, Precision, Probe, ptx};
use formats::Tensor;
use half::bf16;
use ops::backend::{Backend, KvShape, LinearWeight, Sensitivity};
use ops::step::{Sequence, TextStep, VisionStep};
use ops::text::{TextAttention, TextMlp, TextScratch, TextWidths};
use ops::vision::{LayerNorm, VisionAttention, VisionMlp, VisionScratch};
use ops::{BackendError, Ceiling};

const HIDDEN: usize = 2560;
const HEADS: usize = 32;
const KV_HEADS: usize = 8;
const HEAD_DIM: usize = 128;
const INNER: usize = 9728;
const VOCABULARY: usize = 151_936;
const VISION_HIDDEN: usize = 1024;
const VISION_HEADS: usize = 16;
const VISION_INNER: usize = 4096;
const PATCHES: usize = 3072;
const PAGE_TOKENS: usize = 32;
/// Layers that take turns, so that none finds its weights in the cache.
const LAYERS: usize = 4;
/// Rounds of a measurement, after as many to warm up.
const ROUNDS: usize = 10;

/// What a block needs at least.
struct Work {
    bytes: f64,
    operations: f64,
}

struct Bench {
    cuda: Cuda,
    ceiling: Ceiling,
    filter: Option<String>,
    bytes_per_weight: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let filter = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with("--"));
    let count = match nvidia::count() {
        Ok(count) => count,
        Err(why) => {
            println!("skipped: no CUDA device ({why})");
            return Ok(());
        }
    };
    if count == 0 {
        println!("skipped: no CUDA device");
        return Ok(());
    }
    for (name, precision) in [
        ("bf16", Precision::Bf16),
        ("q8", Precision::Q8),
        ("q4", Precision::Q4),
    ] {
        let driver = Arc::new(Nvidia::new(0, ptx::ALL)?);
        let options = CudaOptions {
            precision,
            memory: driver.free_memory()?,
        };
        let cuda = Cuda::new(driver, options);
        let ceiling = cuda.ceiling(Probe::default())?;
        println!(
            "{}, {name}: {:.0} TFLOP/s with {}, reads {:.0} GB/s",
            cuda.driver().properties().name,
            ceiling.operations_per_s / 1e12,
            ceiling.operands,
            ceiling.bytes_per_s / 1e9,
        );
        println!("| block | µs | GB | of reading | GFLOP | of products |");
        println!("|---|---|---|---|---|---|");
        let bench = Bench {
            bytes_per_weight: precision.bits_per_weight(Sensitivity::Ordinary) / 8.0,
            cuda,
            ceiling,
            filter: filter.clone(),
        };
        bench.text()?;
        bench.head()?;
        bench.vision()?;
    }
    Ok(())
}

impl Bench {
    /// Times `run`, which starts a block of the layer with the given number.
    fn measure(
        &self,
        name: &str,
        work: &Work,
        out: &mut CudaTensor,
        mut run: impl FnMut(usize, &mut CudaTensor),
    ) {
        if self
            .filter
            .as_deref()
            .is_some_and(|filter| !name.contains(filter))
        {
            return;
        }
        let mut seconds = 0.0;
        // The first pass warms up.
        for _ in 0..2 {
            let _ = self.cuda.download(out, 0..1);
            let started = Instant::now();
            for _ in 0..ROUNDS {
                self.cuda
                    .recorded(|| (0..LAYERS).for_each(|layer| run(layer, out)));
            }
            let _ = self.cuda.download(out, 0..1);
            seconds = started.elapsed().as_secs_f64() / (ROUNDS * LAYERS) as f64;
        }
        println!(
            "| {name} | {:.1} | {:.3} | {:.0} % | {:.2} | {:.0} % |",
            seconds * 1e6,
            work.bytes / 1e9,
            work.bytes / seconds / self.ceiling.bytes_per_s * 100.0,
            work.operations / 1e9,
            work.operations / seconds / self.ceiling.operations_per_s * 100.0,
        );
    }

    fn linear(
        &self,
        out: usize,
        inputs: usize,
        bias: bool,
    ) -> Result<<Cuda as Backend>::Linear, BackendError> {
        let weight = Tensor::from_bf16(&[out, inputs], &vec![bf16::from_f32(0.01); out * inputs]);
        let bias = bias.then(|| Tensor::from_f32(&[out], &vec![0.0; out]));
        self.cuda.linear(&LinearWeight {
            name: "weight",
            weight: &weight,
            bias: bias.as_ref(),
            sensitivity: Sensitivity::Ordinary,
        })
    }

    fn parameter(&self, length: usize) -> Result<<Cuda as Backend>::Parameter, BackendError> {
        self.cuda
            .parameter(&Tensor::from_f32(&[length], &vec![1.0; length]))
    }

    /// What a product with `weights` weights is for so many rows.
    fn product(&self, weights: usize, rows: usize) -> Work {
        Work {
            bytes: weights as f64 * self.bytes_per_weight,
            operations: 2.0 * weights as f64 * rows as f64,
        }
    }

    /// The blocks of a decoder layer: one to sixteen answers after a long context, and a prompt.
    fn text(&self) -> Result<(), BackendError> {
        let cuda = &self.cuda;
        let (query, key) = (HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM);
        let eps = 1e-6;
        let mut layers = Vec::new();
        for _ in 0..LAYERS {
            let attention = TextAttention {
                norm: self.parameter(HIDDEN)?,
                query: self.linear(query, HIDDEN, false)?,
                key: self.linear(key, HIDDEN, false)?,
                value: self.linear(key, HIDDEN, false)?,
                query_norm: self.parameter(HEAD_DIM)?,
                key_norm: self.parameter(HEAD_DIM)?,
                output: self.linear(HIDDEN, query, false)?,
                eps,
            };
            let mlp = TextMlp {
                norm: self.parameter(HIDDEN)?,
                gate: self.linear(INNER, HIDDEN, false)?,
                up: self.linear(INNER, HIDDEN, false)?,
                down: self.linear(HIDDEN, INNER, false)?,
                eps,
            };
            layers.push((attention, mlp));
        }
        let most = 1024;
        let widths = TextWidths {
            hidden: HIDDEN,
            query,
            key,
            intermediate: INNER,
        };
        let mut scratch = TextScratch::new(cuda, most, widths)?;
        let cases: [(usize, usize, usize); 6] = [
            (1, 1, 800),
            (1, 1, 8000),
            (8, 1, 800),
            (16, 1, 800),
            (1, 796, 0),
            (8, 100, 800),
        ];
        for (askers, new, context) in cases {
            let rows = askers * new;
            let pages = (context + new).div_ceil(PAGE_TOKENS);
            let shape = KvShape {
                layers: LAYERS,
                kv_heads: KV_HEADS,
                head_dim: HEAD_DIM,
                pages: askers * pages,
                page_tokens: PAGE_TOKENS,
            };
            let mut cache = cuda.kv_cache(shape)?;
            let sequences: Vec<Sequence> = (0..askers)
                .map(|asker| Sequence {
                    rows: asker * new..(asker + 1) * new,
                    context,
                    pages: (asker * pages..(asker + 1) * pages)
                        .map(|page| page as u32)
                        .collect(),
                })
                .collect();
            let slots: Vec<u32> = sequences
                .iter()
                .flat_map(|sequence| {
                    (0..new).filter_map(|row| sequence.slot(context + row, PAGE_TOKENS))
                })
                .collect();
            let angles = || cuda.tensor(rows, HEAD_DIM / 2);
            let step = TextStep {
                rows,
                ids: cuda.indices(&vec![0; rows])?,
                cos: angles()?,
                sin: angles()?,
                slots: cuda.indices(&slots)?,
                sequences: cuda.sequences(&sequences)?,
            };
            let mut stream = cuda.tensor(rows, HIDDEN)?;
            let mut work = self.product(HIDDEN * (2 * query + 2 * key), rows);
            let seen = (0..new).map(|row| context + row + 1).sum::<usize>() * askers;
            work.operations += 4.0 * (seen * query) as f64;
            work.bytes += ((context + new) * askers * 2 * key * 2) as f64;
            let name = format!("text attention, {askers} x {new} after {context}");
            self.measure(&name, &work, &mut stream, |layer, stream| {
                let weights = &layers[layer].0;
                cuda.text_attention(weights, layer, &step, &mut cache, &mut scratch, stream);
            });
            let work = self.product(3 * HIDDEN * INNER, rows);
            let name = format!("text MLP, {rows} rows");
            self.measure(&name, &work, &mut stream, |layer, stream| {
                cuda.text_mlp(&layers[layer].1, &mut scratch, stream);
            });
        }
        Ok(())
    }

    fn head(&self) -> Result<(), BackendError> {
        let head = self.linear(VOCABULARY, HIDDEN, false)?;
        for rows in [1, 8] {
            let x = self.cuda.tensor(rows, HIDDEN)?;
            let mut logits = self.cuda.tensor(rows, VOCABULARY)?;
            let work = self.product(VOCABULARY * HIDDEN, rows);
            self.measure(
                &format!("head, {rows} rows"),
                &work,
                &mut logits,
                |_, logits| {
                    self.cuda.matmul(&x, &head, logits);
                },
            );
        }
        Ok(())
    }

    /// The blocks of the vision tower over a picture of 1024x768.
    fn vision(&self) -> Result<(), BackendError> {
        let cuda = &self.cuda;
        let norm = || -> Result<_, BackendError> {
            Ok(LayerNorm {
                weight: self.parameter(VISION_HIDDEN)?,
                bias: self.parameter(VISION_HIDDEN)?,
            })
        };
        let square = || self.linear(VISION_HIDDEN, VISION_HIDDEN, true);
        let attention = VisionAttention {
            norm: norm()?,
            query: square()?,
            key: square()?,
            value: square()?,
            output: square()?,
            heads: VISION_HEADS,
        };
        let mlp = VisionMlp {
            norm: norm()?,
            up: self.linear(VISION_INNER, VISION_HIDDEN, true)?,
            down: self.linear(VISION_HIDDEN, VISION_INNER, true)?,
        };
        let angles = || cuda.tensor(PATCHES, VISION_HIDDEN / VISION_HEADS / 2);
        let step = VisionStep {
            rows: PATCHES,
            cos: angles()?,
            sin: angles()?,
            spans: cuda.indices(&[0, PATCHES as u32])?,
            position_indices: cuda.indices(&vec![0; PATCHES * 4])?,
            position_weights: cuda.tensor(PATCHES, 4)?,
        };
        let mut scratch = VisionScratch::new(cuda, PATCHES, VISION_HIDDEN, VISION_INNER)?;
        let mut stream = cuda.tensor(PATCHES, VISION_HIDDEN)?;
        let mut work = self.product(4 * VISION_HIDDEN * VISION_HIDDEN, PATCHES);
        work.operations += 4.0 * (PATCHES * PATCHES * VISION_HIDDEN) as f64;
        self.measure(
            "vision attention, 3072 patches",
            &work,
            &mut stream,
            |_, stream| {
                cuda.vision_attention(&attention, &step, &mut scratch, stream);
            },
        );
        let work = self.product(2 * VISION_HIDDEN * VISION_INNER, PATCHES);
        self.measure(
            "vision MLP, 3072 patches",
            &work,
            &mut stream,
            |_, stream| {
                cuda.vision_mlp(&mlp, &mut scratch, stream);
            },
        );
        Ok(())
    }
}
