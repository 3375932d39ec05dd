//! The op contract on the CPU.

use std::ops::Range;

use formats::Tensor;
use ops::backend::{Backend, BackendError, Gelu, KvShape};
use ops::host::HostTensor;
use ops::reference::Reference;
use ops::step::Sequence;

use crate::linear::{self, CpuLinear};
use crate::tier::Tier;
use crate::{attention, elementwise};

/// How activations meet weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Float32 activations: the reference's own arithmetic (weights as stored).
    F32,
    /// Activations may be rounded to bfloat16 where they meet a bfloat16 weight and the processor
    /// multiplies such pairs; sums stay float32. Elsewhere the same as `F32`.
    Bf16,
}

/// How to run on the CPU.
#[derive(Debug, Clone, Copy)]
pub struct CpuOptions {
    /// Instructions.
    pub tier: Tier,
    /// Arithmetic.
    pub precision: Precision,
    /// Threads; at least one.
    pub threads: usize,
}

/// The CPU as a device.
pub struct Cpu {
    tier: Tier,
    precision: Precision,
    pool: rayon::ThreadPool,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("could not start {threads} threads; use fewer with --threads: {source}")]
pub struct ThreadsError {
    threads: usize,
    source: rayon::ThreadPoolBuildError,
}

/// Keys and values, `[layer][page][kv_head][place in page][head_dim]`: the keys of a head in a page are
/// one contiguous block.
pub struct CpuKvCache {
    pub(crate) shape: KvShape,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl CpuKvCache {
    fn block(&self, layer: usize, page: usize, kv_head: usize) -> usize {
        let KvShape {
            pages,
            kv_heads,
            page_tokens,
            head_dim,
            ..
        } = self.shape;
        ((layer * pages + page) * kv_heads + kv_head) * page_tokens * head_dim
    }

    /// Keys and values of a head in a page, each [page_tokens, head_dim].
    pub(crate) fn page(&self, layer: usize, page: usize, kv_head: usize) -> (&[f32], &[f32]) {
        let from = self.block(layer, page, kv_head);
        let size = self.shape.page_tokens * self.shape.head_dim;
        (
            &self.keys[from..from + size],
            &self.values[from..from + size],
        )
    }
}

impl Cpu {
    /// Starts the threads.
    pub fn new(options: CpuOptions) -> Result<Self, ThreadsError> {
        let threads = options.threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("cpu-{index}"))
            .build()
            .map_err(|source| ThreadsError { threads, source })?;
        Ok(Self {
            tier: options.tier,
            precision: options.precision,
            pool,
        })
    }

    /// The instructions in use.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Runs `work` on the backend's own threads; ops inside it then start without a hand-over.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}

/// Checks that there is room for so many values, because `vec!` would abort where there is none. `vec!`
/// still makes them: its zero pages cost nothing until they are used.
fn reserve(elements: Option<usize>, what: &'static str) -> Result<usize, BackendError> {
    let refused = |bytes| BackendError::OutOfMemory {
        device: "the CPU".to_owned(),
        what,
        bytes,
    };
    let elements = elements.ok_or_else(|| refused(u64::MAX))?;
    Vec::<f32>::new()
        .try_reserve_exact(elements)
        .map_err(|_| refused(elements as u64 * 4))?;
    Ok(elements)
}

impl Backend for Cpu {
    type Tensor = HostTensor;
    type Linear = CpuLinear;
    type Parameter = Vec<f32>;
    type Indices = Vec<u32>;
    type Sequences = Vec<Sequence>;
    type KvCache = CpuKvCache;

    fn tensor(&self, rows: usize, columns: usize) -> Result<HostTensor, BackendError> {
        let elements = rows.checked_mul(columns);
        reserve(elements, "activations").map(|_| HostTensor::zeros(rows, columns))
    }

    fn shape(&self, tensor: &mut HostTensor, rows: usize, columns: usize) {
        tensor.shape(rows, columns);
    }

    fn dimensions(&self, tensor: &HostTensor) -> (usize, usize) {
        (tensor.rows(), tensor.columns())
    }

    fn upload(&self, tensor: &mut HostTensor, values: &[f32]) {
        tensor.values_mut().copy_from_slice(values);
    }

    fn download(&self, tensor: &HostTensor, rows: Range<usize>) -> Vec<f32> {
        tensor.rows_at(rows).to_vec()
    }

    fn linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<CpuLinear, BackendError> {
        Ok(CpuLinear::new(weight, bias))
    }

    fn parameter(&self, values: &Tensor) -> Result<Vec<f32>, BackendError> {
        Ok(values.to_f32())
    }

    fn indices(&self, values: &[u32]) -> Result<Vec<u32>, BackendError> {
        Ok(values.to_vec())
    }

    fn sequences(&self, sequences: &[Sequence]) -> Result<Vec<Sequence>, BackendError> {
        Ok(sequences.to_vec())
    }

