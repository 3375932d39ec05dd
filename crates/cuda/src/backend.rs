//! The op contract on a GPU. What an op does is in the file of its family.

use std::ops::Range;
use std::sync::Arc;

use formats::Tensor;
use ops::backend::{Backend, BackendError, Gelu, KvShape, LinearWeight, Sensitivity};
use ops::step::{Sequence, TextStep, VisionStep};
use ops::text::{self, TextAttention, TextMlp, TextScratch};
use ops::vision::{self, Merger, VisionAttention, VisionMlp, VisionScratch};

use crate::attention::{self, CudaKvCache, CudaSequences};
use crate::driver::{Driver, DriverError};
use crate::linear::{self, CudaLinear};
use crate::memory::{Buffer, Pool, Usage};
use crate::record::{Recorder, Recordings};
use crate::tensor::CudaTensor;
use crate::uploads::Uploads;
use crate::workspace::Workspace;
use crate::{blocks, elementwise, likeliest, norm};

/// How activations meet weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Float32 activations, weights as stored: the reference's own arithmetic, slowly.
    F32,
    /// Activations, keys and values rounded to bfloat16 where they meet a weight or each other; sums in float32.
    Bf16,
    /// As `Bf16`, weights in 8 bits with a scale per 128 of them.
    Q8,
    /// As `Q8`, weights of the text tower in 4 bits where that costs little.
    Q4,
}

impl Precision {
    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }

    /// Bits that a weight of a bfloat16 checkpoint takes, scales included.
    pub fn bits_per_weight(self, sensitivity: Sensitivity) -> f64 {
        linear::bits_per_weight(self, sensitivity)
    }
}

/// How to run on a GPU.
#[derive(Debug, Clone, Copy)]
pub struct CudaOptions {
    /// Arithmetic.
    pub precision: Precision,
    /// Most bytes of the device's memory to take.
    pub memory: u64,
}

/// A GPU as a device of the op contract.
pub struct Cuda {
    pub(crate) workspace: Workspace,
    pub(crate) uploads: Uploads,
    pool: Arc<Pool>,
    recorder: Arc<Recorder>,
    precision: Precision,
}

/// Row numbers, ids or slots on the device.
pub struct CudaIndices {
    pub(crate) buffer: Buffer,
    pub(crate) count: usize,
}

impl Cuda {
    /// A device with an empty memory.
    pub fn new(driver: Arc<dyn Driver>, options: CudaOptions) -> Self {
        let recorder = Arc::new(Recorder::new(driver));
        Self {
            workspace: Workspace::default(),
            uploads: Uploads::default(),
            pool: Pool::new(Arc::clone(&recorder) as _, options.memory),
            recorder,
            precision: options.precision,
        }
    }

    /// What the device can do.
    pub fn driver(&self) -> &dyn Driver {
        self.pool.driver()
    }

    /// The arithmetic.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What has been taken of the device's memory.
    pub fn usage(&self) -> Usage {
        self.pool.usage()
    }

    /// Ends what was going on where the driver refused. See [`Pool::expect`].
    pub(crate) fn expect(&self, outcome: Result<(), DriverError>, what: impl std::fmt::Display) {
        self.pool.expect(outcome, what);
    }

    /// How often launches were recorded and replayed.
    pub fn recordings(&self) -> Recordings {
        self.recorder.recordings()
    }

    /// A buffer for activations and the like. What it holds is not defined.
    pub(crate) fn buffer(&self, bytes: u64, what: &'static str) -> Result<Buffer, BackendError> {
        self.pool.buffer(bytes, false, what)
    }

    /// A buffer that stays. What it holds is not defined.
    pub(crate) fn room(&self, bytes: u64, what: &'static str) -> Result<Buffer, BackendError> {
        self.pool.buffer(bytes, true, what)
    }

    /// A buffer that stays, with its contents.
    pub(crate) fn kept(&self, bytes: &[u8], what: &'static str) -> Result<Buffer, BackendError> {
        let buffer = self.room(bytes.len() as u64, what)?;
        buffer.write(0, bytes);
        Ok(buffer)
    }

    /// A buffer that stays. What it holds is not defined.
    pub(crate) fn room_to_keep(
        &self,
        bytes: u64,
        what: &'static str,
    ) -> Result<Buffer, BackendError> {
        self.pool.buffer(bytes, true, what)
    }

    /// A buffer with contents, and more room than these where it is asked for, so that a little more of them the next
    /// time leaves everything where it is.
    pub(crate) fn uploaded(
        &self,
        bytes: &[u8],
        room: u64,
        what: &'static str,
    ) -> Result<Buffer, BackendError> {
        let room = room.max(bytes.len() as u64);
        let buffer = match self.uploads.part(room) {
            Some(buffer) => buffer,
            None => self.buffer(room, what)?,
        };
        self.upload_into(&buffer, bytes);
        Ok(buffer)
    }

