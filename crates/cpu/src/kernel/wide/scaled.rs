//! Words of 16 bits with one scale per row and one per output, which is what attention multiplies where there are no
//! pairs of bfloat16. Both are as large as a sum of 32 bits allows, so they are at least as exact as those pairs.

use super::{Block, Lanes};
use crate::kernel::softmax::KEYS;
use crate::kernel::{Kernel, Panels, Rows, dispatch};
use crate::tier::Tier;

/// Queries, keys and values reach from minus this to this.
pub(crate) const MOST: i16 = 2047;
/// Weights of a block reach from zero to this.
pub(crate) const MOST_WEIGHT: i16 = 16383;
/// So many inputs fit a sum: of queries and keys these, of weights and values a block.
pub(crate) const MOST_INPUTS: usize = 512;

const _: () = {
    let products = MOST as i64 * MOST as i64 * MOST_INPUTS as i64;
    let weighted = MOST as i64 * MOST_WEIGHT as i64 * KEYS as i64;
    assert!(products <= i32::MAX as i64 && weighted <= i32::MAX as i64);
};

/// Panels of words, `[panels][depth][16]` pairs that follow each other along the inputs, and what a step of each output
/// counts.
#[derive(Clone, Copy)]
pub(crate) struct ScaledPanels<'a> {
    pub(crate) pairs: Panels<'a, u32>,
    /// `[panels]`
    pub(crate) scales: &'a [[f32; 16]],
}

/// `c += x w`, at most 4 panels. `x`: [rows, 2 depth]; `x_scales`: what a step of each row counts.
pub(crate) fn scaled(
    tier: Tier,
    x: Rows<i16>,
    x_scales: &[f32],
    w: ScaledPanels<'_>,
    c: &mut Block,
) {
    assert!(x.count == c.len() && x.count == x_scales.len());
    assert!(x.columns == 2 * w.pairs.depth && x.columns <= MOST_INPUTS);
    assert!(w.pairs.count <= 4 && w.pairs.count <= w.scales.len());
    dispatch(tier, Scaled { x, x_scales, w, c });
}

struct Scaled<'a> {
    x: Rows<'a, i16>,
    x_scales: &'a [f32],
    w: ScaledPanels<'a>,
    c: &'a mut Block,
}

impl Kernel for Scaled<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { x, x_scales, w, c } = self;
        // SAFETY: `scaled` checked the sizes; the caller vouches for the instructions.
        unsafe { tiles!(L, x.count, w.pairs.count, tile(x, x_scales, w, c)) }
    }
}

/// # Safety
/// Rows `row..row + M` and panels `panel..panel + N` exist; the processor has the instructions.
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize, const N: usize>(
    x: Rows<i16>,
    x_scales: &[f32],
    w: ScaledPanels<'_>,
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    debug_assert!(row + M <= x.count && panel + N <= w.pairs.count);
    // SAFETY: `Rows`, `Panels` and the scales hold what they say; see above for the rest.
    unsafe {
        let x_at = x.values.as_ptr().add(row * x.stride);
        let w_at = w.pairs.values.as_ptr().add(panel * w.pairs.stride);
        let mut sums = [[L::splat_i32(0); N]; M];
        for k in 0..w.pairs.depth {
            let ws: [L::B; N] =
                std::array::from_fn(|n| L::bytes(w_at.add(n * w.pairs.stride + 16 * k).cast()));
            for (m, sums) in sums.iter_mut().enumerate() {
                let x = L::quad(x_at.add(m * x.stride + 2 * k).cast());
                for (sum, &w) in sums.iter_mut().zip(&ws) {
                    *sum = L::dot_words(*sum, w, x);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let to = c.get_unchecked_mut(row + m).as_mut_ptr();
            let x_scale = L::splat(*x_scales.get_unchecked(row + m));
            for (n, &sum) in sums.iter().enumerate() {
                let scale = L::load(w.scales.get_unchecked(panel + n).as_ptr());
                let to = to.add(16 * (panel + n));
                let scale = L::mul(scale, x_scale);
                L::store(to, L::mul_add(L::to_f(sum), scale, L::load(to)));
            }
        }
    }
}
