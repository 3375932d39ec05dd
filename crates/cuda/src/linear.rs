//! Products with weights.
//!
//! - [`weight`]: how a weight lies in the device's memory.
//! - `plain`: the reference's own arithmetic, for [`Precision::F32`].

use bytemuck::NoUninit;
use ops::backend::Gelu;

use crate::backend::{Cuda, Precision};
use crate::half::{self, Half};
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

mod plain;
mod weight;

pub(crate) use plain::embed;
pub use weight::CudaLinear;
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

impl Into<'_> {
    /// Where it goes, how many values apart rows are, and what the kernel calls it.
    fn parts(&self) -> (Half, usize, u32) {
        match self {
            Self::Float(out) => (out.as_place(), out.columns(), 0),
            Self::AddTo(out) => (out.as_place(), out.columns(), 1),
            Self::Half(out) => (*out, out.pitch(), 2),
            Self::Gelu(Gelu::Tanh, out) => (*out, out.pitch(), 3),
            Self::Gelu(Gelu::Erf, out) => (*out, out.pitch(), 4),
        }
    }
}

impl CudaTensor {
    fn as_place(&self) -> Half {
        Half {
            address: self.address(),
            rows: self.rows(),
            columns: self.columns(),
        }
    }
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Product {
    x: u64,
    weight: u64,
    gate: u64,
    bias: u64,
    out: u64,
    rows: u32,
    inputs: u32,
    outputs: u32,
    x_pitch: u32,
    pitch: u32,
    out_pitch: u32,
    then: u32,
    unused: u32,
}

fn product(cuda: &Cuda, x: Half, weight: &CudaLinear, gate: Option<&CudaLinear>, into: &Into<'_>) {
    let (out, out_pitch, then) = into.parts();
    assert_eq!(
        (x.columns, out.columns, out.rows),
        (weight.inputs, weight.outputs, x.rows),
        "shapes of a product"
    );
    let params = Product {
        x: x.address,
        weight: weight.weight.address(),
        gate: gate.map_or(0, |gate| gate.weight.address()),
        bias: weight.bias.as_ref().map_or(0, Buffer::address),
        out: out.address,
        rows: x.rows as u32,
        inputs: weight.inputs as u32,
        outputs: weight.outputs as u32,
        x_pitch: x.pitch() as u32,
        pitch: weight.pitch as u32,
        out_pitch: out_pitch as u32,
        then,
        unused: 0,
    };
    cuda.launch(
        "product_simple",
        Shape::each(x.rows * out_pitch, 256),
        &params,
    );
}

/// Products of one input: `x w^T + bias` of every weight. May use the device's workspace.
pub(crate) fn multiply(cuda: &Cuda, x: Half, products: &mut [(&CudaLinear, Into<'_>)]) {
    for (weight, into) in products {
        product(cuda, x, weight, None, into);
    }
}

/// `silu(x gate^T) * (x up^T)`. May use the device's workspace.
pub(crate) fn multiply_swiglu(cuda: &Cuda, x: Half, gate: &CudaLinear, up: &CudaLinear, out: Half) {
    assert_eq!(
        (gate.inputs, gate.outputs),
        (up.inputs, up.outputs),
        "a gate of the shape of what it scales"
    );
    product(cuda, x, up, Some(gate), &Into::Half(out));
}

/// `out = x w^T + bias`, x as it is or rounded on the way.
pub(crate) fn matmul(cuda: &Cuda, x: &CudaTensor, linear: &CudaLinear, out: &mut CudaTensor) {
    if cuda.precision() == Precision::F32 {
        return plain::matmul(cuda, x, linear, out);
    }
    let mut rounded = Half {
        address: 0,
        rows: x.rows(),
        columns: x.columns(),
    };
    rounded.address = cuda.workspace(rounded.bytes());
    half::round(cuda, x, rounded);
    multiply(cuda, rounded, &mut [(linear, Into::Float(out))]);
}
