//! How weights lie in memory, in one layout for all instruction sets.
//!
//! Sixteen outputs make a panel; a panel's bytes are contiguous, so a thread that computes some outputs reads one
//! stream. Inside a panel the sixteen outputs lie beside each other (they are the lanes of a vector) and the
//! inputs follow one another, in the groups in which instructions sum them:
//!
//! | kind | 64 bytes hold | inputs padded to | among them |
//! |------|---------------|------------------|------------|
//! | f32  | 1 input of 16 outputs | 1 | |
//! | bf16 | 2 inputs of 16 outputs, `[16][2]` (also the tile layout of AMX) | 32 | |
//! | q8   | 4 inputs of 16 outputs, `[16][4]`, each plus 128 | 128 | before every 256 inputs: their float16 scales, 16 per 128 inputs ([`blocks::Q8`]) |
//! | q4   | 8 inputs of 16 outputs: the low halves of the bytes are `[16][4]` of the first four | 256 | after every 256 inputs: their scales ([`blocks::Q4`]) |
//!
//! q8: `w = (byte - 128) * scale`. q4, in groups of 32 inputs: `w = half * d * s - m * dm` with one byte s and m
//! per group and output, and float16 d and dm per 256 inputs and output. Float16 scales are stored times 4096
//! ([`UNIT`]), because scales of small weights would be subnormal.
//! Which numbers come closest is said in `quant`. Padding is zero and multiplies zeros. The last panel is padded with outputs of zero.

pub(crate) mod blocks;
mod expand;
mod fill;
mod pairs;

use formats::{AlignedBytes, Blob, Tensor};

pub(crate) use expand::{expand_bytes, expand_f32, expand_halves, scales_of, widen};
pub(crate) use pairs::expand_pairs;
pub(crate) use quant::{GROUP, Q4_BLOCK, Q4_GROUP, UNIT};

use crate::pool::Pool;
use crate::tier::Tier;

/// Changes whenever bytes of any kind get another meaning; part of the key of packed weights on disk.
pub const LAYOUT_VERSION: u32 = 2;

/// Outputs per panel: the lanes of a vector.
pub(crate) const PANEL: usize = 16;

/// How a weight is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    Bf16,
    Q8,
    Q4,
}

impl Kind {
    /// As it is named in a file of packed weights.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }

    /// Inputs with their padding.
    pub(crate) fn depth(self, inputs: usize) -> usize {
        inputs.next_multiple_of(match self {
            Self::F32 => 1,
            Self::Bf16 => 32,
            Self::Q8 => GROUP,
            Self::Q4 => Q4_BLOCK,
        })
    }

    /// Bytes of a panel; a multiple of 64.
    pub(crate) fn panel_bytes(self, inputs: usize) -> usize {
        let depth = self.depth(inputs);
        match self {
            Self::F32 => depth * 64,
            Self::Bf16 => depth * 32,
            Self::Q8 => blocks::Q8::panel_bytes(depth),
            Self::Q4 => depth / Q4_BLOCK * size_of::<blocks::Q4>(),
        }
    }
}

/// A weight in panels.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) kind: Kind,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    bytes: Blob,
}

impl Packed {
    /// Takes bytes that were packed before; `None` if they are not as many as such a weight has.
    pub(crate) fn of(kind: Kind, outputs: usize, inputs: usize, bytes: Blob) -> Option<Self> {
        let size = outputs
            .div_ceil(PANEL)
            .checked_mul(kind.panel_bytes(inputs))?;
        (bytes.len() == size).then_some(Self {
            kind,
            outputs,
            inputs,
            bytes,
        })
    }

    /// Packs a weight `[outputs, inputs]`.
    pub(crate) fn new(kind: Kind, weight: &Tensor, tier: Tier, pool: &Pool) -> Self {
        let [outputs, inputs] = *weight.shape() else {
            panic!("a linear weight has two axes")
        };
        let panel_bytes = kind.panel_bytes(inputs);
        let panels = outputs.div_ceil(PANEL);
        let mut bytes = AlignedBytes::zeroed(panels * panel_bytes);
        fill::fill(kind, weight, &mut bytes, tier, pool);
        Self {
            kind,
            outputs,
            inputs,
            bytes: bytes.into(),
        }
    }

    /// All bytes, for writing them to disk.
    pub(crate) fn bytes(&self) -> Blob {
        self.bytes.clone()
    }

    /// Inputs with their padding.
    pub(crate) fn depth(&self) -> usize {
        self.kind.depth(self.inputs)
    }

    /// Panels.
    pub(crate) fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// The bytes of one panel.
    pub(crate) fn panel(&self, panel: usize) -> &[u8] {
        let size = self.kind.panel_bytes(self.inputs);
        &self.bytes[panel * size..(panel + 1) * size]
    }

    /// The bytes from one panel on, and the bytes of a panel.
    pub(crate) fn panels_from(&self, panel: usize) -> (&[u8], usize) {
        let size = self.kind.panel_bytes(self.inputs);
        (&self.bytes[panel * size..], size)
    }

    /// Output `index` over all inputs: a row of an embedding.
    pub(crate) fn row(&self, index: usize, out: &mut [f32]) {
        let (panel, lane) = (self.panel(index / PANEL), index % PANEL);
        match self.kind {
            Kind::F32 => {
                let values: &[[f32; PANEL]] = bytemuck::cast_slice(panel);
                out.iter_mut().zip(values).for_each(|(to, v)| *to = v[lane]);
            }
            Kind::Bf16 => {
                let pairs: &[[u32; PANEL]] = bytemuck::cast_slice(panel);
                for (to, pair) in out.chunks_mut(2).zip(pairs) {
                    let pair = pair[lane];
                    let both = [pair << 16, pair & 0xffff_0000].map(f32::from_bits);
                    to.copy_from_slice(&both[..to.len()]);
                }
            }
            Kind::Q8 => expand::row_q8(panel, lane, out),
            Kind::Q4 => expand::row_q4(panel, lane, out),
        }
    }
}
