//! Where things lie in a panel of q4 or q8: in blocks of 256 inputs, the scales of a block beside its weights.
//!
//! A thread then reads one stream from the first byte of its panels to the last. With all scales at the end of each
//! panel it read two, and the processor's own reading ahead, which follows one stream to its full speed, brought
//! little more than half of what the memory gives (`bench/records/2026-11-21-epyc-2-cores.md`).

use bytemuck::{Pod, Zeroable};
use half::f16;

use super::{GROUP, PANEL, Q4_BLOCK, Q4_GROUP};

/// Four inputs of 16 outputs in bytes, or eight in halves of bytes.
pub(crate) type Quad = [[u8; 4]; PANEL];

/// 256 inputs of 16 outputs in halves of bytes: 37 lines.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Q4 {
    /// The low halves of a quad's bytes are four inputs, the high halves the next four.
    pub(super) quads: [Quad; Q4_BLOCK / 8],
    /// s and m of each group of 32 inputs.
    pub(super) scales: [[u8; PANEL]; Q4_BLOCK / Q4_GROUP],
    pub(super) leasts: [[u8; PANEL]; Q4_BLOCK / Q4_GROUP],
    /// d and dm.
    pub(super) unit: [f16; PANEL],
    pub(super) least_unit: [f16; PANEL],
}

impl Q4 {
    /// Where in a block s, m, d and dm begin.
    pub(crate) const SCALES: usize = std::mem::offset_of!(Self, scales);
    pub(crate) const LEASTS: usize = std::mem::offset_of!(Self, leasts);
    pub(crate) const UNIT: usize = std::mem::offset_of!(Self, unit);
    pub(crate) const LEAST_UNIT: usize = std::mem::offset_of!(Self, least_unit);

    /// The blocks of a panel.
    pub(super) fn of(panel: &[u8]) -> &[Self] {
        bytemuck::cast_slice(panel)
    }

    /// The quads of the group of 32 inputs that begins at `from`.
    #[inline(always)]
    pub(super) fn group(blocks: &[Self], from: usize) -> &[Quad] {
        let first = from % Q4_BLOCK / 8;
        &blocks[from / Q4_BLOCK].quads[first..first + Q4_GROUP / 8]
    }
}

/// Two groups of 128 inputs of 16 outputs in bytes: their float16 scales, `[2][16]`, then 64 quads. A panel of an odd
/// number of groups ends with a block of one, which has room for two scales all the same.
pub(crate) struct Q8;

impl Q8 {
    /// Inputs of a block.
    pub(crate) const INPUTS: usize = 2 * GROUP;
    /// Bytes before its quads.
    pub(crate) const SCALES: usize = 2 * 2 * PANEL;
    /// Its bytes.
    pub(crate) const BYTES: usize = Self::SCALES + Self::INPUTS * PANEL;

    /// Bytes of a panel.
    pub(super) const fn panel_bytes(depth: usize) -> usize {
        depth.div_ceil(Self::INPUTS) * Self::SCALES + depth * PANEL
    }

    /// The byte of a panel at which the quads of the inputs from `from` on begin. They are contiguous up to the next
    /// multiple of 256 inputs.
    #[inline(always)]
    pub(crate) const fn quads_at(from: usize) -> usize {
        from / Self::INPUTS * Self::BYTES + Self::SCALES + from % Self::INPUTS * PANEL
    }

    /// The byte of a panel at which the scales of the group of `from` begin.
    #[inline(always)]
    pub(crate) const fn scales_at(from: usize) -> usize {
        from / Self::INPUTS * Self::BYTES + from % Self::INPUTS / GROUP * 2 * PANEL
    }

    /// `count` inputs from `from` on, within a block.
    #[inline(always)]
    pub(super) fn quads(panel: &[u8], from: usize, count: usize) -> &[Quad] {
        bytemuck::cast_slice(&panel[Self::quads_at(from)..][..count * PANEL])
    }

    /// The scales of the group of `from`.
    #[inline(always)]
    pub(super) fn scales(panel: &[u8], from: usize) -> &[f16; PANEL] {
        bytemuck::from_bytes(&panel[Self::scales_at(from)..][..2 * PANEL])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines_and_follow_each_other_without_a_gap() {
        assert_eq!(size_of::<Q4>(), 37 * 64);
        assert!(Q8::BYTES.is_multiple_of(64) && Q8::SCALES.is_multiple_of(64));
        for groups in 1..8 {
            let mut next = 0;
            for from in (0..groups * GROUP).step_by(GROUP) {
                if from.is_multiple_of(Q8::INPUTS) {
                    assert_eq!(Q8::scales_at(from), next);
                    next += Q8::SCALES;
                } else {
                    assert_eq!(
                        Q8::scales_at(from) + 2 * PANEL,
                        Q8::scales_at(from - GROUP) + Q8::SCALES
                    );
                }
                assert_eq!(Q8::quads_at(from), next);
                next += GROUP * PANEL;
            }
            assert_eq!(Q8::panel_bytes(groups * GROUP), next);
        }
    }
}
