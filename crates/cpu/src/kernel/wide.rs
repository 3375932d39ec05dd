//! Many rows meet up to four panels. Tiles of 6 rows by 4 panels (6 by 1 with 16 registers) keep their sums in
//! registers along a slice of the inputs that stays, panels and all, in the first-level cache.

use super::lanes::Lanes;
use super::{Ints, Kernel, Panels, Rows, dispatch};
use crate::tier::{Level, Tier};

/// Where a wide product is written: up to 64 outputs per row.
pub(crate) type Block = [[f32; 64]];

/// Calls `$tile::<L, M, N>` for every tile of `$rows` rows and `$panels` panels.
macro_rules! tiles {
    ($l:ty, $rows:expr, $panels:expr, $tile:ident($($argument:expr),*)) => {{
        let (rows, panels): (usize, usize) = ($rows, $panels);
        match <$l>::TILE {
            (6, 4) => match panels {
                4 => tiles!(@six $l, rows, 4, 0, $tile($($argument),*)),
                3 => tiles!(@six $l, rows, 3, 0, $tile($($argument),*)),
                2 => tiles!(@six $l, rows, 2, 0, $tile($($argument),*)),
                _ => tiles!(@six $l, rows, 1, 0, $tile($($argument),*)),
            },
            (6, _) => {
                for panel in 0..panels {
                    tiles!(@six $l, rows, 1, panel, $tile($($argument),*));
                }
            }
            _ => {
                for panel in 0..panels {
                    for row in 0..rows / 2 {
                        $tile::<$l, 2, 1>($($argument,)* 2 * row, panel);
                    }
                    if rows % 2 == 1 {
                        $tile::<$l, 1, 1>($($argument,)* rows - 1, panel);
                    }
                }
            }
        }
    }};
    (@six $l:ty, $rows:expr, $n:literal, $panel:expr, $tile:ident($($argument:expr),*)) => {{
        let whole = $rows / 6 * 6;
        let mut row = 0;
        while row < whole {
            $tile::<$l, 6, $n>($($argument,)* row, $panel);
            row += 6;
        }
        match $rows - whole {
            1 => $tile::<$l, 1, $n>($($argument,)* row, $panel),
            2 => $tile::<$l, 2, $n>($($argument,)* row, $panel),
            3 => $tile::<$l, 3, $n>($($argument,)* row, $panel),
            4 => $tile::<$l, 4, $n>($($argument,)* row, $panel),
            5 => $tile::<$l, 5, $n>($($argument,)* row, $panel),
            _ => {}
        }
    }};
}

/// `c += x w`, both float32. `x`: [rows, depth]; `w`: up to 4 panels of that depth; `c`: `[rows]`.
pub(crate) fn floats(tier: Tier, x: Rows<f32>, w: Panels<f32>, c: &mut Block) {
    assert!(x.count == c.len() && x.columns == w.depth && w.count <= 4);
    dispatch(tier, Floats { x, w, c });
}

struct Floats<'a> {
    x: Rows<'a, f32>,
    w: Panels<'a, f32>,
    c: &'a mut Block,
}

impl Kernel for Floats<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { x, w, c } = self;
        // SAFETY: `floats` checked that rows and panels are as deep as each other and that `c` has every row; the
        // caller vouches for the instructions.
        unsafe { tiles!(L, x.count, w.count, float_tile(x, w, c)) }
    }
}

/// # Safety
/// Rows `row..row + M` and panels `panel..panel + N` exist; the processor has the instructions.
#[inline(always)]
unsafe fn float_tile<L: Lanes, const M: usize, const N: usize>(
    x: Rows<f32>,
    w: Panels<f32>,
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    debug_assert!(row + M <= x.count && panel + N <= w.count);
    // SAFETY: `Rows` and `Panels` hold what they say; see above for the rest.
    unsafe {
        let x_at = x.values.as_ptr().add(row * x.stride);
        let w_at = w.values.as_ptr().add(panel * w.stride);
        let mut sums = [[L::zero(); N]; M];
        for k in 0..w.depth {
            let ws: [L::F; N] = std::array::from_fn(|n| L::load(w_at.add(n * w.stride + 16 * k)));
            for (m, sums) in sums.iter_mut().enumerate() {
                let x = L::splat(*x_at.add(m * x.stride + k));
                for (sum, &w) in sums.iter_mut().zip(&ws) {
                    *sum = L::mul_add(x, w, *sum);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            for (n, &sum) in sums.iter().enumerate() {
                let to = c[row + m].as_mut_ptr().add(16 * (panel + n));
                L::store(to, L::add(L::load(to), sum));
            }
        }
    }
}

/// Whether [`pairs`] exists on this tier.
pub(crate) fn multiplies_pairs(tier: Tier) -> bool {
    tier.level() >= Level::Avx512Bf16
}

/// `c += x w`, both bfloat16, sums in float32. `x`: [rows, 2 depth]; `w`: up to 4 panels of `depth` pairs.
#[cfg(target_arch = "x86_64")]
pub(crate) fn pairs(tier: Tier, x: Rows<half::bf16>, w: Panels<u32>, c: &mut Block) {
    assert!(multiplies_pairs(tier));
    assert!(x.count == c.len() && x.columns == 2 * w.depth && w.count <= 4);
    // SAFETY: the tier proves that the processor has the instructions.
    unsafe { super::avx512_bf16::pairs(x, w, c) }
}

/// Elsewhere no tier multiplies pairs.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn pairs(_: Tier, _: Rows<half::bf16>, _: Panels<u32>, _: &mut Block) {
    unreachable!("no tier multiplies pairs")
}

/// Multiplies pairs in registers, for [`crate::ceiling`]: 12 sums of 16 lanes, `steps` times.
#[cfg(target_arch = "x86_64")]
pub(crate) fn probe_pairs(tier: Tier, steps: usize) {
    assert!(multiplies_pairs(tier));
    // SAFETY: the tier proves that the processor has the instructions.
    unsafe { super::avx512_bf16::probe(steps) }
}

/// Elsewhere no tier multiplies pairs.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn probe_pairs(_: Tier, _: usize) {
    unreachable!("no tier multiplies pairs")
}

