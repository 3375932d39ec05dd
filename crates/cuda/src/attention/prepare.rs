//! A step's rows on their way to attention and into the cache. Kernels: `kernels/kv.cu`.

use bytemuck::NoUninit;
use ops::step::TextStep;

use super::CudaKvCache;
use crate::backend::{Cuda, CudaIndices};
use crate::half::Half;
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

const THREADS: u32 = 128;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct KvWrite {
    key: u64,
    value: u64,
    slots: u64,
    keys: u64,
    values: u64,
    rows: u32,
    kv_heads: u32,
    head_dim: u32,
    page_tokens: u32,
}

/// Rounds keys and values into their slots.
pub(super) fn write(
    cuda: &Cuda,
    cache: &mut CudaKvCache,
    layer: usize,
    key: &CudaTensor,
    value: &CudaTensor,
    slots: &CudaIndices,
) {
    cache.check(key, value, slots);
    let [keys, values] = cache.layer(layer);
    let params = KvWrite {
        key: key.address(),
        value: value.address(),
        slots: slots.buffer.address(),
        keys,
        values,
        rows: key.rows() as u32,
        kv_heads: cache.shape.kv_heads as u32,
        head_dim: cache.shape.head_dim as u32,
        page_tokens: cache.shape.page_tokens as u32,
    };
    cuda.launch("kv_write", Shape::each(key.count() / 2, THREADS), &params);
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Prepare {
    query: u64,
    key: u64,
    value: u64,
    query_norm: u64,
    key_norm: u64,
    cos: u64,
    sin: u64,
    slots: u64,
    keys: u64,
    values: u64,
    rows: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    query_pitch: u32,
    key_pitch: u32,
    value_pitch: u32,
    page_tokens: u32,
    eps: f32,
    unused: u32,
}

/// RMS norm of each head and their weights.
#[derive(Clone, Copy)]
pub(crate) struct HeadNorms<'a> {
    pub(crate) query: &'a Buffer,
    pub(crate) key: &'a Buffer,
    pub(crate) eps: f32,
}

/// Norms and rotates the heads of queries and keys, and stores keys and values in the cache: one pass over the rows.
/// `query` is left normed and rotated.
pub(crate) fn prepare(
    cuda: &Cuda,
    [query, key, value]: [Half; 3],
    norms: HeadNorms<'_>,
    step: &TextStep<Cuda>,
    cache: &mut CudaKvCache,
    layer: usize,
) {
    check([query, key, value], norms, step, cache);
    let shape = cache.shape;
    let (rows, head_dim) = (step.rows, shape.head_dim);
    let [keys, values] = cache.layer(layer);
    let heads = query.columns / head_dim;
    let params = Prepare {
        query: query.address,
        key: key.address,
        value: value.address,
        query_norm: norms.query.address(),
        key_norm: norms.key.address(),
        cos: step.cos.address(),
        sin: step.sin.address(),
        slots: step.slots.buffer.address(),
        keys,
        values,
        rows: rows as u32,
        heads: heads as u32,
        kv_heads: shape.kv_heads as u32,
        head_dim: head_dim as u32,
        query_pitch: query.pitch() as u32,
        key_pitch: key.pitch() as u32,
        value_pitch: value.pitch() as u32,
        page_tokens: shape.page_tokens as u32,
        eps: norms.eps,
        unused: 0,
    };
    let warps = rows * (heads + 2 * shape.kv_heads);
    let blocks = warps.div_ceil(THREADS as usize / 32);
    cuda.launch("kv_prepare", Shape::new(blocks, THREADS), &params);
}

/// Panics where shapes do not belong together.
pub(super) fn check(
    [query, key, value]: [Half; 3],
    norms: HeadNorms<'_>,
    step: &TextStep<Cuda>,
    cache: &CudaKvCache,
) {
    let (rows, head_dim) = (step.rows, cache.shape.head_dim);
    let norm_bytes = (head_dim * size_of::<f32>()) as u64;
    assert!(
        [query.rows, key.rows, value.rows, step.slots.count] == [rows; 4]
            && [key.columns, value.columns] == [cache.width(); 2]
            && query.columns.is_multiple_of(head_dim),
        "a query, a key, a value and a slot for every row"
    );
    assert!(
        (step.cos.rows(), step.cos.columns()) == (rows, head_dim / 2)
            && step.sin.count() == step.cos.count()
            && norms.query.bytes() == norm_bytes
            && norms.key.bytes() == norm_bytes,
        "angles for half a head of every row, a weight for every value of a head"
    );
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct RotateHalf {
    query: u64,
    key: u64,
    cos: u64,
    sin: u64,
    rows: u32,
    heads: u32,
    half: u32,
    pitch: u32,
}

/// Rotates every head of both in place. `cos`, `sin`: [rows, head_dim / 2].
pub(super) fn rotate(cuda: &Cuda, [query, key]: [Half; 2], cos: &CudaTensor, sin: &CudaTensor) {
    let half = cos.columns();
    let (rows, columns) = (query.rows, query.columns);
    assert_eq!((key.rows, key.columns), (rows, columns), "one shape");
    assert!(
        (cos.rows(), sin.count()) == (rows, cos.count()) && columns.is_multiple_of(2 * half),
        "angles for half a head of every row"
    );
    assert!(half.is_multiple_of(4), "heads of a multiple of 8 values");
    let heads = columns / (2 * half);
    let params = RotateHalf {
        query: query.address,
        key: key.address,
        cos: cos.address(),
        sin: sin.address(),
        rows: rows as u32,
        heads: heads as u32,
        half: half as u32,
        pitch: query.pitch() as u32,
    };
    let mut shape = Shape::each(rows * heads * half / 2, THREADS);
    shape.grid[1] = 2;
    cuda.launch("rotate_half", shape, &params);
}
