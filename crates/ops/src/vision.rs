//! The blocks of the vision tower and its mergers: weights, scratch and plain bodies.
//! Source: the vision block and patch merger of the reference implementation.
//! Goldens: `vision.block{i}.out`, `vision.deepstack{k}`, `vision.merger`.

use crate::backend::{Backend, BackendError, Gelu};
use crate::step::VisionStep;

/// Epsilon of every vision LayerNorm; it stands in no config file.
pub const NORM_EPS: f32 = 1e-6;

/// A LayerNorm.
pub struct LayerNorm<B: Backend> {
    /// `[columns]`
    pub weight: B::Parameter,
    /// `[columns]`
    pub bias: B::Parameter,
}

/// Weights of a vision block's attention. The checkpoint's fused `qkv` is split by rows: all q, all k, all v.
pub struct VisionAttention<B: Backend> {
    /// Norm before the block, `[hidden]`.
    pub norm: LayerNorm<B>,
    /// [hidden, hidden] with bias
    pub query: B::Linear,
    /// [hidden, hidden] with bias
    pub key: B::Linear,
    /// [hidden, hidden] with bias
    pub value: B::Linear,
    /// [hidden, hidden] with bias
    pub output: B::Linear,
    /// Heads.
    pub heads: usize,
}

/// Weights of a vision block's MLP.
pub struct VisionMlp<B: Backend> {
    /// Norm before the block, `[hidden]`.
    pub norm: LayerNorm<B>,
    /// [intermediate, hidden] with bias
    pub up: B::Linear,
    /// [hidden, intermediate] with bias
    pub down: B::Linear,
}

/// Weights of a merger: four neighbouring patches to one picture token.
pub struct Merger<B: Backend> {
    /// The main merger norms patches, `[hidden]`; deepstack mergers norm the folded four, [4 hidden].
    pub norm: LayerNorm<B>,
    /// Norm after folding (deepstack) or before (main).
    pub norm_after_fold: bool,
    /// [4 hidden, 4 hidden] with bias
    pub up: B::Linear,
    /// [out hidden, 4 hidden] with bias
    pub down: B::Linear,
    /// Patches per token (4).
    pub fold: usize,
}

/// Room for what lives inside a block, made once for the most patches of a step.
pub struct VisionScratch<B: Backend> {
    /// The stream, normed.
    pub normed: B::Tensor,
    /// Queries of all heads.
    pub query: B::Tensor,
    /// Keys of all heads.
    pub key: B::Tensor,
    /// Values of all heads.
    pub value: B::Tensor,
    /// What attention gives.
    pub attended: B::Tensor,
    /// Inside the MLP.
    pub inner: B::Tensor,
    /// What a block adds to the stream.
    pub delta: B::Tensor,
    /// Inside a merger.
    pub folded: B::Tensor,
}

impl<B: Backend> VisionScratch<B> {
    /// Scratch for steps of up to `rows` patches; `hidden` and `intermediate` in values per patch.
    pub fn new(
        backend: &B,
        rows: usize,
        hidden: usize,
        intermediate: usize,
    ) -> Result<Self, BackendError> {
        Ok(Self {
            normed: backend.tensor(rows, hidden)?,
            query: backend.tensor(rows, hidden)?,
            key: backend.tensor(rows, hidden)?,
            value: backend.tensor(rows, hidden)?,
            attended: backend.tensor(rows, hidden)?,
            inner: backend.tensor(rows, intermediate)?,
            delta: backend.tensor(rows, hidden)?,
            folded: backend.tensor(rows, hidden)?,
        })
    }

    /// Declares how much is in use.
    pub fn fit(&mut self, backend: &B, rows: usize, hidden: usize) {
        for tensor in [
            &mut self.normed,
            &mut self.query,
            &mut self.key,
            &mut self.value,
            &mut self.attended,
            &mut self.delta,
        ] {
            backend.shape(tensor, rows, hidden);
        }
        let (_, intermediate) = backend.dimensions(&self.inner);
        backend.shape(&mut self.inner, rows, intermediate);
    }
}

