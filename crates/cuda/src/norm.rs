//! Norms. Kernels: `kernels/norm.cu`.

use bytemuck::NoUninit;

use crate::backend::Cuda;
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

const THREADS: u32 = 128;
const ROWS_PER_BLOCK: usize = THREADS as usize / 32;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Norm {
    x: u64,
    weight: u64,
    bias: u64,
    out: u64,
    rows: u32,
    columns: u32,
    eps: f32,
    unused: u32,
}

/// Values in a parameter.
fn length(parameter: &Buffer) -> usize {
    parameter.bytes() as usize / size_of::<f32>()
}

pub(crate) fn rms(cuda: &Cuda, x: &CudaTensor, weight: &Buffer, eps: f32, out: &mut CudaTensor) {
    assert_eq!(
        (x.rows(), x.columns()),
        (out.rows(), out.columns()),
        "one shape"
    );
    assert_eq!(x.columns(), length(weight), "a weight for every column");
    launch(cuda, x.address(), x.rows(), weight, None, eps, out);
}

/// Each head is a row of its own.
pub(crate) fn rms_heads(cuda: &Cuda, x: &mut CudaTensor, weight: &Buffer, eps: f32) {
    let head_dim = length(weight);
    assert!(x.columns().is_multiple_of(head_dim), "whole heads");
    let heads = x.count() / head_dim;
    launch(cuda, x.address(), heads, weight, None, eps, x);
}

pub(crate) fn layer(
    cuda: &Cuda,
    x: &CudaTensor,
    weight: &Buffer,
    bias: &Buffer,
    eps: f32,
    out: &mut CudaTensor,
) {
    assert_eq!(
        (x.rows(), x.columns()),
        (out.rows(), out.columns()),
        "one shape"
    );
    assert_eq!(
        (x.columns(), x.columns()),
        (length(weight), length(bias)),
        "weight and bias for every column"
    );
    launch(cuda, x.address(), x.rows(), weight, Some(bias), eps, out);
}

fn launch(
    cuda: &Cuda,
    x: u64,
    rows: usize,
    weight: &Buffer,
    bias: Option<&Buffer>,
    eps: f32,
    out: &mut CudaTensor,
) {
    let params = Norm {
        x,
        weight: weight.address(),
        bias: bias.map_or(0, Buffer::address),
        out: out.address(),
        rows: rows as u32,
        columns: length(weight) as u32,
        eps,
        unused: 0,
    };
    let kernel = if bias.is_some() {
        "layer_norm"
    } else {
        "rms_norm"
    };
    cuda.launch(
        kernel,
        Shape::new(rows.div_ceil(ROWS_PER_BLOCK), THREADS),
        &params,
    );
}