    fn upload_into(&self, buffer: &Buffer, bytes: &[u8]) {
        if !self.uploads.fill(buffer, bytes) {
            buffer.write(0, bytes);
        }
    }

    /// Bytes of so many values; an overflow asks for more than there can be.
    pub(crate) fn bytes_of(counts: &[usize], size: usize) -> u64 {
        let product = counts
            .iter()
            .try_fold(size as u64, |all, &count| all.checked_mul(count as u64));
        product.unwrap_or(u64::MAX / 2)
    }
}

impl Backend for Cuda {
    type Tensor = CudaTensor;
    type Linear = CudaLinear;
    type Parameter = Buffer;
    type Indices = CudaIndices;
    type Sequences = CudaSequences;
    type KvCache = CudaKvCache;

    fn tensor(&self, rows: usize, columns: usize) -> Result<CudaTensor, BackendError> {
        let bytes = Self::bytes_of(&[rows, columns], size_of::<f32>());
        let buffer = match self.uploads.part(bytes) {
            Some(zeros) => zeros,
            None => {
                let buffer = self.buffer(bytes, "activations")?;
                buffer.zero();
                buffer
            }
        };
        Ok(CudaTensor::new(buffer, rows, columns))
    }

    fn shape(&self, tensor: &mut CudaTensor, rows: usize, columns: usize) {
        tensor.shape(rows, columns);
    }

    fn dimensions(&self, tensor: &CudaTensor) -> (usize, usize) {
        (tensor.rows(), tensor.columns())
    }

    fn upload(&self, tensor: &mut CudaTensor, values: &[f32]) {
        assert_eq!(tensor.count(), values.len(), "values for all rows in use");
        self.upload_into(&tensor.buffer, bytemuck::cast_slice(values));
    }

    fn download(&self, tensor: &CudaTensor, rows: Range<usize>) -> Vec<f32> {
        assert!(rows.end <= tensor.rows(), "only rows in use can be read");
        let mut values = vec![0.0_f32; rows.len() * tensor.columns()];
        let offset = rows.start * tensor.columns() * size_of::<f32>();
        tensor
            .buffer
            .read(offset as u64, bytemuck::cast_slice_mut(&mut values));
        values
    }

    fn linear(&self, weight: &LinearWeight<'_>) -> Result<CudaLinear, BackendError> {
        linear::take(self, weight)
    }

    fn parameter(&self, values: &Tensor) -> Result<Buffer, BackendError> {
        self.kept(bytemuck::cast_slice(&values.to_f32()), "parameters")
    }

    fn indices(&self, values: &[u32]) -> Result<CudaIndices, BackendError> {
        let buffer = self.uploaded(bytemuck::cast_slice(values), 0, "row numbers")?;
        let count = values.len();
        Ok(CudaIndices { buffer, count })
    }

    fn sequences(&self, sequences: &[Sequence]) -> Result<CudaSequences, BackendError> {
        CudaSequences::new(self, sequences)
    }

    fn kv_cache(&self, shape: KvShape) -> Result<CudaKvCache, BackendError> {
        CudaKvCache::new(self, shape)
    }

    fn at_once<T>(&self, body: impl FnOnce() -> T) -> T {
        self.upload_at_once(body)
    }

    fn wait(&self) {
        self.workspace.wait(self);
    }

    fn recorded(&self, body: impl FnOnce()) {
        let outcome = self.recorder.gather(body);
        self.expect(outcome, "the GPU did not start a step");
    }

    fn embed(&self, table: &CudaLinear, ids: &CudaIndices, out: &mut CudaTensor) {
        linear::embed(self, table, ids, out);
    }

    fn matmul(&self, x: &CudaTensor, weight: &CudaLinear, out: &mut CudaTensor) {
        linear::matmul(self, x, weight, out);
    }

    fn copy(&self, x: &CudaTensor, out: &mut CudaTensor) {
        assert_eq!(x.count(), out.count(), "a copy has the same shape");
        out.buffer
            .copy_from(&x.buffer, (x.count() * size_of::<f32>()) as u64);
    }

    fn add(&self, stream: &mut CudaTensor, delta: &CudaTensor) {
        elementwise::pair(self, "add", stream, delta);
    }

    fn rms_norm(&self, x: &CudaTensor, weight: &Buffer, eps: f32, out: &mut CudaTensor) {
        norm::rms(self, x, weight, eps, out);
    }

    fn rms_norm_heads(&self, x: &mut CudaTensor, weight: &Buffer, eps: f32) {
        norm::rms_heads(self, x, weight, eps);
    }

