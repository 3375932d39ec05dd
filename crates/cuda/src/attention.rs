//! Attention. In float32 one simple loop; in all other precisions over bfloat16, on tensor cores.

mod cache;
mod plain;
mod prepare;
mod sequences;
mod tiles;

use bytemuck::NoUninit;
use ops::backend::give_up;
use ops::step::TextStep;
use tiles::NewRows;

pub use cache::CudaKvCache;
pub(crate) use prepare::{HeadNorms, prepare};
pub use sequences::CudaSequences;

use crate::backend::{Cuda, CudaIndices, Precision};
use crate::half::{Half, round};
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
    round(cuda, query, rounded);
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
        round(cuda, tensor, half);
    }
    tiles::spans(cuda, halves, heads, spans, scratch.half(3));
    widen(cuda, scratch.half(3), out);
}

/// [`prepare`] and [`cached_half`]; in one launch where every sequence has few rows. `query` is not kept.
pub(crate) fn prepare_and_attend(
    cuda: &Cuda,
    [query, key, value]: [Half; 3],
    norms: HeadNorms<'_>,
    step: &TextStep<Cuda>,
    cache: &mut CudaKvCache,
    layer: usize,
    out: Half,
) {
    let sequences = &step.sequences;
    if !sequences.few_rows() {
        prepare(cuda, [query, key, value], norms, step, cache, layer);
        return cached_half(cuda, query, cache, layer, sequences, out);
    }
    prepare::check([query, key, value], norms, step, cache);
    let new = NewRows {
        key,
        value,
        norms,
        angles: [&step.cos, &step.sin],
    };
    tiles::cached(cuda, query, Some(new), cache, layer, sequences, out);
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
    tiles::cached(cuda, query, None, cache, layer, sequences, out);
}

/// Full attention inside each span of rows, queries and keys rotated first (and left so).
/// All matrices: [rows, heads * head_dim]; `cos`, `sin`: [rows, head_dim / 2].
pub(crate) fn spans_half(
    cuda: &Cuda,
    [query, key, value]: [Half; 3],
    heads: usize,
    [cos, sin]: [&CudaTensor; 2],
    spans: &CudaIndices,
    out: Half,
) {
    prepare::rotate(cuda, [query, key], cos, sin);
    tiles::spans(cuda, [query, key, value], heads, spans, out);
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
struct Widen {
    from: u64,
    to: u64,
    rows: u32,
    columns: u32,
    pitch: u32,
    unused: u32,
}

fn widen(cuda: &Cuda, from: Half, to: &mut CudaTensor) {
    assert_eq!(
        (from.rows, from.columns),
        (to.rows(), to.columns()),
        "one shape"
    );
    let params = Widen {
        from: from.address,
        to: to.address(),
        rows: from.rows as u32,
        columns: from.columns as u32,
        pitch: from.pitch() as u32,
        unused: 0,
    };
    cuda.launch("widen", Shape::each(to.count(), 128), &params);
}