/// `stream += O(attend(rope(Q n), rope(K n), V n))` with `n = layer_norm(stream)`, full attention
/// inside each picture. `stream`: [patches, hidden].
pub fn attention<B: Backend>(
    backend: &B,
    weights: &VisionAttention<B>,
    step: &VisionStep<B>,
    scratch: &mut VisionScratch<B>,
    stream: &mut B::Tensor,
) {
    let (rows, hidden) = backend.dimensions(stream);
    scratch.fit(backend, rows, hidden);
    let VisionScratch {
        normed,
        query,
        key,
        value,
        attended,
        delta,
        ..
    } = scratch;
    backend.layer_norm(
        stream,
        &weights.norm.weight,
        &weights.norm.bias,
        NORM_EPS,
        normed,
    );
    backend.matmul(normed, &weights.query, query);
    backend.matmul(normed, &weights.key, key);
    backend.matmul(normed, &weights.value, value);
    backend.rotate(query, &step.cos, &step.sin);
    backend.rotate(key, &step.cos, &step.sin);
    backend.attend_spans(query, key, value, weights.heads, &step.spans, attended);
    backend.matmul(attended, &weights.output, delta);
    backend.add(stream, delta);
}

/// `stream += down(gelu_tanh(up(n)))` with `n = layer_norm(stream)`. `stream`: [patches, hidden].
pub fn mlp<B: Backend>(
    backend: &B,
    weights: &VisionMlp<B>,
    scratch: &mut VisionScratch<B>,
    stream: &mut B::Tensor,
) {
    let (rows, hidden) = backend.dimensions(stream);
    scratch.fit(backend, rows, hidden);
    let VisionScratch {
        normed,
        inner,
        delta,
        ..
    } = scratch;
    backend.layer_norm(
        stream,
        &weights.norm.weight,
        &weights.norm.bias,
        NORM_EPS,
        normed,
    );
    backend.matmul(normed, &weights.up, inner);
    backend.gelu(inner, Gelu::Tanh);
    backend.matmul(inner, &weights.down, delta);
    backend.add(stream, delta);
}

/// `out = down(gelu_erf(up(f)))`, `f` the patches normed and folded by `fold` (in the order the merger
/// says). `patches`: [n fold, hidden]; `out`: [n, out hidden].
pub fn merge<B: Backend>(
    backend: &B,
    weights: &Merger<B>,
    patches: &B::Tensor,
    scratch: &mut VisionScratch<B>,
    out: &mut B::Tensor,
) {
    let (rows, hidden) = backend.dimensions(patches);
    let (tokens, wide) = (rows / weights.fold, hidden * weights.fold);
    let VisionScratch {
        normed,
        delta,
        folded,
        ..
    } = scratch;
    backend.shape(normed, rows, hidden);
    if weights.norm_after_fold {
        // A norm needs an input of the folded shape: `delta` takes a copy of the patches.
        backend.shape(delta, rows, hidden);
        backend.copy(patches, delta);
        backend.shape(delta, tokens, wide);
        backend.shape(normed, tokens, wide);
        backend.layer_norm(
            delta,
            &weights.norm.weight,
            &weights.norm.bias,
            NORM_EPS,
            normed,
        );
    } else {
        backend.layer_norm(
            patches,
            &weights.norm.weight,
            &weights.norm.bias,
            NORM_EPS,
            normed,
        );
        backend.shape(normed, tokens, wide);
    }
    backend.shape(folded, tokens, wide);
    backend.matmul(normed, &weights.up, folded);
    backend.gelu(folded, Gelu::Erf);
    let (_, columns) = backend.dimensions(out);
    backend.shape(out, tokens, columns);
    backend.matmul(folded, &weights.down, out);
}
