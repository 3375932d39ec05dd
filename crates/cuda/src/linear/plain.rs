//! Products and rows of weights as the reference computes them. Kernels: `kernels/plain.cu`.

use bytemuck::NoUninit;
use formats::Dtype;

use super::weight::CudaLinear;
use crate::backend::{Cuda, CudaIndices};
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

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

pub(super) fn matmul(
    cuda: &Cuda,
    x: &CudaTensor,
    linear: &CudaLinear,
    dtype: Dtype,
    out: &mut CudaTensor,
) {
    assert_eq!(
        (x.columns(), out.columns(), out.rows()),
        (linear.inputs, linear.outputs, x.rows()),
        "shapes of a product"
    );
    let params = Matmul {
        x: x.address(),
        weight: linear.values.address(),
        bias: linear.bias.as_ref().map_or(0, Buffer::address),
        out: out.address(),
        rows: x.rows() as u32,
        inputs: linear.inputs as u32,
        outputs: linear.outputs as u32,
        pitch: linear.inputs as u32,
        half: u32::from(dtype == Dtype::Bf16),
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

pub(super) fn embed(
    cuda: &Cuda,
    table: &CudaLinear,
    dtype: Dtype,
    ids: &CudaIndices,
    out: &mut CudaTensor,
) {
    let params = Embed {
        table: table.values.address(),
        ids: ids.buffer.address(),
        out: out.address(),
        rows: out.rows() as u32,
        columns: out.columns() as u32,
        pitch: table.inputs as u32,
        half: u32::from(dtype == Dtype::Bf16),
    };
    cuda.launch("embed_plain", Shape::each(out.count(), 256), &params);
}
