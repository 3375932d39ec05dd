//! The trait every device implements.
//!
//! A tensor of activations is `[rows, columns]`, row-major, float32 in meaning (a device may hold it
//! otherwise). It is made once with room for the most rows a step may have; `shape` then says how much
//! of it is in use, so that a forward pass allocates nothing.

use std::any::Any;
use std::ops::Range;

use crate::step::{Sequence, TextStep, VisionStep};
use crate::text::{self, TextAttention, TextMlp, TextScratch};
use crate::vision::{self, Merger, VisionAttention, VisionMlp, VisionScratch};

/// Why a device could not do what was asked. Shapes are the caller's promise and panic instead.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Not enough memory on the device.
    #[error(
        "{device} has no room for {bytes} more bytes ({what}); use a smaller context, fewer image tokens or a smaller model"
    )]
    OutOfMemory {
        /// Device in words.
        device: String,
        /// What was to be allocated.
        what: &'static str,
        /// How much.
        bytes: u64,
    },
    /// The device answers nothing any more; nothing that lies on it can be used again.
    #[error(
        "{device} does not answer any more ({why}); start lookdesk again, and if that does not help, the machine"
    )]
    Lost {
        /// Device in words.
        device: String,
        /// What it said last.
        why: String,
    },
    /// The weights on disk could not be used.
    #[error(transparent)]
    Weights(#[from] formats::Error),
}

/// Ends an op, which has no result to carry an error, with one. Whoever runs steps finds it with [`given_up`].
pub fn give_up(error: BackendError) -> ! {
    std::panic::resume_unwind(Box::new(error))
}

/// The error behind a panic that began with [`give_up`]; others are given back.
pub fn given_up(panic: Box<dyn Any + Send>) -> Result<BackendError, Box<dyn Any + Send>> {
    panic.downcast::<BackendError>().map(|error| *error)
}

/// Which GELU. Vision blocks use the tanh form, mergers the exact one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gelu {
    /// `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`
    Tanh,
    /// `0.5 x (1 + erf(x / sqrt(2)))`
    Erf,
}

/// Size of a paged cache of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvShape {
    /// Decoder layers.
    pub layers: usize,
    /// Key/value heads per layer.
    pub kv_heads: usize,
    /// Values per head.
    pub head_dim: usize,
    /// Pages of the pool.
    pub pages: usize,
    /// Tokens per page.
    pub page_tokens: usize,
}

impl KvShape {
    /// Values in the keys (and as many again in the values) of the whole pool.
    pub fn elements(&self) -> Option<usize> {
        [self.kv_heads, self.head_dim, self.pages, self.page_tokens]
            .iter()
            .try_fold(self.layers, |product, &size| product.checked_mul(size))
    }
}

/// How much an answer suffers when a weight is held coarsely. The model says so; a device that holds weights
/// in fewer bits than the checkpoint does may choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Most of the text tower.
    Ordinary,
    /// The head, the values of attention, the first and last down projections.
    High,
    /// The vision tower: what is lost here, no word brings back.
    Vision,
}

/// A linear weight on its way from a checkpoint to a device.
#[derive(Debug, Clone, Copy)]
pub struct LinearWeight<'a> {
    /// The checkpoint's name of it, or one derived from that where a tensor is taken in parts; unique.
    pub name: &'a str,
    /// `[out, in]`
    pub weight: &'a formats::Tensor,
    /// `[out]`
    pub bias: Option<&'a formats::Tensor>,
    /// What rounding it costs.
    pub sensitivity: Sensitivity,
}

/// A device that can run the model.
pub trait Backend: Send + Sync + Sized {
    /// Activations `[rows, columns]`.
    type Tensor: Send;
    /// A weight `[out, in]` with an optional bias `[out]`, packed as the device likes it.
    type Linear: Send + Sync;
    /// A small float32 parameter: norm weights, the position table.
    type Parameter: Send + Sync;
    /// A list of row numbers, ids or slots where the device can read it.
    type Indices: Send;
    /// Page tables and row spans of a step's sequences.
    type Sequences: Send;
    /// Keys and values of every layer, in pages.
    type KvCache: Send;

    // ---- storage ---------------------------------------------------------------------------

    /// A tensor with room for `rows * columns` values, all of it in use, zero.
    fn tensor(&self, rows: usize, columns: usize) -> Result<Self::Tensor, BackendError>;

    /// Declares how much of a tensor is in use. The values in use are kept in order, so this also
    /// folds `[n, 4 c]` from `[4 n, c]`. Panics beyond the room the tensor was made with.
    fn shape(&self, tensor: &mut Self::Tensor, rows: usize, columns: usize);

