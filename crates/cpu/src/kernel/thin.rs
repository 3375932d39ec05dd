//! Up to four rows meet one panel as it streams by. Every row is computed as it would be alone, so how many
//! questions are answered at once changes no value.

use std::sync::atomic::{Ordering, compiler_fence};

use super::lanes::Lanes;
use super::{Ints, Kernel, Rows, dispatch};
use crate::pack::blocks::{Q4, Q8};
use crate::pack::{GROUP, Kind, PANEL, Q4_BLOCK};
use crate::tier::Tier;

/// The most rows of a call.
pub(crate) const MOST_ROWS: usize = 4;

/// How far ahead lines are asked for: two blocks of q4. One is late; four are no better.
const AHEAD: usize = 2 * size_of::<Q4>();

/// Sixteen outputs of each row.
pub(crate) type Outputs = [[f32; PANEL]];

/// `out = x w` for a panel of float32 or bfloat16, `x` in float32.
pub(crate) fn floats(tier: Tier, kind: Kind, x: Rows<f32>, panel: &[u8], out: &mut Outputs) {
    assert!(x.count == out.len() && x.count <= MOST_ROWS);
    assert!(panel.len() == kind.panel_bytes(x.columns));
    assert!(
        matches!(kind, Kind::F32 | Kind::Bf16),
        "bytes meet int8 activations"
    );
    let by_floats = ByFloats {
        kind,
        x,
        panel,
        out,
    };
    dispatch(tier, by_floats);
}

/// `out = x w` for a panel of q8 or q4. `depth`: the panel's, padded.
pub(crate) fn ints(tier: Tier, kind: Kind, x: Ints, depth: usize, panel: &[u8], out: &mut Outputs) {
    assert!(x.rows == out.len() && x.rows <= MOST_ROWS && depth <= x.depth);
    assert!(panel.len() == kind.panel_bytes(depth));
    assert!(
        matches!(kind, Kind::Q8 | Kind::Q4),
        "floats meet float activations"
    );
    let by_ints = ByInts {
        kind,
        x,
        depth,
        panel,
        out,
    };
    dispatch(tier, by_ints);
}

/// Calls `$run::<L, M>` with the number of rows.
macro_rules! by_rows {
    ($rows:expr, $run:ident::<$l:ty>($($argument:expr),*)) => {
        match $rows {
            1 => $run::<$l, 1>($($argument),*),
            2 => $run::<$l, 2>($($argument),*),
            3 => $run::<$l, 3>($($argument),*),
            4 => $run::<$l, 4>($($argument),*),
            _ => {}
        }
    };
}

struct ByFloats<'a> {
    kind: Kind,
    x: Rows<'a, f32>,
    panel: &'a [u8],
    out: &'a mut Outputs,
}

impl Kernel for ByFloats<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self {
            kind,
            x,
            panel,
            out,
        } = self;
        // SAFETY: `floats` checked the sizes; the caller vouches for the instructions.
        unsafe {
            match kind {
                Kind::Bf16 => by_rows!(x.count, pairs::<L>(x, panel, out)),
                _ => by_rows!(x.count, singles::<L>(x, panel, out)),
            }
        }
    }
}

struct ByInts<'a> {
    kind: Kind,
    x: Ints<'a>,
    depth: usize,
    panel: &'a [u8],
    out: &'a mut Outputs,
}

impl Kernel for ByInts<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self {
            kind,
            x,
            depth,
            panel,
            out,
        } = self;
        // SAFETY: `ints` checked the sizes; the caller vouches for the instructions.
        unsafe {
            match kind {
                Kind::Q8 => by_rows!(x.rows, bytes::<L>(x, depth, panel, out)),
                _ => by_rows!(x.rows, halves::<L>(x, depth, panel, out)),
            }
        }
    }
}

/// Keeps the compiler from moving loads across. It unrolls the loop over a block and mixes the block's lines as it
/// likes; a processor reads ahead along lines that are asked for one after another, and only then is it given what
/// the memory can give. No instruction comes of this.
#[inline(always)]
fn in_order() {
    compiler_fence(Ordering::SeqCst);
}