/// Whether [`ints`] beats [`floats`] on this tier.
pub(crate) fn multiplies_ints(tier: Tier) -> bool {
    matches!(
        tier.level(),
        Level::AvxVnni | Level::Avx512Vnni | Level::Avx512Bf16 | Level::Amx
    )
}

/// `c += x w`, int8 by unsigned bytes (weights plus 128), over the inputs from `from` on, a multiple of 128. `w`:
/// up to 4 panels of quads, `[depth / 4][16][4]`; `scales`: their scales, `[panel][depth / 128][16]`.
pub(crate) fn ints(
    tier: Tier,
    x: Ints,
    from: usize,
    w: Panels<[u8; 4]>,
    scales: &[[f32; 16]],
    c: &mut Block,
) {
    assert!(x.rows == c.len() && from + 4 * w.depth <= x.depth && w.count <= 4);
    assert!(from.is_multiple_of(128) && w.depth.is_multiple_of(32));
    assert!(scales.len() == w.count * w.depth / 32);
    dispatch(
        tier,
        IntsByBytes {
            x,
            from,
            w,
            scales,
            c,
        },
    );
}

struct IntsByBytes<'a> {
    x: Ints<'a>,
    from: usize,
    w: Panels<'a, [u8; 4]>,
    scales: &'a [[f32; 16]],
    c: &'a mut Block,
}

impl Kernel for IntsByBytes<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self {
            x,
            from,
            w,
            scales,
            c,
        } = self;
        // SAFETY: `ints` checked the sizes; the caller vouches for the instructions.
        unsafe { tiles!(L, x.rows, w.count, int_tile(x, from, w, scales, c)) }
    }
}

/// # Safety
/// Rows `row..row + M` and panels `panel..panel + N` exist; the processor has the instructions.
#[inline(always)]
unsafe fn int_tile<L: Lanes, const M: usize, const N: usize>(
    x: Ints,
    from: usize,
    w: Panels<[u8; 4]>,
    scales: &[[f32; 16]],
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    debug_assert!(row + M <= x.rows && panel + N <= w.count);
    let groups = w.depth / 32;
    // SAFETY: `Ints`, `Panels` and `scales` hold what they say; see above for the rest.
    unsafe {
        let per_row = x.depth / 128;
        for group in 0..groups {
            let x_at = x.values.as_ptr().add(row * x.depth + from + 128 * group);
            let w_at = w.values.as_ptr().add(panel * w.stride + 512 * group);
            let factor = row * per_row + from / 128 + group;
            let mut sums = [[L::splat_i32(0); N]; M];
            for k in 0..32 {
                let ws: [L::B; N] =
                    std::array::from_fn(|n| L::bytes(w_at.add(n * w.stride + 16 * k).cast()));
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = L::quad(x_at.add(m * x.depth + 4 * k));
                    for (sum, &w) in sums.iter_mut().zip(&ws) {
                        *sum = L::dot(*sum, w, x);
                    }
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                let to = c.get_unchecked_mut(row + m).as_mut_ptr();
                let x_scale = L::splat(*x.scales.get_unchecked(factor + m * per_row));
                // Weights count 128 too many each: take the sum of x that often off.
                let surplus = L::splat_i32(-128 * *x.totals.get_unchecked(factor + m * per_row));
                for (n, &sum) in sums.iter().enumerate() {
                    let scale = scales.get_unchecked((panel + n) * groups + group);
                    let scale = L::mul(L::load(scale.as_ptr()), x_scale);
                    let to = to.add(16 * (panel + n));
                    let sum = L::to_f(L::add_i(sum, surplus));
                    L::store(to, L::mul_add(sum, scale, L::load(to)));
                }
            }
        }
    }
}
