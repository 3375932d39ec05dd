//! Where a tower takes its weights from: a checkpoint, or random values of the same shapes for
//! measuring speed. The names are those of the released checkpoints.

use formats::{Checkpoint, Tensor};

/// Something that has weights by name.
pub trait Weights {
    /// The tensor `name`, which must have exactly this shape and a float dtype.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, formats::Error>;
}

impl Weights for Checkpoint {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, formats::Error> {
        Checkpoint::tensor(self, name, shape)
    }
}

/// Random bfloat16 weights of any shape asked for: norm weights are one, biases zero, the rest uniform with a
/// standard deviation of 0.02, so that values stay finite through many layers.
#[derive(Debug, Clone, Copy)]
pub struct RandomWeights {
    /// The same seed gives the same weights.
    pub seed: u64,
}

impl Weights for RandomWeights {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, formats::Error> {
        let elements: usize = shape.iter().product();
        let block: Vec<u8> = if shape.len() == 1 {
            let constant = if name.ends_with(".bias") { 0.0 } else { 1.0 };
            half::bf16::from_f32(constant).to_le_bytes().to_vec()
        } else {
            // A block of values, repeated: filling gigabytes one by one takes minutes, and no kernel's
            // speed depends on whether rows repeat after a million values.
            let mut state = self.seed ^ name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
            let values = std::iter::repeat_with(|| uniform(&mut state).to_le_bytes());
            values.take(elements.min(1 << 20)).flatten().collect()
        };
        let size = elements * size_of::<half::bf16>();
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            bytes.extend_from_slice(&block[..block.len().min(size - bytes.len())]);
        }
        Tensor::from_bytes(formats::Dtype::Bf16, shape, bytes)
    }
}

fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// A value in +-0.02 sqrt(3), from a multiplicative xorshift generator.
fn uniform(state: &mut u64) -> half::bf16 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    let bits = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
    let unit = bits as f32 / (1 << 24) as f32;
    half::bf16::from_f32((unit * 2.0 - 1.0) * 0.034_64)
}
