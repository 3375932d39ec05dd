//! Norms, in float32 and to bfloat16. Kernels: `kernels/norm.cu`.

use bytemuck::NoUninit;

use crate::backend::Cuda;
use crate::half::Half;
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

/// Threads of a block that shares a row.
const MOST_THREADS: usize = 256;
/// Eights of values that a thread holds: `EIGHTS` in the kernel.
const EIGHTS: usize = 8;
/// From so many rows on a warp each fills the device, and needs no waiting for others.
const ROWS_FOR_WARPS: usize = 64;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct NormHalf {
    x: u64,
    weight: u64,
    bias: u64,
    out: u64,
    rows: u32,
    columns: u32,
    eps: f32,
    alone: u32,
}

/// RMS norm of the rows of `x` as a bfloat16 matrix.
pub(crate) fn rms_half(cuda: &Cuda, x: &CudaTensor, weight: &Buffer, eps: f32, out: Half) {
    launch_half(cuda, x, weight, None, eps, out);
}

/// Layer norm of the rows of `x` as a bfloat16 matrix. A row is as long as the weight: `x` may be folded, several of
/// its rows side by side in one, before the norm or after, as far as these are a multiple of 8 values.
pub(crate) fn layer_half(
    cuda: &Cuda,
    x: &CudaTensor,
    weight: &Buffer,
    bias: &Buffer,
    eps: f32,
    out: Half,
) {
    assert_eq!(
        length(weight),
        length(bias),
        "weight and bias belong together"
    );
    launch_half(cuda, x, weight, Some(bias), eps, out);
}

fn launch_half(
    cuda: &Cuda,
    x: &CudaTensor,
    weight: &Buffer,
    bias: Option<&Buffer>,
    eps: f32,
    out: Half,
) {
    let columns = length(weight);
    let rows = x.count() / columns;
    let folded = columns.is_multiple_of(8) && out.columns.is_multiple_of(8);
    assert!(
        rows * columns == x.count()
            && out.rows * out.columns == x.count()
            && (folded || out.columns == columns),
        "a weight for every column, and the same values"
    );
    let eights = columns.div_ceil(8);
    assert!(
        eights <= EIGHTS * MOST_THREADS,
        "rows of at most {} values",
        8 * EIGHTS * MOST_THREADS
    );
    let alone = rows >= ROWS_FOR_WARPS && eights <= EIGHTS * 32;
    let shape = match alone {
        true => Shape::new(rows.div_ceil(ROWS_PER_BLOCK), THREADS),
        false => {
            let threads = eights.next_multiple_of(32).min(MOST_THREADS);
            Shape::new(rows, threads as u32)
        }
    };
    let params = NormHalf {
        x: x.address(),
        weight: weight.address(),
        bias: bias.map_or(0, Buffer::address),
        out: out.address,
        rows: rows as u32,
        columns: columns as u32,
        eps,
        alone: u32::from(alone),
    };
    let kernel = match bias {
        Some(_) => "layer_norm_half",
        None => "rms_norm_half",
    };
    cuda.launch(kernel, shape, &params);
}