    /// Rows and columns of a tensor in use.
    fn dimensions(&self, tensor: &Self::Tensor) -> (usize, usize);

    /// Copies values to the device: `values.len()` = rows in use * columns.
    fn upload(&self, tensor: &mut Self::Tensor, values: &[f32]);

    /// Copies rows from the device; waits for what computes them.
    fn download(&self, tensor: &Self::Tensor, rows: Range<usize>) -> Vec<f32>;

    /// Takes a weight `[out, in]` and bias `[out]` from a checkpoint and packs it.
    fn linear(&self, weight: &LinearWeight<'_>) -> Result<Self::Linear, BackendError>;

    /// Takes a parameter of any shape from a checkpoint.
    fn parameter(&self, values: &formats::Tensor) -> Result<Self::Parameter, BackendError>;

    /// Copies indices to the device.
    fn indices(&self, values: &[u32]) -> Result<Self::Indices, BackendError>;

    /// Copies page tables and row spans to the device.
    fn sequences(&self, sequences: &[Sequence]) -> Result<Self::Sequences, BackendError>;

    /// A pool of pages for keys and values.
    fn kv_cache(&self, shape: KvShape) -> Result<Self::KvCache, BackendError>;

    // ---- steps: what a device may make of many calls at once; the default bodies just make them -----

    /// Runs `body`, which makes indices, sequences and small tensors and gives them values. A device may copy all of it
    /// when `body` ends: no op uses any of it before.
    fn at_once<T>(&self, body: impl FnOnce() -> T) -> T {
        body()
    }

    /// Runs `body`, the ops of a step. A device may start them only when `body` ends (or copies something from the
    /// device), and those of a step that it has seen before by one stroke.
    fn recorded(&self, body: impl FnOnce()) {
        body();
    }

    /// Waits until all that was started is done: whoever measures how long something took has to.
    fn wait(&self) {}

    // ---- fine ops --------------------------------------------------------------------------

    /// `out[r] = table[ids[r]]`: a row of the embedding weight per id. `out`: [ids, in].
    fn embed(&self, table: &Self::Linear, ids: &Self::Indices, out: &mut Self::Tensor);

    /// `out = x W^T + b`. `x`: [rows, in]; `out`: [rows, out].
    fn matmul(&self, x: &Self::Tensor, weight: &Self::Linear, out: &mut Self::Tensor);

    /// `out = x`, the same shape.
    fn copy(&self, x: &Self::Tensor, out: &mut Self::Tensor);

    /// `stream += delta`, both [rows, columns].
    fn add(&self, stream: &mut Self::Tensor, delta: &Self::Tensor);

    /// `out = x / sqrt(mean(x^2) + eps) * weight` per row. `weight`: `[columns]`.
    fn rms_norm(
        &self,
        x: &Self::Tensor,
        weight: &Self::Parameter,
        eps: f32,
        out: &mut Self::Tensor,
    );

    /// RMS norm in place over each head of `head_dim` = length of `weight`. `x`: [rows, heads * head_dim].
    fn rms_norm_heads(&self, x: &mut Self::Tensor, weight: &Self::Parameter, eps: f32);

    /// `out = (x - mean) / sqrt(variance + eps) * weight + bias` per row, variance over all columns.
    fn layer_norm(
        &self,
        x: &Self::Tensor,
        weight: &Self::Parameter,
        bias: &Self::Parameter,
        eps: f32,
        out: &mut Self::Tensor,
    );

    /// `gate = silu(gate) * up`, both [rows, columns].
    fn silu_mul(&self, gate: &mut Self::Tensor, up: &Self::Tensor);

    /// GELU in place.
    fn gelu(&self, x: &mut Self::Tensor, kind: Gelu);

    /// Rotary embedding in place, rotate-half: with `h` = columns of `cos` = half a head,
    /// `(a, b) -> (a cos - b sin, b cos + a sin)` for the pair (i, i + h) of each head.
    /// `x`: [rows, heads * 2h]; `cos`, `sin`: [rows, h].
    fn rotate(&self, x: &mut Self::Tensor, cos: &Self::Tensor, sin: &Self::Tensor);

    /// Stores keys and values of a step's rows in their slots (`page * page_tokens + place in page`).
    /// `key`, `value`: [rows, kv_heads * head_dim]; `slots`: `[rows]`.
    fn kv_write(
        &self,
        cache: &mut Self::KvCache,
        layer: usize,
        key: &Self::Tensor,
        value: &Self::Tensor,
        slots: &Self::Indices,
    );

    /// Causal grouped-query attention over cached keys and values: each row sees its sequence up to
    /// and including itself. Scale `1/sqrt(head_dim)`. `query`, `out`: [rows, heads * head_dim].
    fn attend_cached(
        &self,
        query: &Self::Tensor,
        cache: &Self::KvCache,
        layer: usize,
        sequences: &Self::Sequences,
        out: &mut Self::Tensor,
    );

    /// Full attention inside each span of rows: rows `spans[i] .. spans[i + 1]` see each other and
    /// nothing else. Scale `1/sqrt(head_dim)`. All tensors: [rows, heads * head_dim].
    fn attend_spans(
        &self,
        query: &Self::Tensor,
        key: &Self::Tensor,
        value: &Self::Tensor,
        heads: usize,
        spans: &Self::Indices,
        out: &mut Self::Tensor,
    );

    /// `out[i] = x[rows[i]]`.
    fn gather_rows(&self, x: &Self::Tensor, rows: &Self::Indices, out: &mut Self::Tensor);

    /// `stream[to[i]] = x[from[i]]`.
    fn put_rows(
        &self,
        stream: &mut Self::Tensor,
        to: &Self::Indices,
        x: &Self::Tensor,
        from: &Self::Indices,
    );

    /// `stream[to[i]] += x[from[i]]`.
    fn add_rows(
        &self,
        stream: &mut Self::Tensor,
        to: &Self::Indices,
        x: &Self::Tensor,
        from: &Self::Indices,
    );

    /// `x[r] += sum over k of weights[r, k] * table[indices[r * 4 + k]]`: the bilinear position table.
    /// `table`: [places, columns]; `weights`: [rows, 4].
    fn add_interpolated(
        &self,
        x: &mut Self::Tensor,
        table: &Self::Parameter,
        indices: &Self::Indices,
        weights: &Self::Tensor,
    );

    // ---- drawing: the default body is the definition -----------------------------------------

    /// The likeliest of each row of logits. `logits`: [rows, vocabulary]; `out`: [rows, columns] of
    /// [`crate::likeliest`], whose first lines say what stands where.
    fn likeliest(&self, logits: &Self::Tensor, out: &mut Self::Tensor) {
        let (rows, vocabulary) = self.dimensions(logits);
        let mut found = Vec::with_capacity(rows * crate::likeliest::columns(vocabulary));
        for row in self.download(logits, 0..rows).chunks_exact(vocabulary) {
            crate::likeliest::summarize(row, &mut found);
        }
        self.upload(out, &found);
    }

    /// Whether whoever draws tokens should look at the `likeliest` before all logits of a vocabulary of this size:
    /// where finding them takes less than copying the logits to the host.
    fn prefers_likeliest(&self, _vocabulary: usize) -> bool {
        false
    }

    // ---- coarse ops: the default body is the definition --------------------------------------

    /// One attention block of the text tower, residual included. See [`text::attention`].
    fn text_attention(
        &self,
        weights: &TextAttention<Self>,
        layer: usize,
        step: &TextStep<Self>,
        cache: &mut Self::KvCache,
        scratch: &mut TextScratch<Self>,
        stream: &mut Self::Tensor,
    ) {
        text::attention(self, weights, layer, step, cache, scratch, stream);
    }

    /// One MLP block of the text tower, residual included. See [`text::mlp`].
    fn text_mlp(
        &self,
        weights: &TextMlp<Self>,
        scratch: &mut TextScratch<Self>,
        stream: &mut Self::Tensor,
    ) {
        text::mlp(self, weights, scratch, stream);
    }

    /// One attention block of the vision tower, residual included. See [`vision::attention`].
    fn vision_attention(
        &self,
        weights: &VisionAttention<Self>,
        step: &VisionStep<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut Self::Tensor,
    ) {
        vision::attention(self, weights, step, scratch, stream);
    }

    /// One MLP block of the vision tower, residual included. See [`vision::mlp`].
    fn vision_mlp(
        &self,
        weights: &VisionMlp<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut Self::Tensor,
    ) {
        vision::mlp(self, weights, scratch, stream);
    }

    /// A merger: patches to picture tokens. See [`vision::merge`].
    fn merge(
        &self,
        weights: &Merger<Self>,
        patches: &Self::Tensor,
        scratch: &mut VisionScratch<Self>,
        out: &mut Self::Tensor,
    ) {
        vision::merge(self, weights, patches, scratch, out);
    }
}
