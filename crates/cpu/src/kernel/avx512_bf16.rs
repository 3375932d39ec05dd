//! AVX-512 BF16: products of pairs of bfloat16, summed in float32.

use std::arch::x86_64::*;

use half::bf16;

use super::wide::Block;
use super::{Panels, Rows};

#[target_feature(enable = "avx512bf16,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn pairs(x: Rows<bf16>, w: Panels<u32>, c: &mut Block) {
    // SAFETY: this function is compiled for the instructions; the caller checked the sizes.
    unsafe {
        match w.count {
            4 => rows::<4>(x, w, c),
            3 => rows::<3>(x, w, c),
            2 => rows::<2>(x, w, c),
            _ => rows::<1>(x, w, c),
        }
    }
}

#[inline(always)]
unsafe fn rows<const N: usize>(x: Rows<bf16>, w: Panels<u32>, c: &mut Block) {
    let mut row = 0;
    // SAFETY: each tile ends inside the rows.
    unsafe {
        while row + 6 <= x.count {
            tile::<6, N>(x, w, c, row);
            row += 6;
        }
        match x.count - row {
            5 => tile::<5, N>(x, w, c, row),
            4 => tile::<4, N>(x, w, c, row),
            3 => tile::<3, N>(x, w, c, row),
            2 => tile::<2, N>(x, w, c, row),
            1 => tile::<1, N>(x, w, c, row),
            _ => {}
        }
    }
}

/// # Safety
/// Rows `row..row + M` and `N` panels exist; callers are compiled for AVX-512 BF16.
#[inline(always)]
unsafe fn tile<const M: usize, const N: usize>(
    x: Rows<bf16>,
    w: Panels<u32>,
    c: &mut Block,
    row: usize,
) {
    debug_assert!(row + M <= x.count && N <= w.count && x.columns == 2 * w.depth);
    // SAFETY: `Rows` and `Panels` hold what they say: every pair and step below `depth` lies inside.
    unsafe {
        let x_at = x.values.as_ptr().add(row * x.stride);
        let w_at = w.values.as_ptr();
        let bits = |vector: __m512i| std::mem::transmute::<__m512i, __m512bh>(vector);
        let mut sums = [[_mm512_setzero_ps(); N]; M];
        for k in 0..w.depth {
            let ws: [__m512bh; N] = std::array::from_fn(|n| {
                bits(_mm512_loadu_si512(w_at.add(n * w.stride + 16 * k).cast()))
            });
            for (m, sums) in sums.iter_mut().enumerate() {
                let pair = x_at
                    .add(m * x.stride + 2 * k)
                    .cast::<i32>()
                    .read_unaligned();
                let x = bits(_mm512_set1_epi32(pair));
                for (sum, &w) in sums.iter_mut().zip(&ws) {
                    *sum = _mm512_dpbf16_ps(*sum, x, w);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            for (n, &sum) in sums.iter().enumerate() {
                let to = c[row + m].as_mut_ptr().add(16 * n);
                _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sum));
            }
        }
    }
}

/// Twelve sums, none of which waits for another, `steps` times.
#[target_feature(enable = "avx512bf16,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn probe(steps: usize) {
    let one = std::hint::black_box(0x3f80_3f80);
    // SAFETY: both are 64 bytes of any value.
    let x = unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_set1_epi32(one)) };
    let mut sums = [_mm512_setzero_ps(); 12];
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, x, x);
        }
    }
    for sum in sums {
        std::hint::black_box(_mm512_reduce_add_ps(sum));
    }
}
