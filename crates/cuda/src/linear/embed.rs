//! Rows of a weight: the embedding. Kernel: `kernels/embed.cu`.

use bytemuck::NoUninit;

use super::plain;
use super::start::Weight;
use super::weight::{CudaLinear, Held};
use crate::backend::{Cuda, CudaIndices};
use crate::launch::Shape;
use crate::tensor::CudaTensor;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct EmbedSpans {
    table: Weight,
    ids: u64,
    out: u64,
    rows: u32,
    columns: u32,
    spans: u32,
    form: u32,
}

/// `out[r] = table[ids[r]]`. Ids are the caller's promise.
pub(crate) fn embed(cuda: &Cuda, table: &CudaLinear, ids: &CudaIndices, out: &mut CudaTensor) {
    assert_eq!(
        (out.rows(), out.columns()),
        (ids.count, table.inputs),
        "a row of the table for every id"
    );
    let form = match table.held {
        Held::Plain(dtype) => return plain::embed(cuda, table, dtype, ids, out),
        Held::Spans(form) => form,
    };
    let spans = form.spans(table.inputs);
    let params = EmbedSpans {
        table: Weight::of(table),
        ids: ids.buffer.address(),
        out: out.address(),
        rows: out.rows() as u32,
        columns: out.columns() as u32,
        spans: spans as u32,
        form: form as u32,
    };
    let pieces = out.rows() * spans * (form.span_inputs() / 8);
    cuda.launch("embed_spans", Shape::each(pieces, 256), &params);
}
