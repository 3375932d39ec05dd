//! Weights on a device. For [`Precision::F32`] they lie as in the checkpoint; for the others in spans of 64 bytes, as
//! `kernels/product.cuh` says. Which numbers stand for a weight in 8 and 4 bits is the crate `quant`'s to say.

use formats::{Dtype, Tensor};
use ops::backend::{BackendError, LinearWeight, Sensitivity};
use quant::{GROUP, Q4_BLOCK, Q4_GROUP};

use super::pack::{Packed, pack};
use crate::backend::{Cuda, Precision};
use crate::memory::Buffer;

/// Bytes of a span.
pub(super) const SPAN: usize = 64;

/// A weight `[out, in]`. A clone is another handle of the same memory.
#[derive(Clone)]
pub struct CudaLinear {
    pub(super) values: Buffer,
    pub(super) scales: Option<Buffer>,
    pub(super) units: Option<Buffer>,
    pub(super) bias: Option<Buffer>,
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) held: Held,
}

/// How a weight is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Rows as they are, in float32 or bfloat16.
    Plain(Dtype),
    /// In spans.
    Spans(Form),
}

/// What a span holds. The numbers are the kernels'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bf16 = 0,
    Q8 = 1,
    Q4 = 2,
}

impl Form {
    pub(super) const ALL: [Self; 3] = [Self::Bf16, Self::Q8, Self::Q4];

    /// Inputs of a span.
    pub(super) fn span_inputs(self) -> usize {
        32 << self as usize
    }

    /// Inputs with their padding, which is zero.
    pub(super) fn depth(self, inputs: usize) -> usize {
        inputs.next_multiple_of(match self {
            Self::Bf16 => self.span_inputs(),
            Self::Q8 => GROUP,
            Self::Q4 => Q4_BLOCK,
        })
    }

    /// Spans of a row.
    pub(super) fn spans(self, inputs: usize) -> usize {
        self.depth(inputs) / self.span_inputs()
    }

    /// Scales of a row, 2 bytes each, and units, 4 bytes each.
    pub(super) fn scales(self, inputs: usize) -> (usize, usize) {
        let depth = self.depth(inputs);
        match self {
            Self::Bf16 => (0, 0),
            Self::Q8 => (depth / GROUP, 0),
            Self::Q4 => (depth / Q4_GROUP, depth / Q4_BLOCK),
        }
    }

    /// The same choice as on the CPU.
    fn of(precision: Precision, sensitivity: Sensitivity) -> Option<Self> {
        match (precision, sensitivity) {
            (Precision::F32, _) => None,
            (Precision::Bf16, _) => Some(Self::Bf16),
            (Precision::Q4, Sensitivity::Ordinary) => Some(Self::Q4),
            (Precision::Q4 | Precision::Q8, _) => Some(Self::Q8),
        }
    }
}

/// Bits that a weight of a bfloat16 checkpoint takes, scales included.
pub(crate) fn bits_per_weight(precision: Precision, sensitivity: Sensitivity) -> f64 {
    match Form::of(precision, sensitivity) {
        None | Some(Form::Bf16) => 16.0,
        Some(Form::Q8) => 8.0 + 16.0 / GROUP as f64,
        Some(Form::Q4) => 4.0 + 16.0 / Q4_GROUP as f64 + 32.0 / Q4_BLOCK as f64,
    }
}

pub(crate) fn take(cuda: &Cuda, given: &LinearWeight<'_>) -> Result<CudaLinear, BackendError> {
    let &[outputs, inputs] = given.weight.shape() else {
        panic!("a linear weight has two dimensions");
    };
    let bias = given.bias.map(Tensor::to_f32);
    let bias = bias.map(|bias| cuda.kept(bytemuck::cast_slice(&bias), "weights"));
    let (values, scales, units, held) = match Form::of(cuda.precision(), given.sensitivity) {
        None => {
            let (values, dtype) = plain(cuda, given.weight)?;
            (values, None, None, Held::Plain(dtype))
        }
        Some(form) => {
            let packed = pack(cuda, given.weight, form, outputs, inputs)?;
            let Packed {
                values,
                scales,
                units,
            } = packed;
            (values, scales, units, Held::Spans(form))
        }
    };
    given.weight.release();
    Ok(CudaLinear {
        values,
        scales,
        units,
        bias: bias.transpose()?,
        outputs,
        inputs,
        held,
    })
}

/// As the checkpoint has it.
fn plain(cuda: &Cuda, weight: &Tensor) -> Result<(Buffer, Dtype), BackendError> {
    if weight.dtype() == Dtype::Bf16 {
        return Ok((cuda.kept(weight.bytes(), "weights")?, Dtype::Bf16));
    }
    let values = weight.to_f32();
    let values = cuda.kept(bytemuck::cast_slice(&values), "weights")?;
    Ok((values, Dtype::F32))
}
