//! Products with weights.
//!
//! - [`weight`]: how a weight is held; `pack`: how it gets there.
//! - `start`: what the kernels are told; `choose`: which kernel for how many rows, and how many blocks.
//! - `embed`: rows of a weight.
//! - `plain`: the reference's own arithmetic, for [`Precision::F32`](crate::Precision).

use ops::backend::Gelu;

use crate::backend::Cuda;
use crate::half::{self, Half};
use crate::tensor::CudaTensor;

mod choose;
mod embed;
mod pack;
mod plain;
mod start;
mod weight;

pub(crate) use embed::embed;
use start::{Asked, Plan};
pub use weight::CudaLinear;
use weight::Held;
pub(crate) use weight::{bits_per_weight, take};

/// What becomes of a product.
pub(crate) enum Into<'a> {
    /// It is the output.
    Float(&'a mut CudaTensor),
    /// It is added to the output: the residual.
    AddTo(&'a mut CudaTensor),
    /// Rounded, it is the output.
    Half(Half),
    /// Its GELU, rounded, is the output.
    Gelu(Gelu, Half),
}

/// Products of one input: `x w^T + bias` of every weight. May use the device's workspace: `x` and what halves come of
/// it lie elsewhere.
pub(crate) fn multiply(cuda: &Cuda, x: Half, products: &mut [(&CudaLinear, Into<'_>)]) {
    let asked: Vec<Asked<'_>> = products
        .iter()
        .map(|(weight, into)| Asked::new(weight, None, into))
        .collect();
    run(cuda, x, &asked);
}

/// `silu(x gate^T) * (x up^T)`; neither factor is stored. May use the device's workspace, as [`multiply`].
pub(crate) fn multiply_swiglu(cuda: &Cuda, x: Half, gate: &CudaLinear, up: &CudaLinear, out: Half) {
    assert!(gate.bias.is_none(), "the gate of a SwiGLU has no bias");
    run(cuda, x, &[Asked::new(up, Some(gate), &Into::Half(out))]);
}

fn run(cuda: &Cuda, x: Half, asked: &[Asked<'_>]) {
    let plan = Plan::new(cuda, x, asked);
    let room = match plan.room() {
        0 => 0,
        bytes => cuda.workspace(bytes),
    };
    plan.start(cuda, x.address, room);
}

/// `out = x w^T + bias`, x as it is or rounded on the way.
pub(crate) fn matmul(cuda: &Cuda, x: &CudaTensor, linear: &CudaLinear, out: &mut CudaTensor) {
    if let Held::Plain(dtype) = linear.held {
        return plain::matmul(cuda, x, linear, dtype, out);
    }
    let mut rounded = Half {
        address: 0,
        rows: x.rows(),
        columns: x.columns(),
    };
    let plan = Plan::new(
        cuda,
        rounded,
        &[Asked::new(linear, None, &Into::Float(out))],
    );
    // Both what is rounded and the parts of sums, one after the other.
    let after = rounded.bytes().next_multiple_of(256);
    rounded.address = cuda.workspace(after + plan.room());
    half::round(cuda, x, rounded);
    plan.start(cuda, rounded.address, rounded.address + after);
}
