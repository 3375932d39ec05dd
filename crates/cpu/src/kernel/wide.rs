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

pub(crate) mod scaled;

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

/// What int8 is multiplied as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integers {
    /// Four bytes a lane, in one instruction.
    Bytes,
    /// Two words of 16 bits a lane: where there is no such instruction that does not saturate.
    Words,
}

/// How integers beat [`floats`] on this tier, if they do.
pub(crate) fn integers(tier: Tier) -> Option<Integers> {
    match tier.level() {
        Level::Portable => None,
        Level::Avx2 | Level::Avx512 => Some(Integers::Words),
        Level::AvxVnni | Level::Avx512Vnni | Level::Avx512Bf16 | Level::Amx => {
            Some(Integers::Bytes)
        }
    }
}

/// `c += x w`, int8 by unsigned bytes (weights plus 128), over the inputs from `from` on, a multiple of 128. `w`:
/// up to 4 panels of quads, `[depth / 4][16][4]`; `scales`: their scales, `[panel][depth / 128][16]`.
pub(crate) fn bytes(
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
    let operands = Operands {
        x: x.values.as_ptr(),
        w: w.values.as_ptr().cast(),
        stride: 4 * w.stride,
        groups: w.depth / 32,
    };
    dispatch(
        tier,
        IntProduct::<1> {
            x,
            from,
            operands,
            panels: w.count,
            scales,
            c,
        },
    );
}

/// The same with words of 16 bits. `w`: up to 4 panels of pairs, `[depth / 2][16][2]`.
pub(crate) fn words(
    tier: Tier,
    x: Ints,
    from: usize,
    w: Panels<[u16; 2]>,
    scales: &[[f32; 16]],
    c: &mut Block,
) {
    assert!(x.rows == c.len() && from + 2 * w.depth <= x.depth && w.count <= 4);
    assert!(x.words.len() == x.values.len());
    assert!(from.is_multiple_of(128) && w.depth.is_multiple_of(64));
    assert!(scales.len() == w.count * w.depth / 64);
    let operands = Operands {
        x: x.words.as_ptr().cast(),
        w: w.values.as_ptr().cast(),
        stride: 4 * w.stride,
        groups: w.depth / 64,
    };
    dispatch(
        tier,
        IntProduct::<2> {
            x,
            from,
            operands,
            panels: w.count,
            scales,
            c,
        },
    );
}

/// `c += x w` of q4 as it is: halves of bytes, a scale and an offset per 32 inputs. `w`: up to 4 panels of quads,
/// `[depth / 4][16][4]`, all below 16; `steps`: their scales and offsets, `[panel][depth / 32]`.
pub(crate) fn halves(
    tier: Tier,
    x: Ints,
    from: usize,
    w: Panels<[u8; 4]>,
    steps: &[Steps],
    c: &mut Block,
) {
    assert!(x.rows == c.len() && from + 4 * w.depth <= x.depth && w.count <= 4);
    assert!(from.is_multiple_of(128) && w.depth.is_multiple_of(32));
    assert!(steps.len() == w.count * w.depth / 8);
    dispatch(
        tier,
        Halves {
            x,
            from,
            w,
            steps,
            c,
        },
    );
}

/// What a half of a byte stands for, by output: `w = half * scale - least`, both in [`crate::pack::UNIT`]s.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steps {
    pub(crate) scale: [f32; 16],
    pub(crate) least: [f32; 16],
}

struct Halves<'a> {
    x: Ints<'a>,
    from: usize,
    w: Panels<'a, [u8; 4]>,
    steps: &'a [Steps],
    c: &'a mut Block,
}

impl Kernel for Halves<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self {
            x,
            from,
            w,
            steps,
            c,
        } = self;
        // SAFETY: `halves` checked the sizes; the caller vouches for the instructions.
        unsafe { tiles!(L, x.rows, w.count, half_tile(x, from, w, steps, c)) }
    }
}

