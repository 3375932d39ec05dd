//! AVX2 with FMA: 8 float32 lanes, 16 registers, so tiles of 3 x 4 sums.
//!
//! Nothing here may be called before detection; `Tier` is the proof.

use std::arch::x86_64::*;

use half::bf16;

use super::axpys::Lanes;
use super::dots::Dot;
use super::{Out, Rows, Work};

const LANES: usize = 8;

struct Avx2;

/// All bits set in the first `count` lanes.
#[inline(always)]
fn mask(count: usize) -> __m256i {
    const ONES_THEN_ZEROS: [i32; 2 * LANES] =
        [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let window = &ONES_THEN_ZEROS[LANES - count..][..LANES];
    // SAFETY: the window is 8 lanes long; callers are compiled for AVX2.
    unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
}

impl Lanes for Avx2 {
    type Vector = __m256;
    const COUNT: usize = LANES;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: callers are compiled for AVX2.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: the caller has 8 values there.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> __m256 {
        // SAFETY: the caller has `count` values there; masked lanes are not touched.
        unsafe { _mm256_maskload_ps(from, mask(count)) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m256) {
        // SAFETY: the caller has room for 8 values there.
        unsafe { _mm256_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn store_part(to: *mut f32, count: usize, vector: __m256) {
        // SAFETY: the caller has room for `count` values there; masked lanes are not touched.
        unsafe { _mm256_maskstore_ps(to, mask(count), vector) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sum: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: callers are compiled for FMA.
        unsafe { _mm256_fmadd_ps(a, b, sum) }
    }
}

#[inline(always)]
unsafe fn total(sums: __m256) -> f32 {
    // SAFETY: callers are compiled for AVX2.
    unsafe {
        let quarter = _mm_add_ps(
            _mm256_castps256_ps128(sums),
            _mm256_extractf128_ps::<1>(sums),
        );
        let half = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
        _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps::<1>(half, half)))
    }
}

/// Float32 on the left; on the right anything that widens to it.
struct Widening<W>(std::marker::PhantomData<W>);

/// A right operand, widened while it is loaded.
trait Widen: Copy {
    /// 8 values. Caller: they are there.
    unsafe fn load(from: *const Self) -> __m256;
    /// `count < 8` values, the rest zero.
    unsafe fn load_part(from: *const Self, count: usize) -> __m256;
}

impl Widen for f32 {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: the caller's promise is `Lanes::load`'s.
        unsafe { <Avx2 as Lanes>::load(from) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> __m256 {
        // SAFETY: the caller's promise is `Lanes::load_part`'s.
        unsafe { <Avx2 as Lanes>::load_part(from, count) }
    }
}

/// Bfloat16 is the upper half of a float32.
impl Widen for bf16 {
    #[inline(always)]
    unsafe fn load(from: *const bf16) -> __m256 {
        // SAFETY: the caller has 8 values there.
        unsafe { widen(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const bf16, count: usize) -> __m256 {
        let mut values = [bf16::ZERO; LANES];
        // SAFETY: the caller has `count` values there.
        values[..count].copy_from_slice(unsafe { std::slice::from_raw_parts(from, count) });
        // SAFETY: 8 values; callers are compiled for AVX2.
        unsafe { widen(_mm_loadu_si128(values.as_ptr().cast())) }
    }
}

#[inline(always)]
unsafe fn widen(values: __m128i) -> __m256 {
    // SAFETY: callers are compiled for AVX2.
    unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(values))) }
}

impl<W: Widen> Dot for Widening<W> {
    type X = f32;
    type W = W;
    type Vector = __m256;
    type Sums = __m256;
    const STEP: usize = LANES;

    #[inline(always)]
    unsafe fn zero() -> __m256 {
        // SAFETY: callers are compiled for AVX2.
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load_x(from: *const f32) -> __m256 {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { <f32 as Widen>::load(from) }
    }

    #[inline(always)]
    unsafe fn load_w(from: *const W) -> __m256 {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { W::load(from) }
    }

    #[inline(always)]
    unsafe fn load_x_part(from: *const f32, count: usize) -> __m256 {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { <f32 as Widen>::load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn load_w_part(from: *const W, count: usize) -> __m256 {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { W::load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: __m256, x: __m256, w: __m256) -> __m256 {
        // SAFETY: callers are compiled for FMA.
        unsafe { _mm256_fmadd_ps(x, w, sums) }
    }

    #[inline(always)]
    unsafe fn total(sums: __m256) -> f32 {
        // SAFETY: callers are compiled for AVX2.
        unsafe { total(sums) }
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn dots_bf16(x: Rows<f32>, w: Rows<bf16>, out: &mut Out, accumulate: bool) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::dots::blocks::<Widening<bf16>, 3, 4>(x, w, out, accumulate) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn dots_f32(x: Rows<f32>, w: Rows<f32>, out: &mut Out, accumulate: bool) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::dots::blocks::<Widening<f32>, 3, 4>(x, w, out, accumulate) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn axpys(p: Rows<f32>, v: Rows<f32>, out: &mut Out) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { super::axpys::axpys::<Avx2>(p, v, out) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn run(work: impl Work) {
    work.run();
}
