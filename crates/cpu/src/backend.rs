//! The op contract on the CPU.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use formats::pack::{PackError, PackWriter, Packed as PackedFile};
use formats::{Dtype, Tensor};
use ops::backend::{Backend, BackendError, Gelu, KvShape, LinearWeight, Sensitivity};
use ops::host::HostTensor;
use ops::reference::Reference;
use ops::step::{Sequence, TextStep, VisionStep};
use ops::text::{TextAttention, TextMlp, TextScratch};
use ops::vision::{VisionAttention, VisionMlp, VisionScratch};

use crate::kept::Kept;
use crate::kv_cache::{self, CpuKvCache};
use crate::linear::{CpuLinear, Forms, Product, Then, products};
use crate::pack::{Kind, Packed};
use crate::pool::Pool;
use crate::tier::Tier;
use crate::{attention, blocks, elementwise};

/// How activations meet weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Float32 activations: the reference's own arithmetic (weights as stored).
    F32,
    /// Activations may be rounded to bfloat16 where they meet a weight or each other, keys and values are
    /// held in bfloat16; sums stay float32. Weights as stored.
    Bf16,
    /// Weights in 8 bits, with a scale per 128 of them; activations in 8 bits where few rows meet a weight or
    /// the processor multiplies bytes faster. Keys and values in bfloat16.
    Q8,
    /// As `Q8`, but weights of the text tower in 4 bits where that costs little.
    Q4,
}

impl Precision {
    /// Bits that a weight of a bfloat16 checkpoint takes, scales included.
    pub fn bits_per_weight(self, sensitivity: Sensitivity) -> f64 {
        match (self, sensitivity) {
            (Self::F32 | Self::Bf16, _) => 16.0,
            (Self::Q4, Sensitivity::Ordinary) => 4.625,
            (Self::Q4 | Self::Q8, _) => 8.125,
        }
    }
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
    pub(crate) tier: Tier,
    pub(crate) precision: Precision,
    pub(crate) pool: Pool,
    forms: Mutex<Forms>,
    kept: Kept,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("could not start {threads} threads; use fewer with --threads: {source}")]
pub struct ThreadsError {
    threads: usize,
    source: std::io::Error,
}

impl Cpu {
    /// Starts the threads.
    pub fn new(options: CpuOptions) -> Result<Self, ThreadsError> {
        let threads = options.threads.max(1);
        let pool = Pool::new(threads).map_err(|source| ThreadsError { threads, source })?;
        Ok(Self {
            tier: options.tier,
            precision: options.precision,
            pool,
            forms: Mutex::default(),
            kept: Kept::default(),
        })
    }

    /// The instructions in use.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Weights that are taken from now on are looked for in `file` first: they were packed at an earlier start.
    pub fn take_kept(&self, file: PackedFile) {
        self.kept.take_from(file);
    }

    /// Weights that are taken from now on are also written, for the next start.
    pub fn keep_weights(&self, file: PackWriter) -> std::io::Result<()> {
        self.kept.write_to(file)
    }

    /// Waits until the weights are written. They stay usable whatever comes of it.
    pub fn finish_keeping(&self) -> Result<(), PackError> {
        self.kept.finish()
    }

    /// Whether activations and keys and values may be rounded.
    pub(crate) fn rounds(&self) -> bool {
        self.precision != Precision::F32
    }

