//! Attention. In float32 one simple loop; in all other precisions over bfloat16, on tensor cores.

mod cache;
mod plain;
#[allow(dead_code, reason = "whole blocks are fused next")]
mod prepare;
#[allow(dead_code, reason = "the kernels that choose by it come next")]
mod sequences;

use bytemuck::NoUninit;
use ops::backend::give_up;

pub use cache::CudaKvCache;
#[allow(unused_imports, reason = "whole blocks are fused next")]
pub(crate) use prepare::{HeadNorms, prepare};
pub use sequences::CudaSequences;

use crate::backend::{Cuda, CudaIndices, Precision};
use crate::half::Half;
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

/// Most values of a head.
const MOST_HEAD_DIM: usize = 256;

pub(crate) fn write(
    cuda: &Cuda,
    cache: &mut CudaKvCache,
    layer: usize,
    key: &CudaTensor,
    value: &CudaTensor,
    slots: &CudaIndices,
) {
    match cuda.precision() {
        Precision::F32 => plain::write(cuda, cache, layer, key, value, slots),
        _ => prepare::write(cuda, cache, layer, key, value, slots),
    }
}

pub(crate) fn cached(
    cuda: &Cuda,
    query: &CudaTensor,
    cache: &CudaKvCache,
    layer: usize,
    sequences: &CudaSequences,
    out: &mut CudaTensor,
) {
    if cuda.precision() == Precision::F32 {
        return plain::cached(cuda, query, cache, layer, sequences, out);
    }
    let scratch = Scratch::new(cuda, query.rows(), query.columns(), 2);
    let [rounded, halves] = [scratch.half(0), scratch.half(1)];
    narrow(cuda, query, rounded);
    cached_half(cuda, rounded, cache, layer, sequences, halves);
    widen(cuda, halves, out);
}

pub(crate) fn spans(
    cuda: &Cuda,
    query: &CudaTensor,
    key: &CudaTensor,
    value: &CudaTensor,
    heads: usize,
    spans: &CudaIndices,
    out: &mut CudaTensor,
) {
    if cuda.precision() == Precision::F32 {
        return plain::spans(cuda, query, key, value, heads, spans, out);
    }
    let scratch = Scratch::new(cuda, query.rows(), query.columns(), 4);
    let halves = [0, 1, 2].map(|index| scratch.half(index));
    for (tensor, half) in [query, key, value].into_iter().zip(halves) {
        narrow(cuda, tensor, half);
    }
    attend_spans(cuda, halves, heads, spans, scratch.half(3));
    widen(cuda, scratch.half(3), out);
}

/// Causal grouped-query attention over the cache. `query`, `out`: [rows, heads * head_dim].
pub(crate) fn cached_half(
    cuda: &Cuda,
    query: Half,
    cache: &CudaKvCache,
    layer: usize,
    sequences: &CudaSequences,
    out: Half,
) {
    let shape = cache.shape;
    let heads = query.columns / shape.head_dim;
    assert!(
        sequences.rows() == query.rows && heads.is_multiple_of(shape.kv_heads),
        "sequences cover all rows, and whole groups of heads share keys"
    );
    let [keys, values] = cache.layer(layer);
    let params = Attend {
        query: query.address,
        keys,
        values,
        out: out.address,
        sequences: sequences.address(),
        pages: sequences.pages(),
        rows: query.rows as u32,
        heads: heads as u32,
        kv_heads: shape.kv_heads as u32,
        head_dim: shape.head_dim as u32,
        query_pitch: query.pitch() as u32,
        key_pitch: 0,
        value_pitch: 0,
        out_pitch: out.pitch() as u32,
        page_tokens: shape.page_tokens as u32,
        spans: 0,
        scale: 1.0 / (shape.head_dim as f32).sqrt(),
        unused: 0,
    };
    launch(cuda, "attend_cached_simple", &params);
}

