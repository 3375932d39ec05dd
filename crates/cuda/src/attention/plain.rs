//! Attention in float32, one simple loop. Kernels: `kernels/plain.cu`.

use bytemuck::NoUninit;

use super::{CudaKvCache, CudaSequences, MOST_HEAD_DIM};
use crate::backend::{Cuda, CudaIndices};
use crate::launch::Shape;
use crate::tensor::CudaTensor;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct KvWrite {
    key: u64,
    value: u64,
    slots: u64,
    keys: u64,
    values: u64,
    rows: u32,
    width: u32,
}

pub(crate) fn write(
    cuda: &Cuda,
    cache: &mut CudaKvCache,
    layer: usize,
    key: &CudaTensor,
    value: &CudaTensor,
    slots: &CudaIndices,
) {
    let width = cache.width();
    cache.check(key, value, slots);
    let [keys, values] = cache.layer(layer);
    let params = KvWrite {
        key: key.address(),
        value: value.address(),
        slots: slots.buffer.address(),
        keys,
        values,
        rows: key.rows() as u32,
        width: width as u32,
    };
    cuda.launch("kv_write_plain", Shape::each(key.count(), 256), &params);
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Attend {
    query: u64,
    keys: u64,
    values: u64,
    out: u64,
    rows_of: u64,
    sequences: u64,
    pages: u64,
    rows: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    page_tokens: u32,
    spans: u32,
    scale: f32,
    unused: u32,
}

pub(crate) fn cached(
    cuda: &Cuda,
    query: &CudaTensor,
    cache: &CudaKvCache,
    layer: usize,
    sequences: &CudaSequences,
    out: &mut CudaTensor,
) {
    let shape = cache.shape;
    let heads = query.columns() / shape.head_dim;
    assert!(
        sequences.rows() == query.rows() && heads.is_multiple_of(shape.kv_heads),
        "sequences cover all rows, and whole groups of heads share keys"
    );
    let [keys, values] = cache.layer(layer);
    let params = Attend {
        query: query.address(),
        keys,
        values,
        out: out.address(),
        rows_of: sequences.rows_of(),
        sequences: sequences.address(),
        pages: sequences.pages(),
        rows: query.rows() as u32,
        heads: heads as u32,
        kv_heads: shape.kv_heads as u32,
        head_dim: shape.head_dim as u32,
        page_tokens: shape.page_tokens as u32,
        spans: 0,
        scale: 1.0 / (shape.head_dim as f32).sqrt(),
        unused: 0,
    };
    launch(cuda, "attend_cached_plain", query, out, heads, &params);
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
    let head_dim = query.columns() / heads;
    let params = Attend {
        query: query.address(),
        keys: key.address(),
        values: value.address(),
        out: out.address(),
        rows_of: 0,
        sequences: spans.buffer.address(),
        pages: 0,
        rows: query.rows() as u32,
        heads: heads as u32,
        kv_heads: heads as u32,
        head_dim: head_dim as u32,
        page_tokens: 0,
        spans: (spans.count - 1) as u32,
        scale: 1.0 / (head_dim as f32).sqrt(),
        unused: 0,
    };
    assert_eq!(
        (key.rows(), key.columns(), value.rows(), value.columns()),
        (query.rows(), query.columns(), query.rows(), query.columns()),
        "a key and a value for every query"
    );
    launch(cuda, "attend_spans_plain", query, out, heads, &params);
}

fn launch(
    cuda: &Cuda,
    kernel: &str,
    query: &CudaTensor,
    out: &CudaTensor,
    heads: usize,
    params: &Attend,
) {
    assert_eq!(
        (query.rows(), query.columns()),
        (out.rows(), out.columns()),
        "one shape"
    );
    assert!(
        (1..=MOST_HEAD_DIM).contains(&(params.head_dim as usize))
            && heads * params.head_dim as usize == query.columns(),
        "whole heads of at most {MOST_HEAD_DIM} values"
    );
    cuda.launch(
        kernel,
        Shape::new((query.rows() * heads).div_ceil(4), 128),
        params,
    );
}