    /// Room for forms of activations. A panic while it was held leaves nothing that the next use would miss.
    pub(crate) fn forms(&self) -> MutexGuard<'_, Forms> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kind(&self, weight: &LinearWeight<'_>) -> Kind {
        match (self.precision, weight.sensitivity) {
            (Precision::Q4, Sensitivity::Ordinary) => Kind::Q4,
            (Precision::Q4 | Precision::Q8, _) => Kind::Q8,
            _ if weight.weight.dtype() == Dtype::Bf16 => Kind::Bf16,
            _ => Kind::F32,
        }
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

    fn linear(&self, given: &LinearWeight<'_>) -> Result<CpuLinear, BackendError> {
        let kind = self.kind(given);
        let weight = self.kept.find(given, kind).unwrap_or_else(|| {
            let packed = Packed::new(kind, given.weight, self.tier, &self.pool);
            // The checkpoint's pages would only crowd out what is used from now on.
            given.weight.release();
            self.kept.offer(given, &packed);
            packed
        });
        Ok(CpuLinear {
            weight,
            bias: given.bias.map(Tensor::to_f32),
        })
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
        let elements = kv_cache::elements(shape, self.rounds());
        reserve(elements.map(|[k, v]| k + v), "keys and values")?;
        let elements = elements.expect("checked above");
        Ok(CpuKvCache::new(shape, self.rounds(), elements))
    }

    fn embed(&self, table: &CpuLinear, ids: &Vec<u32>, out: &mut HostTensor) {
        for (row, &id) in ids.iter().enumerate() {
            table.weight.row(id as usize, out.row_mut(row));
        }
    }

    fn matmul(&self, x: &HostTensor, weight: &CpuLinear, out: &mut HostTensor) {
        products(self, x, &[Product::new(weight, out, Then::Store)]);
    }

    fn copy(&self, x: &HostTensor, out: &mut HostTensor) {
        out.values_mut().copy_from_slice(x.values());
    }

    fn add(&self, stream: &mut HostTensor, delta: &HostTensor) {
        elementwise::add(self, stream, delta);
    }

    fn rms_norm(&self, x: &HostTensor, weight: &Vec<f32>, eps: f32, out: &mut HostTensor) {
        elementwise::rms_norm(self, x, weight, eps, out);
    }

    fn rms_norm_heads(&self, x: &mut HostTensor, weight: &Vec<f32>, eps: f32) {
        elementwise::rms_norm_heads(self, x, weight, eps);
    }

    fn layer_norm(
        &self,
        x: &HostTensor,
        weight: &Vec<f32>,
        bias: &Vec<f32>,
        eps: f32,
        out: &mut HostTensor,
    ) {
        elementwise::layer_norm(self, x, weight, bias, eps, out);
    }

    fn silu_mul(&self, gate: &mut HostTensor, up: &HostTensor) {
        elementwise::silu_mul(self, gate, up);
    }

    fn gelu(&self, x: &mut HostTensor, kind: Gelu) {
        elementwise::gelu(self, x, kind);
    }

    fn rotate(&self, x: &mut HostTensor, cos: &HostTensor, sin: &HostTensor) {
        elementwise::rotate(self, x, cos, sin);
    }

    fn kv_write(
        &self,
        cache: &mut CpuKvCache,
        layer: usize,
        key: &HostTensor,
        value: &HostTensor,
        slots: &Vec<u32>,
    ) {
        for (row, &slot) in slots.iter().enumerate() {
            cache.write(layer, slot as usize, key.row(row), value.row(row));
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
        attention::cached(self, query, cache, layer, sequences, out);
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
        attention::spans(self, query, key, value, heads, spans, out);
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

    fn text_attention(
        &self,
        weights: &TextAttention<Self>,
        layer: usize,
        step: &TextStep<Self>,
        cache: &mut CpuKvCache,
        scratch: &mut TextScratch<Self>,
        stream: &mut HostTensor,
    ) {
        blocks::text_attention(self, weights, layer, step, cache, scratch, stream);
    }

    fn text_mlp(
        &self,
        weights: &TextMlp<Self>,
        scratch: &mut TextScratch<Self>,
        stream: &mut HostTensor,
    ) {
        blocks::text_mlp(self, weights, scratch, stream);
    }

    fn vision_attention(
        &self,
        weights: &VisionAttention<Self>,
        step: &VisionStep<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut HostTensor,
    ) {
        blocks::vision_attention(self, weights, step, scratch, stream);
    }

    fn vision_mlp(
        &self,
        weights: &VisionMlp<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut HostTensor,
    ) {
        blocks::vision_mlp(self, weights, scratch, stream);
    }
}