/// Asks for the line at this address before it is needed. A hint: where nothing is, nothing is read.
///
/// One row asks for its lines faster than memory brings them, and the processor reads ahead for it; a hint is then
/// in the way. With more rows there is arithmetic between one line and the next, the processor reads ahead no
/// further for it, and every line is waited for (`bench/records/2026-11-21-epyc-2-cores.md`).
#[inline(always)]
fn soon(line: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of every such processor, and the instruction faults on no address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

/// Four sums per row take turns, so that no addition waits for the one before.
#[inline(always)]
unsafe fn singles<L: Lanes, const M: usize>(x: Rows<f32>, panel: &[u8], out: &mut Outputs) {
    // SAFETY: the panel holds 16 values per input; `Rows` holds what it says.
    unsafe {
        let (x_at, w_at) = (x.values.as_ptr(), panel.as_ptr().cast::<f32>());
        let mut sums = [[L::zero(); 4]; M];
        let whole = x.columns / 4 * 4;
        for k in (0..whole).step_by(4) {
            for i in 0..4 {
                let w = L::load(w_at.add(16 * (k + i)));
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = L::splat(*x_at.add(m * x.stride + k + i));
                    sums[i] = L::mul_add(x, w, sums[i]);
                }
            }
        }
        for k in whole..x.columns {
            let w = L::load(w_at.add(16 * k));
            for (m, sums) in sums.iter_mut().enumerate() {
                sums[0] = L::mul_add(L::splat(*x_at.add(m * x.stride + k)), w, sums[0]);
            }
        }
        for (out, [a, b, c, d]) in out.iter_mut().zip(sums) {
            L::store(out.as_mut_ptr(), L::add(L::add(a, b), L::add(c, d)));
        }
    }
}

#[inline(always)]
unsafe fn pairs<L: Lanes, const M: usize>(x: Rows<f32>, panel: &[u8], out: &mut Outputs) {
    // SAFETY: the panel holds 16 pairs per two inputs, padded; `Rows` holds what it says.
    unsafe {
        let (x_at, w_at) = (x.values.as_ptr(), panel.as_ptr().cast::<u16>());
        let mut sums = [[L::zero(); 4]; M];
        let whole = x.columns / 4 * 4;
        for k in (0..whole).step_by(4) {
            if M > 1 {
                let lines = w_at.wrapping_add(16 * k).cast::<u8>();
                soon(lines.wrapping_add(AHEAD));
                soon(lines.wrapping_add(AHEAD + 64));
            }
            for half in 0..2 {
                let (first, second) = L::load_pairs(w_at.add(16 * (k + 2 * half)));
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = x_at.add(m * x.stride + k + 2 * half);
                    sums[2 * half] = L::mul_add(L::splat(*x), first, sums[2 * half]);
                    let at = 2 * half + 1;
                    sums[at] = L::mul_add(L::splat(*x.add(1)), second, sums[at]);
                }
            }
        }
        for k in whole..x.columns {
            let (first, second) = L::load_pairs(w_at.add(16 * (k / 2 * 2)));
            let w = if k % 2 == 0 { first } else { second };
            for (m, sums) in sums.iter_mut().enumerate() {
                sums[0] = L::mul_add(L::splat(*x_at.add(m * x.stride + k)), w, sums[0]);
            }
        }
        for (out, [a, b, c, d]) in out.iter_mut().zip(sums) {
            L::store(out.as_mut_ptr(), L::add(L::add(a, b), L::add(c, d)));
        }
    }
}