/// Full attention inside each span of rows, queries and keys rotated first (and left so).
/// All matrices: [rows, heads * head_dim]; `cos`, `sin`: [rows, head_dim / 2].
#[allow(dead_code, reason = "whole blocks are fused next")]
pub(crate) fn spans_half(
    cuda: &Cuda,
    [query, key, value]: [Half; 3],
    heads: usize,
    [cos, sin]: [&CudaTensor; 2],
    spans: &CudaIndices,
    out: Half,
) {
    prepare::rotate(cuda, query, cos, sin);
    prepare::rotate(cuda, key, cos, sin);
    attend_spans(cuda, [query, key, value], heads, spans, out);
}

fn attend_spans(
    cuda: &Cuda,
    [query, key, value]: [Half; 3],
    heads: usize,
    spans: &CudaIndices,
    out: Half,
) {
    let head_dim = query.columns / heads;
    let shapes = [key, value, out].map(|half| (half.rows, half.columns));
    assert_eq!(
        shapes,
        [(query.rows, query.columns); 3],
        "a key, a value and a result for every query"
    );
    let params = Attend {
        query: query.address,
        keys: key.address,
        values: value.address,
        out: out.address,
        sequences: spans.buffer.address(),
        pages: 0,
        rows: query.rows as u32,
        heads: heads as u32,
        kv_heads: heads as u32,
        head_dim: head_dim as u32,
        query_pitch: query.pitch() as u32,
        key_pitch: key.pitch() as u32,
        value_pitch: value.pitch() as u32,
        out_pitch: out.pitch() as u32,
        page_tokens: 0,
        spans: (spans.count - 1) as u32,
        scale: 1.0 / (head_dim as f32).sqrt(),
        unused: 0,
    };
    launch(cuda, "attend_spans_simple", &params);
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Attend {
    query: u64,
    keys: u64,
    values: u64,
    out: u64,
    sequences: u64,
    pages: u64,
    rows: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    query_pitch: u32,
    key_pitch: u32,
    value_pitch: u32,
    out_pitch: u32,
    page_tokens: u32,
    spans: u32,
    scale: f32,
    unused: u32,
}

fn launch(cuda: &Cuda, kernel: &str, params: &Attend) {
    let warps = (params.rows * params.heads) as usize;
    cuda.launch(kernel, Shape::new(warps.div_ceil(4), 128), params);
}

/// Half matrices for the time of a fine op, which nobody records.
struct Scratch {
    buffer: Buffer,
    rows: usize,
    columns: usize,
}

impl Scratch {
    fn new(cuda: &Cuda, rows: usize, columns: usize, matrices: usize) -> Self {
        let pitch = columns.next_multiple_of(8);
        let bytes = Cuda::bytes_of(&[matrices, rows, pitch], 2);
        let buffer = cuda.buffer(bytes, "activations");
        let buffer = buffer.unwrap_or_else(|error| give_up(error));
        Self {
            buffer,
            rows,
            columns,
        }
    }

    fn half(&self, index: usize) -> Half {
        let mut half = Half {
            address: self.buffer.address(),
            rows: self.rows,
            columns: self.columns,
        };
        half.address += (index * self.rows * half.pitch() * 2) as u64;
        half
    }
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Convert {
    from: u64,
    to: u64,
    rows: u32,
    columns: u32,
    pitch: u32,
    unused: u32,
}

fn narrow(cuda: &Cuda, from: &CudaTensor, to: Half) {
    let pitch = to.pitch();
    let params = Convert {
        from: from.address(),
        to: to.address,
        rows: to.rows as u32,
        columns: to.columns as u32,
        pitch: pitch as u32,
        unused: 0,
    };
    cuda.launch("narrow", Shape::each(to.rows * pitch, 128), &params);
}

fn widen(cuda: &Cuda, from: Half, to: &mut CudaTensor) {
    assert_eq!(
        (from.rows, from.columns),
        (to.rows(), to.columns()),
        "one shape"
    );
    let params = Convert {
        from: from.address,
        to: to.address(),
        rows: from.rows as u32,
        columns: from.columns as u32,
        pitch: from.pitch() as u32,
        unused: 0,
    };
    cuda.launch("widen", Shape::each(to.count(), 128), &params);
}
