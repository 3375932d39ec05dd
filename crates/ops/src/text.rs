//! The two blocks of the text tower: weights, scratch and plain bodies.
//! Source: the decoder layer of the reference implementation. Goldens: `text.layer{i}.out`.

use crate::backend::{Backend, BackendError};
use crate::step::TextStep;

/// Weights of a decoder layer's attention.
pub struct TextAttention<B: Backend> {
    /// RMS norm before the block, `[hidden]`.
    pub norm: B::Parameter,
    /// [heads * head_dim, hidden]
    pub query: B::Linear,
    /// [kv_heads * head_dim, hidden]
    pub key: B::Linear,
    /// [kv_heads * head_dim, hidden]
    pub value: B::Linear,
    /// RMS norm of each query head, `[head_dim]`.
    pub query_norm: B::Parameter,
    /// RMS norm of each key head, `[head_dim]`.
    pub key_norm: B::Parameter,
    /// [hidden, heads * head_dim]
    pub output: B::Linear,
    /// Epsilon of the three norms.
    pub eps: f32,
}

/// Weights of a decoder layer's SwiGLU MLP.
pub struct TextMlp<B: Backend> {
    /// RMS norm before the block, `[hidden]`.
    pub norm: B::Parameter,
    /// [intermediate, hidden]
    pub gate: B::Linear,
    /// [intermediate, hidden]
    pub up: B::Linear,
    /// [hidden, intermediate]
    pub down: B::Linear,
    /// Epsilon of the norm.
    pub eps: f32,
}

/// Room for what lives inside a block, made once for the most rows of a step.
pub struct TextScratch<B: Backend> {
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
    /// The gate inside the MLP.
    pub gate: B::Tensor,
    /// What the gate scales.
    pub up: B::Tensor,
    /// What a block adds to the stream.
    pub delta: B::Tensor,
}

/// Widths of a text tower, in values per row.
#[derive(Debug, Clone, Copy)]
pub struct TextWidths {
    /// The stream.
    pub hidden: usize,
    /// All query heads.
    pub query: usize,
    /// All key (or value) heads.
    pub key: usize,
    /// Inside the MLP.
    pub intermediate: usize,
}

impl<B: Backend> TextScratch<B> {
    /// Scratch for steps of up to `rows` rows.
    pub fn new(backend: &B, rows: usize, widths: TextWidths) -> Result<Self, BackendError> {
        Ok(Self {
            normed: backend.tensor(rows, widths.hidden)?,
            query: backend.tensor(rows, widths.query)?,
            key: backend.tensor(rows, widths.key)?,
            value: backend.tensor(rows, widths.key)?,
            attended: backend.tensor(rows, widths.query)?,
            gate: backend.tensor(rows, widths.intermediate)?,
            up: backend.tensor(rows, widths.intermediate)?,
            delta: backend.tensor(rows, widths.hidden)?,
        })
    }

    /// Declares how much is in use.
    pub fn fit(&mut self, backend: &B, rows: usize) {
        for tensor in [
            &mut self.normed,
            &mut self.query,
            &mut self.key,
            &mut self.value,
            &mut self.attended,
            &mut self.gate,
            &mut self.up,
            &mut self.delta,
        ] {
            let (_, columns) = backend.dimensions(tensor);
            backend.shape(tensor, rows, columns);
        }
    }
}

/// `stream += O(attend(rope(norm(Q n)), rope(norm(K n)), V n))` with `n = rms_norm(stream)`; keys and
/// values of the step's rows are written to the cache first, so a row sees itself.
/// `stream`: [rows, hidden].
pub fn attention<B: Backend>(
    backend: &B,
    weights: &TextAttention<B>,
    layer: usize,
    step: &TextStep<B>,
    cache: &mut B::KvCache,
    scratch: &mut TextScratch<B>,
    stream: &mut B::Tensor,
) {
    scratch.fit(backend, step.rows);
    let TextScratch {
        normed,
        query,
        key,
        value,
        attended,
        delta,
        ..
    } = scratch;
    backend.rms_norm(stream, &weights.norm, weights.eps, normed);
    backend.matmul(normed, &weights.query, query);
    backend.matmul(normed, &weights.key, key);
    backend.matmul(normed, &weights.value, value);
    backend.rms_norm_heads(query, &weights.query_norm, weights.eps);
    backend.rms_norm_heads(key, &weights.key_norm, weights.eps);
    backend.rotate(query, &step.cos, &step.sin);
    backend.rotate(key, &step.cos, &step.sin);
    backend.kv_write(cache, layer, key, value, &step.slots);
    backend.attend_cached(query, cache, layer, &step.sequences, attended);
    backend.matmul(attended, &weights.output, delta);
    backend.add(stream, delta);
}

/// `stream += down(silu(gate(n)) * up(n))` with `n = rms_norm(stream)`. `stream`: [rows, hidden].
pub fn mlp<B: Backend>(
    backend: &B,
    weights: &TextMlp<B>,
    scratch: &mut TextScratch<B>,
    stream: &mut B::Tensor,
) {
    let (rows, _) = backend.dimensions(stream);
    scratch.fit(backend, rows);
    let TextScratch {
        normed,
        gate,
        up,
        delta,
        ..
    } = scratch;
    backend.rms_norm(stream, &weights.norm, weights.eps, normed);
    backend.matmul(normed, &weights.gate, gate);
    backend.matmul(normed, &weights.up, up);
    backend.silu_mul(gate, up);
    backend.matmul(gate, &weights.down, delta);
    backend.add(stream, delta);
}
