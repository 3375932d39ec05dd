//! What one forward pass is about, in the terms every device shares. Positions and rotary angles are
//! computed once per step on the host, in float32, and used by every layer.

use std::ops::Range;

use crate::backend::{Backend, BackendError};

/// One conversation's part in a text step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Rows of the step that belong to it, in order.
    pub rows: Range<usize>,
    /// Tokens of the sequence before the first of these rows; their keys and values are cached.
    pub context: usize,
    /// Physical pages, in order; token `t` lies in `pages[t / page_tokens]`.
    pub pages: Vec<u32>,
}

impl Sequence {
    /// The slot of the sequence's token `index`, or `None` where no page covers it.
    pub fn slot(&self, index: usize, page_tokens: usize) -> Option<u32> {
        let page = *self.pages.get(index / page_tokens)?;
        page.checked_mul(u32::try_from(page_tokens).ok()?)?
            .checked_add(u32::try_from(index % page_tokens).ok()?)
    }
}

/// A text step as the device holds it.
pub struct TextStep<B: Backend> {
    /// Rows of the step.
    pub rows: usize,
    /// Token ids, `[rows]`. Rows that hold a picture token may name any valid id.
    pub ids: B::Indices,
    /// Cosines of the rotary angles, [rows, head_dim / 2].
    pub cos: B::Tensor,
    /// Sines of the rotary angles, [rows, head_dim / 2].
    pub sin: B::Tensor,
    /// Where each row's key and value go, `[rows]`.
    pub slots: B::Indices,
    /// Which rows see which pages.
    pub sequences: B::Sequences,
}

/// A vision step as the device holds it: the patches of one or more pictures.
pub struct VisionStep<B: Backend> {
    /// Patches of all pictures.
    pub rows: usize,
    /// Cosines, [rows, head_dim / 2].
    pub cos: B::Tensor,
    /// Sines, [rows, head_dim / 2].
    pub sin: B::Tensor,
    /// First row of each picture, and the number of rows at the end: [pictures + 1].
    pub spans: B::Indices,
    /// Four places of the position table per patch, [rows * 4].
    pub position_indices: B::Indices,
    /// Their weights, [rows, 4].
    pub position_weights: B::Tensor,
}

/// Rotary angles as two tensors. `cos`, `sin`: [rows, half] row-major.
pub fn upload_angles<B: Backend>(
    backend: &B,
    half: usize,
    cos: &[f32],
    sin: &[f32],
) -> Result<(B::Tensor, B::Tensor), BackendError> {
    let rows = cos.len() / half;
    let mut tensors = (backend.tensor(rows, half)?, backend.tensor(rows, half)?);
    backend.upload(&mut tensors.0, cos);
    backend.upload(&mut tensors.1, sin);
    Ok(tensors)
}
