//! Keys and values on a device.

use ops::backend::{BackendError, KvShape};

use crate::backend::{Cuda, CudaIndices, Precision};
use crate::driver::Address;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

/// Keys and values of all layers, in pages: of every layer first the keys, then the values.
///
/// - float32: `[page, token, kv_head, head_dim]`
/// - bfloat16, all other precisions: `[page, kv_head, token, head_dim]`, so that what one head reads of a page
///   lies in one piece.
pub struct CudaKvCache {
    buffer: Buffer,
    pub(super) shape: KvShape,
    value_bytes: usize,
}

impl CudaKvCache {
    pub(crate) fn new(cuda: &Cuda, shape: KvShape) -> Result<Self, BackendError> {
        let float = cuda.precision() == Precision::F32;
        assert!(
            float || shape.page_tokens.is_power_of_two(),
            "a page on a GPU has a power of two of tokens, not {}",
            shape.page_tokens
        );
        assert!(
            float || (shape.head_dim.is_multiple_of(8) && shape.head_dim <= super::MOST_HEAD_DIM),
            "a head on a GPU has a multiple of 8 values, at most {}, not {}",
            super::MOST_HEAD_DIM,
            shape.head_dim
        );
        let value_bytes = if float { 4 } else { 2 };
        let values = shape.elements().and_then(|one| one.checked_mul(2));
        let bytes = Cuda::bytes_of(&[values.unwrap_or(usize::MAX)], value_bytes);
        let buffer = cuda.room(bytes, "keys and values")?;
        Ok(Self {
            buffer,
            shape,
            value_bytes,
        })
    }

    /// Where keys and values of a layer begin.
    pub(super) fn layer(&self, layer: usize) -> [Address; 2] {
        assert!(layer < self.shape.layers, "a layer of the model");
        let KvShape {
            kv_heads,
            head_dim,
            pages,
            page_tokens,
            ..
        } = self.shape;
        let values = pages * page_tokens * kv_heads * head_dim;
        [2 * layer, 2 * layer + 1]
            .map(|which| self.buffer.address() + (which * values * self.value_bytes) as u64)
    }

    /// Values of a token's keys.
    pub(super) fn width(&self) -> usize {
        self.shape.kv_heads * self.shape.head_dim
    }
    /// Panics unless there is a key, a value and a slot for every row, of this cache's width.
    pub(super) fn check(&self, key: &CudaTensor, value: &CudaTensor, slots: &CudaIndices) {
        assert!(
            key.columns() == self.width()
                && value.columns() == self.width()
                && slots.count == key.rows()
                && slots.count == value.rows(),
            "a slot for the key and value of every row"
        );
    }
}