#[inline(always)]
unsafe fn bytes<L: Lanes, const M: usize>(x: Ints, depth: usize, panel: &[u8], out: &mut Outputs) {
    // SAFETY: the panel holds the blocks of `depth` inputs; `Ints` holds what it says.
    unsafe {
        let panel = panel.as_ptr();
        let per_row = x.depth / 128;
        let mut total = [L::zero(); M];
        for group in 0..depth / GROUP {
            let w_at = panel.add(Q8::quads_at(GROUP * group));
            let mut sums: [[L::I; 2]; M] = std::array::from_fn(|m| {
                let sum = *x.totals.get_unchecked(m * per_row + group);
                [L::splat_i32(-128 * sum), L::splat_i32(0)]
            });
            for k in 0..16 {
                let w = w_at.add(128 * k);
                let w = [L::bytes(w), L::bytes(w.add(64))];
                in_order();
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = x.values.as_ptr().add(m * x.depth + 128 * group + 8 * k);
                    for i in 0..2 {
                        sums[i] = L::dot(sums[i], w[i], L::quad(x.add(4 * i)));
                    }
                }
            }
            let scale = L::load_f16(panel.add(Q8::scales_at(GROUP * group)).cast());
            for (m, sums) in sums.iter().enumerate() {
                let scale = L::mul(
                    scale,
                    L::splat(*x.scales.get_unchecked(m * per_row + group)),
                );
                total[m] = L::mul_add(L::to_f(sums[0]), scale, total[m]);
                total[m] = L::mul_add(L::to_f(sums[1]), scale, total[m]);
            }
        }
        for (out, total) in out.iter_mut().zip(total) {
            L::store(out.as_mut_ptr(), total);
        }
    }
}

#[inline(always)]
unsafe fn halves<L: Lanes, const M: usize>(x: Ints, depth: usize, panel: &[u8], out: &mut Outputs) {
    // SAFETY: the panel holds the blocks of `depth` inputs; `Ints` holds what it says.
    unsafe {
        let per_row = x.depth / 128;
        let mut total = [L::zero(); M];
        for block in 0..depth / Q4_BLOCK {
            let w_at = panel.as_ptr().add(block * size_of::<Q4>());
            let mut least = [L::zero(); M];
            let d = L::load_f16(w_at.add(Q4::UNIT).cast());
            for half in 0..2 {
                let mut steps = [L::zero(); M];
                for group in 4 * half..4 * half + 4 {
                    if M > 1 {
                        // The lines of a block, and some twice.
                        let lines = w_at.wrapping_add(AHEAD);
                        (5 * group..5 * group + 5)
                            .for_each(|line| soon(lines.wrapping_add(64 * line)));
                    }
                    let mut sums = [[L::splat_i32(0); 2]; M];
                    for k in 0..4 {
                        let at = 64 * (4 * group + k);
                        let (low, high) = L::nibbles(L::bytes(w_at.add(at)));
                        in_order();
                        for (m, sums) in sums.iter_mut().enumerate() {
                            let input = Q4_BLOCK * block + 32 * group + 8 * k;
                            let x = x.values.as_ptr().add(m * x.depth + input);
                            sums[0] = L::dot_small(sums[0], low, L::quad(x));
                            sums[1] = L::dot_small(sums[1], high, L::quad(x.add(4)));
                        }
                    }
                    let s = L::load_u8(w_at.add(Q4::SCALES + PANEL * group));
                    let m_bytes = L::load_u8(w_at.add(Q4::LEASTS + PANEL * group));
                    for (m, sums) in sums.iter().enumerate() {
                        steps[m] = L::mul_add(L::to_f(L::add_i(sums[0], sums[1])), s, steps[m]);
                        let sum = *x.sums.get_unchecked(m * 4 * per_row + 8 * block + group);
                        least[m] = L::mul_add(m_bytes, L::splat(sum), least[m]);
                    }
                }
                for (m, &steps) in steps.iter().enumerate() {
                    let scale = *x.scales.get_unchecked(m * per_row + 2 * block + half);
                    total[m] = L::mul_add(L::mul(steps, d), L::splat(scale), total[m]);
                }
            }
            let dm = L::load_f16(w_at.add(Q4::LEAST_UNIT).cast());
            for (m, &least) in least.iter().enumerate() {
                total[m] = L::mul_sub(least, dm, total[m]);
            }
        }
        for (out, total) in out.iter_mut().zip(total) {
            L::store(out.as_mut_ptr(), total);
        }
    }
}
