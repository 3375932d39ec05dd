//! AVX-512 BF16: 16 lanes, each the sum of a pair of bfloat16 products (`vdpbf16ps`), so tiles of 4 x 6.
//!
//! Nothing here may be called before detection; `Tier` is the proof.

use std::arch::x86_64::*;

use half::bf16;

use super::dots::Dot;
use super::{Out, Rows};

/// Bfloat16 by bfloat16, 32 values along k per vector.
struct Pairs;

#[inline(always)]
unsafe fn load(from: *const bf16) -> __m512bh {
    // SAFETY: the caller has 32 values there; the two vector types have the same bits.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_loadu_si512(from.cast())) }
}

#[inline(always)]
unsafe fn load_part(from: *const bf16, count: usize) -> __m512bh {
    let mask = ((1_u64 << count) - 1) as __mmask32;
    // SAFETY: the caller has `count` values there; masked lanes are not touched; the two vector types
    // have the same bits.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_maskz_loadu_epi16(mask, from.cast())) }
}

impl Dot for Pairs {
    type X = bf16;
    type W = bf16;
    type Vector = __m512bh;
    type Sums = __m512;
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load_x(from: *const bf16) -> __m512bh {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { load(from) }
    }

    #[inline(always)]
    unsafe fn load_w(from: *const bf16) -> __m512bh {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { load(from) }
    }

    #[inline(always)]
    unsafe fn load_x_part(from: *const bf16, count: usize) -> __m512bh {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn load_w_part(from: *const bf16, count: usize) -> __m512bh {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: __m512, x: __m512bh, w: __m512bh) -> __m512 {
        // SAFETY: callers are compiled for AVX-512 BF16.
        unsafe { _mm512_dpbf16_ps(sums, x, w) }
    }

    #[inline(always)]
    unsafe fn total(sums: __m512) -> f32 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_reduce_add_ps(sums) }
    }
}

#[target_feature(enable = "avx512bf16,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn dots_rounded(x: Rows<bf16>, w: Rows<bf16>, out: &mut Out, accumulate: bool) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::dots::blocks::<Pairs, 4, 6>(x, w, out, accumulate) }
}
