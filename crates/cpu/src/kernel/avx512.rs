//! AVX-512 (F, BW, VL, DQ): 16 float32 lanes, 32 registers, so tiles of 4 x 6 sums.
//!
//! Nothing here may be called before detection; `Tier` is the proof.

use std::arch::x86_64::*;

use half::bf16;

use super::axpys::Lanes;
use super::dots::Dot;
use super::{Out, Rows, Work};

const LANES: usize = 16;

struct Avx512;

/// One bit for each of the first `count` lanes.
#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    ((1_u32 << count) - 1) as __mmask16
}

impl Lanes for Avx512 {
    type Vector = __m512;
    const COUNT: usize = LANES;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the caller has 16 values there.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> __m512 {
        // SAFETY: the caller has `count` values there; masked lanes are not touched.
        unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m512) {
        // SAFETY: the caller has room for 16 values there.
        unsafe { _mm512_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn store_part(to: *mut f32, count: usize, vector: __m512) {
        // SAFETY: the caller has room for `count` values there; masked lanes are not touched.
        unsafe { _mm512_mask_storeu_ps(to, mask(count), vector) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sum: __m512, a: __m512, b: __m512) -> __m512 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }
}

/// Float32 on the left; on the right anything that widens to it.
struct Widening<W>(std::marker::PhantomData<W>);

/// A right operand, widened while it is loaded.
trait Widen: Copy {
    /// 16 values. Caller: they are there.
    unsafe fn load(from: *const Self) -> __m512;
    /// `count < 16` values, the rest zero.
    unsafe fn load_part(from: *const Self, count: usize) -> __m512;
}

impl Widen for f32 {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the caller's promise is `Lanes::load`'s.
        unsafe { <Avx512 as Lanes>::load(from) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> __m512 {
        // SAFETY: the caller's promise is `Lanes::load_part`'s.
        unsafe { <Avx512 as Lanes>::load_part(from, count) }
    }
}

/// Bfloat16 is the upper half of a float32.
impl Widen for bf16 {
    #[inline(always)]
    unsafe fn load(from: *const bf16) -> __m512 {
        // SAFETY: the caller has 16 values there.
        unsafe { widen(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const bf16, count: usize) -> __m512 {
        // SAFETY: the caller has `count` values there; masked lanes are not touched.
        unsafe { widen(_mm256_maskz_loadu_epi16(mask(count), from.cast())) }
    }
}

#[inline(always)]
unsafe fn widen(values: __m256i) -> __m512 {
    // SAFETY: callers are compiled for AVX-512.
    unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(values))) }
}

impl<W: Widen> Dot for Widening<W> {
    type X = f32;
    type W = W;
    type Vector = __m512;
    type Sums = __m512;
    const STEP: usize = LANES;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load_x(from: *const f32) -> __m512 {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { <f32 as Widen>::load(from) }
    }

    #[inline(always)]
    unsafe fn load_w(from: *const W) -> __m512 {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { W::load(from) }
    }

    #[inline(always)]
    unsafe fn load_x_part(from: *const f32, count: usize) -> __m512 {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { <f32 as Widen>::load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn load_w_part(from: *const W, count: usize) -> __m512 {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { W::load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: __m512, x: __m512, w: __m512) -> __m512 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_fmadd_ps(x, w, sums) }
    }

    #[inline(always)]
    unsafe fn total(sums: __m512) -> f32 {
        // SAFETY: callers are compiled for AVX-512.
        unsafe { _mm512_reduce_add_ps(sums) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn dots_bf16(x: Rows<f32>, w: Rows<bf16>, out: &mut Out, accumulate: bool) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::dots::blocks::<Widening<bf16>, 4, 6>(x, w, out, accumulate) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn dots_f32(x: Rows<f32>, w: Rows<f32>, out: &mut Out, accumulate: bool) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::dots::blocks::<Widening<f32>, 4, 6>(x, w, out, accumulate) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn axpys(p: Rows<f32>, v: Rows<f32>, out: &mut Out) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::axpys::axpys::<Avx512>(p, v, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
pub(super) fn run(work: impl Work) {
    work.run();
}