/// # Safety
/// Rows `row..row + M` and panels `panel..panel + N` exist; the processor has the instructions.
#[inline(always)]
unsafe fn half_tile<L: Lanes, const M: usize, const N: usize>(
    x: Ints,
    from: usize,
    w: Panels<[u8; 4]>,
    steps: &[Steps],
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    debug_assert!(row + M <= x.rows && panel + N <= w.count);
    let groups = w.depth / 8;
    // SAFETY: `Ints`, `Panels` and `steps` hold what they say; see above for the rest.
    unsafe {
        let none = [0; 64];
        for group in 0..groups {
            let input = from + 32 * group;
            let x_at = x.values.as_ptr().add(row * x.depth + input);
            let w_at = w.values.as_ptr().add(panel * w.stride + 128 * group);
            let mut sums = [[L::bytes(none.as_ptr()); N]; M];
            for k in 0..8 {
                let ws: [L::B; N] =
                    std::array::from_fn(|n| L::bytes(w_at.add(n * w.stride + 16 * k).cast()));
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = L::quad(x_at.add(m * x.depth + 4 * k));
                    for (sum, &w) in sums.iter_mut().zip(&ws) {
                        *sum = L::dot_halves(*sum, w, x);
                    }
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                let to = c.get_unchecked_mut(row + m).as_mut_ptr();
                let at = (row + m) * x.depth + input;
                let x_scale = L::splat(*x.scales.get_unchecked(at / 128));
                let x_sum = L::splat(*x.sums.get_unchecked(at / 32));
                for (n, &sum) in sums.iter().enumerate() {
                    let steps = steps.get_unchecked((panel + n) * groups + group);
                    let scale = L::mul(L::load(steps.scale.as_ptr()), x_scale);
                    let least = L::load(steps.least.as_ptr());
                    let to = to.add(16 * (panel + n));
                    let rest = L::mul_sub(least, x_sum, L::load(to));
                    L::store(to, L::mul_add(L::to_f(L::fold(sum)), scale, rest));
                }
            }
        }
    }
}

/// Where integers lie: as bytes, or as words, which take twice the room.
#[derive(Clone, Copy)]
struct Operands {
    x: *const i8,
    w: *const u8,
    /// From panel to panel, in bytes.
    stride: usize,
    /// Groups of 128 inputs.
    groups: usize,
}

/// `SIZE`: bytes of an integer.
struct IntProduct<'a, const SIZE: usize> {
    x: Ints<'a>,
    from: usize,
    operands: Operands,
    panels: usize,
    scales: &'a [[f32; 16]],
    c: &'a mut Block,
}

impl<const SIZE: usize> Kernel for IntProduct<'_, SIZE> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self {
            x,
            from,
            operands,
            panels,
            scales,
            c,
        } = self;
        // SAFETY: `bytes` and `words` checked the sizes; the caller vouches for the instructions.
        unsafe {
            match SIZE {
                1 => tiles!(L, x.rows, panels, byte_tile(x, from, operands, scales, c)),
                _ => tiles!(L, x.rows, panels, word_tile(x, from, operands, scales, c)),
            }
        }
    }
}

/// # Safety
/// As [`int_tile`].
#[inline(always)]
unsafe fn byte_tile<L: Lanes, const M: usize, const N: usize>(
    x: Ints,
    from: usize,
    operands: Operands,
    scales: &[[f32; 16]],
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { int_tile::<L, 1, M, N>(x, from, operands, scales, c, row, panel) }
}

/// # Safety
/// As [`int_tile`].
#[inline(always)]
unsafe fn word_tile<L: Lanes, const M: usize, const N: usize>(
    x: Ints,
    from: usize,
    operands: Operands,
    scales: &[[f32; 16]],
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { int_tile::<L, 2, M, N>(x, from, operands, scales, c, row, panel) }
}

/// # Safety
/// Rows `row..row + M` and panels `panel..panel + N` exist, in integers of `SIZE` bytes; the processor has the
/// instructions.
#[inline(always)]
unsafe fn int_tile<L: Lanes, const SIZE: usize, const M: usize, const N: usize>(
    x: Ints,
    from: usize,
    operands: Operands,
    scales: &[[f32; 16]],
    c: &mut Block,
    row: usize,
    panel: usize,
) {
    debug_assert!(row + M <= x.rows);
    let Operands {
        x: xs,
        w: ws,
        stride,
        groups,
    } = operands;
    // SAFETY: operands and `scales` hold what they say; see above for the rest.
    unsafe {
        let per_row = x.depth / 128;
        for group in 0..groups {
            let x_at = xs.add(SIZE * (row * x.depth + from + 128 * group));
            let w_at = ws.add(panel * stride + SIZE * 2048 * group);
            let factor = row * per_row + from / 128 + group;
            let mut sums = [[L::splat_i32(0); N]; M];
            for k in 0..32 * SIZE {
                let ws: [L::B; N] =
                    std::array::from_fn(|n| L::bytes(w_at.add(n * stride + 64 * k)));
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = L::quad(x_at.add(SIZE * m * x.depth + 4 * k));
                    for (sum, &w) in sums.iter_mut().zip(&ws) {
                        *sum = match SIZE {
                            1 => L::dot(*sum, w, x),
                            _ => L::dot_words(*sum, w, x),
                        };
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