    fn layer_norm(
        &self,
        x: &CudaTensor,
        weight: &Buffer,
        bias: &Buffer,
        eps: f32,
        out: &mut CudaTensor,
    ) {
        norm::layer(self, x, weight, bias, eps, out);
    }

    fn silu_mul(&self, gate: &mut CudaTensor, up: &CudaTensor) {
        elementwise::pair(self, "silu_mul", gate, up);
    }

    fn gelu(&self, x: &mut CudaTensor, kind: Gelu) {
        elementwise::gelu(self, x, kind);
    }

    fn rotate(&self, x: &mut CudaTensor, cos: &CudaTensor, sin: &CudaTensor) {
        elementwise::rotate(self, x, cos, sin);
    }

    fn kv_write(
        &self,
        cache: &mut CudaKvCache,
        layer: usize,
        key: &CudaTensor,
        value: &CudaTensor,
        slots: &CudaIndices,
    ) {
        attention::write(self, cache, layer, key, value, slots);
    }

    fn attend_cached(
        &self,
        query: &CudaTensor,
        cache: &CudaKvCache,
        layer: usize,
        sequences: &CudaSequences,
        out: &mut CudaTensor,
    ) {
        attention::cached(self, query, cache, layer, sequences, out);
    }

    fn attend_spans(
        &self,
        query: &CudaTensor,
        key: &CudaTensor,
        value: &CudaTensor,
        heads: usize,
        spans: &CudaIndices,
        out: &mut CudaTensor,
    ) {
        attention::spans(self, query, key, value, heads, spans, out);
    }

    fn gather_rows(&self, x: &CudaTensor, rows: &CudaIndices, out: &mut CudaTensor) {
        elementwise::move_rows(self, out, None, x, Some(rows), false);
    }

    fn put_rows(
        &self,
        stream: &mut CudaTensor,
        to: &CudaIndices,
        x: &CudaTensor,
        from: &CudaIndices,
    ) {
        elementwise::move_rows(self, stream, Some(to), x, Some(from), false);
    }

    fn add_rows(
        &self,
        stream: &mut CudaTensor,
        to: &CudaIndices,
        x: &CudaTensor,
        from: &CudaIndices,
    ) {
        elementwise::move_rows(self, stream, Some(to), x, Some(from), true);
    }

    fn add_interpolated(
        &self,
        x: &mut CudaTensor,
        table: &Buffer,
        indices: &CudaIndices,
        weights: &CudaTensor,
    ) {
        elementwise::add_interpolated(self, x, table, indices, weights);
    }

    fn likeliest(&self, logits: &CudaTensor, out: &mut CudaTensor) {
        likeliest::find(self, logits, out);
    }

    fn prefers_likeliest(&self, vocabulary: usize) -> bool {
        likeliest::fits(vocabulary)
    }

    // Where activations are float32, what defines these ops is also how they run.

    fn text_attention(
        &self,
        weights: &TextAttention<Self>,
        layer: usize,
        step: &TextStep<Self>,
        cache: &mut CudaKvCache,
        scratch: &mut TextScratch<Self>,
        stream: &mut CudaTensor,
    ) {
        match self.precision {
            Precision::F32 => text::attention(self, weights, layer, step, cache, scratch, stream),
            _ => blocks::text_attention(self, weights, layer, step, cache, scratch, stream),
        }
    }

    fn text_mlp(
        &self,
        weights: &TextMlp<Self>,
        scratch: &mut TextScratch<Self>,
        stream: &mut CudaTensor,
    ) {
        match self.precision {
            Precision::F32 => text::mlp(self, weights, scratch, stream),
            _ => blocks::text_mlp(self, weights, scratch, stream),
        }
    }

    fn vision_attention(
        &self,
        weights: &VisionAttention<Self>,
        step: &VisionStep<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut CudaTensor,
    ) {
        match self.precision {
            Precision::F32 => vision::attention(self, weights, step, scratch, stream),
            _ => blocks::vision_attention(self, weights, step, scratch, stream),
        }
    }

    fn vision_mlp(
        &self,
        weights: &VisionMlp<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut CudaTensor,
    ) {
        match self.precision {
            Precision::F32 => vision::mlp(self, weights, scratch, stream),
            _ => blocks::vision_mlp(self, weights, scratch, stream),
        }
    }

    fn merge(
        &self,
        weights: &Merger<Self>,
        patches: &CudaTensor,
        scratch: &mut VisionScratch<Self>,
        out: &mut CudaTensor,
    ) {
        match self.precision {
            Precision::F32 => vision::merge(self, weights, patches, scratch, out),
            _ => blocks::merge(self, weights, patches, scratch, out),
        }
    }
}
