//! Weights on a device, and products with them.

use bytemuck::NoUninit;
use formats::{Dtype, Tensor};
use ops::backend::{BackendError, LinearWeight, Sensitivity};

use crate::backend::{Cuda, CudaIndices, Precision};
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

/// A weight `[out, in]` as the checkpoint has it. A clone is another handle of the same memory.
#[derive(Clone)]
pub struct CudaLinear {
    weight: Buffer,
    bias: Option<Buffer>,
    outputs: usize,
    inputs: usize,
    half: bool,
}

/// Bits that a weight of a bfloat16 checkpoint takes.
pub(crate) fn bits_per_weight(_: Precision, _: Sensitivity) -> f64 {
    16.0
}

pub(crate) fn take(cuda: &Cuda, given: &LinearWeight<'_>) -> Result<CudaLinear, BackendError> {
    let &[outputs, inputs] = given.weight.shape() else {
        panic!("a linear weight has two dimensions");
    };
    let half = given.weight.dtype() == Dtype::Bf16;
    let weight = match half {
        true => cuda.kept(given.weight.bytes(), "weights")?,
        false => cuda.kept(bytemuck::cast_slice(&given.weight.to_f32()), "weights")?,
    };
    let bias = given.bias.map(Tensor::to_f32);
    let bias = bias.map(|bias| cuda.kept(bytemuck::cast_slice(&bias), "weights"));
    given.weight.release();
    Ok(CudaLinear {
        weight,
        bias: bias.transpose()?,
        outputs,
        inputs,
        half,
    })
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Matmul {
    x: u64,
    weight: u64,
    bias: u64,
    out: u64,
    rows: u32,
    inputs: u32,
    outputs: u32,
    pitch: u32,
    half: u32,
    unused: u32,
}

pub(crate) fn matmul(cuda: &Cuda, x: &CudaTensor, linear: &CudaLinear, out: &mut CudaTensor) {
    assert_eq!(
        (x.columns(), out.columns(), out.rows()),
        (linear.inputs, linear.outputs, x.rows()),
        "shapes of a product"
    );
    let params = Matmul {
        x: x.address(),
        weight: linear.weight.address(),
        bias: linear.bias.as_ref().map_or(0, Buffer::address),
        out: out.address(),
        rows: x.rows() as u32,
        inputs: linear.inputs as u32,
        outputs: linear.outputs as u32,
        pitch: linear.inputs as u32,
        half: u32::from(linear.half),
        unused: 0,
    };
    let tiles = |count: usize| count.div_ceil(32) as u32;
    let shape = Shape {
        grid: [tiles(linear.outputs), tiles(x.rows()), 1],
        threads: 256,
        shared: 0,
    };
    cuda.launch("matmul_plain", shape, &params);
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Embed {
    table: u64,
    ids: u64,
    out: u64,
    rows: u32,
    columns: u32,
    pitch: u32,
    half: u32,
}

pub(crate) fn embed(cuda: &Cuda, table: &CudaLinear, ids: &CudaIndices, out: &mut CudaTensor) {
    assert_eq!(
        (out.rows(), out.columns()),
        (ids.count, table.inputs),
        "a row of the table for every id"
    );
    let params = Embed {
        table: table.weight.address(),
        ids: ids.buffer.address(),
        out: out.address(),
        rows: out.rows() as u32,
        columns: out.columns() as u32,
        pitch: table.inputs as u32,
        half: u32::from(table.half),
    };
    cuda.launch("embed_plain", Shape::each(out.count(), 256), &params);
}