    fn kv_cache(&self, shape: KvShape) -> Result<CpuKvCache, BackendError> {
        let elements = reserve(shape.elements(), "keys and values")?;
        Ok(CpuKvCache {
            shape,
            keys: vec![0.0; elements],
            values: vec![0.0; elements],
        })
    }

    fn embed(&self, table: &CpuLinear, ids: &Vec<u32>, out: &mut HostTensor) {
        for (row, &id) in ids.iter().enumerate() {
            table.embed(id as usize, out.row_mut(row));
        }
    }

    fn matmul(&self, x: &HostTensor, weight: &CpuLinear, out: &mut HostTensor) {
        let round = self.precision == Precision::Bf16;
        self.pool
            .install(|| linear::matmul(self.tier, round, x, weight, out));
    }

    fn copy(&self, x: &HostTensor, out: &mut HostTensor) {
        out.values_mut().copy_from_slice(x.values());
    }

    fn add(&self, stream: &mut HostTensor, delta: &HostTensor) {
        self.pool
            .install(|| elementwise::add(self.tier, stream, delta));
    }

    fn rms_norm(&self, x: &HostTensor, weight: &Vec<f32>, eps: f32, out: &mut HostTensor) {
        out.values_mut().copy_from_slice(x.values());
        self.rms_norm_heads(out, weight, eps);
    }

    fn rms_norm_heads(&self, x: &mut HostTensor, weight: &Vec<f32>, eps: f32) {
        self.pool
            .install(|| elementwise::rms_norm(self.tier, x, weight, eps));
    }

    fn layer_norm(
        &self,
        x: &HostTensor,
        weight: &Vec<f32>,
        bias: &Vec<f32>,
        eps: f32,
        out: &mut HostTensor,
    ) {
        self.pool
            .install(|| elementwise::layer_norm(self.tier, x, weight, bias, eps, out));
    }

    fn silu_mul(&self, gate: &mut HostTensor, up: &HostTensor) {
        self.pool
            .install(|| elementwise::silu_mul(self.tier, gate, up));
    }

    fn gelu(&self, x: &mut HostTensor, kind: Gelu) {
        self.pool.install(|| elementwise::gelu(self.tier, x, kind));
    }

    fn rotate(&self, x: &mut HostTensor, cos: &HostTensor, sin: &HostTensor) {
        self.pool
            .install(|| elementwise::rotate(self.tier, x, cos, sin));
    }

    fn kv_write(
        &self,
        cache: &mut CpuKvCache,
        layer: usize,
        key: &HostTensor,
        value: &HostTensor,
        slots: &Vec<u32>,
    ) {
        let KvShape {
            kv_heads,
            head_dim,
            page_tokens,
            ..
        } = cache.shape;
        for (row, &slot) in slots.iter().enumerate() {
            let (page, place) = (slot as usize / page_tokens, slot as usize % page_tokens);
            for kv_head in 0..kv_heads {
                let at = cache.block(layer, page, kv_head) + place * head_dim;
                let from = kv_head * head_dim;
                cache.keys[at..at + head_dim].copy_from_slice(&key.row(row)[from..][..head_dim]);
                cache.values[at..at + head_dim]
                    .copy_from_slice(&value.row(row)[from..][..head_dim]);
            }
        }
    }

    fn attend_cached(
        &self,
        query: &HostTensor,
        cache: &CpuKvCache,
        layer: usize,
        sequences: &Vec<Sequence>,
        out: &mut HostTensor,
    ) {
        self.pool
            .install(|| attention::cached(self.tier, query, cache, layer, sequences, out));
    }

    fn attend_spans(
        &self,
        query: &HostTensor,
        key: &HostTensor,
        value: &HostTensor,
        heads: usize,
        spans: &Vec<u32>,
        out: &mut HostTensor,
    ) {
        self.pool
            .install(|| attention::spans(self.tier, query, key, value, heads, spans, out));
    }

    // Moving rows is limited by memory: the plain bodies serve.

    fn gather_rows(&self, x: &HostTensor, rows: &Vec<u32>, out: &mut HostTensor) {
        Reference.gather_rows(x, rows, out);
    }

    fn put_rows(&self, stream: &mut HostTensor, to: &Vec<u32>, x: &HostTensor, from: &Vec<u32>) {
        Reference.put_rows(stream, to, x, from);
    }

    fn add_rows(&self, stream: &mut HostTensor, to: &Vec<u32>, x: &HostTensor, from: &Vec<u32>) {
        Reference.add_rows(stream, to, x, from);
    }

    fn add_interpolated(
        &self,
        x: &mut HostTensor,
        table: &Vec<f32>,
        indices: &Vec<u32>,
        weights: &HostTensor,
    ) {
        Reference.add_interpolated(x, table, indices, weights);
    }
}
