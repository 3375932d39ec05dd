//! Weights on a device.

use ::half::bf16;
use formats::{Dtype, Tensor};
use ops::backend::{BackendError, LinearWeight, Sensitivity};

use crate::backend::{Cuda, Precision};
use crate::half::PIECE;
use crate::memory::Buffer;

/// A weight `[out, in]`. A clone is another handle of the same memory.
#[derive(Clone)]
pub struct CudaLinear {
    pub(super) weight: Buffer,
    pub(super) bias: Option<Buffer>,
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    /// Values from a row to the next.
    pub(super) pitch: usize,
    /// In bfloat16, not float32.
    pub(super) half: bool,
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
    let plain = cuda.precision() == Precision::F32;
    let pitch = match plain {
        true => inputs,
        false => inputs.next_multiple_of(PIECE),
    };
    let weight = match (plain, half) {
        (_, true) if pitch == inputs => cuda.kept(given.weight.bytes(), "weights")?,
        (true, _) => cuda.kept(bytemuck::cast_slice(&given.weight.to_f32()), "weights")?,
        (false, _) => {
            let values = given.weight.to_f32();
            let mut rows = vec![bf16::ZERO; outputs * pitch];
            if inputs > 0 {
                for (row, values) in rows.chunks_mut(pitch).zip(values.chunks(inputs)) {
                    for (to, value) in row.iter_mut().zip(values) {
                        *to = bf16::from_f32(*value);
                    }
                }
            }
            let words: Vec<u16> = rows.into_iter().map(bf16::to_bits).collect();
            cuda.kept(bytemuck::cast_slice(&words), "weights")?
        }
    };
    let bias = given.bias.map(Tensor::to_f32);
    let bias = bias.map(|bias| cuda.kept(bytemuck::cast_slice(&bias), "weights"));
    given.weight.release();
    Ok(CudaLinear {
        weight,
        bias: bias.transpose()?,
        outputs,
        inputs,
        pitch,
        half: half || !plain,
    })
}
