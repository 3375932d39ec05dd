//! AVX-512 (F, BW, VL, DQ): sixteen lanes are one register. How bytes multiply is a parameter, because the first
//! processors with AVX-512 have no VNNI.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::lanes::Lanes;

/// Products of bytes in a 512-bit register: per lane of 32 bits `sum + w0 x0 + w1 x1 + w2 x2 + w3 x3`.
pub(crate) trait Dot512 {
    /// w unsigned, x signed, any values.
    unsafe fn dot(sum: __m512i, w: __m512i, x: __m512i) -> __m512i;
    /// w below 16.
    unsafe fn dot_small(sum: __m512i, w: __m512i, x: __m512i) -> __m512i;
    /// Words of 16 bits: per lane `sum + w0 x0 + w1 x1`.
    unsafe fn dot_words(sum: __m512i, w: __m512i, x: __m512i) -> __m512i;
}

/// Without VNNI. Products of full bytes go through 16 bits in two halves, so that no sum saturates.
pub(crate) struct Words;

impl Dot512 for Words {
    #[inline(always)]
    unsafe fn dot(sum: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: callers are compiled for AVX-512BW.
        unsafe {
            let even_w = _mm512_and_si512(w, _mm512_set1_epi16(0xff));
            let odd_w = _mm512_srli_epi16::<8>(w);
            let even_x = _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(x));
            let odd_x = _mm512_srai_epi16::<8>(x);
            let even = _mm512_madd_epi16(even_w, even_x);
            let odd = _mm512_madd_epi16(odd_w, odd_x);
            _mm512_add_epi32(sum, _mm512_add_epi32(even, odd))
        }
    }

    #[inline(always)]
    unsafe fn dot_small(sum: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: callers are compiled for AVX-512BW. Two products are at most 2 * 15 * 128: no saturation.
        unsafe {
            let pairs = _mm512_maddubs_epi16(w, x);
            _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        }
    }

    #[inline(always)]
    unsafe fn dot_words(sum: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: callers are compiled for AVX-512BW.
        unsafe { _mm512_add_epi32(sum, _mm512_madd_epi16(w, x)) }
    }
}

/// AVX-512 VNNI.
pub(crate) struct Vnni;

impl Dot512 for Vnni {
    #[inline(always)]
    unsafe fn dot(sum: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: callers are compiled for AVX-512 VNNI.
        unsafe { _mm512_dpbusd_epi32(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn dot_small(sum: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_dpbusd_epi32(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn dot_words(sum: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_dpwssd_epi32(sum, w, x) }
    }
}

pub(crate) struct Avx512<D>(PhantomData<D>);

// SAFETY of every block below: callers are compiled for AVX-512 and have the values behind the pointers.
impl<D: Dot512> Lanes for Avx512<D> {
    type F = __m512;
    type I = __m512i;
    type B = __m512i;
    const TILE: (usize, usize) = (6, 4);

    #[inline(always)]
    unsafe fn zero() -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, value) };
    }

    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mul_sub(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn abs(value: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_abs_ps(value) }
    }

    #[inline(always)]
    unsafe fn largest(value: Self::F) -> f32 {
        // SAFETY: see above.
        unsafe { _mm512_reduce_max_ps(value) }
    }

    #[inline(always)]
    unsafe fn total(value: Self::F) -> f32 {
        // SAFETY: see above.
        unsafe { _mm512_reduce_add_ps(value) }
    }

    #[inline(always)]
    unsafe fn times_power(p: Self::F, shifted: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe {
            let power = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), power))
        }
    }

    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: Self::F) {
        // SAFETY: see above.
        unsafe {
            let half = _mm512_set1_epi32(0x8000);
            let rounded =
                _mm512_srli_epi32::<16>(_mm512_add_epi32(_mm512_castps_si512(value), half));
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(rounded));
        }
    }

    #[inline(always)]
    unsafe fn store_i16(to: *mut i16, value: Self::F) {
        // SAFETY: see above.
        unsafe {
            let words = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(value));
            _mm256_storeu_si256(to.cast(), words);
        }
    }

    #[inline(always)]
    unsafe fn store_pairs_i16(to: *mut u32, first: Self::F, second: Self::F) {
        // SAFETY: see above.
        unsafe {
            let low = _mm512_and_si512(_mm512_cvtps_epi32(first), _mm512_set1_epi32(0xffff));
            let high = _mm512_slli_epi32::<16>(_mm512_cvtps_epi32(second));
            _mm512_storeu_si512(to.cast(), _mm512_or_si512(low, high));
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> (Self::F, Self::F) {
        // SAFETY: see above.
        unsafe {
            let pairs = _mm512_loadu_si512(from.cast());
            let high = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
            (
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs)),
                _mm512_castsi512_ps(_mm512_and_si512(pairs, high)),
            )
        }
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn splat_i32(value: i32) -> Self::I {
        // SAFETY: see above.
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn add_i(a: Self::I, b: Self::I) -> Self::I {
        // SAFETY: see above.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn to_f(value: Self::I) -> Self::F {
        // SAFETY: see above.
        unsafe { _mm512_cvtepi32_ps(value) }
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::B {
        // SAFETY: see above.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn quad(from: *const i8) -> Self::B {
        // SAFETY: see above.
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot_words(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe { D::dot_words(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn dot_halves(sum: Self::B, w: Self::B, x: Self::B) -> Self::B {
        // SAFETY: see above.
        unsafe { _mm512_add_epi16(sum, _mm512_maddubs_epi16(w, x)) }
    }

    #[inline(always)]
    unsafe fn fold(sums: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe { _mm512_madd_epi16(sums, _mm512_set1_epi16(1)) }
    }

    #[inline(always)]
    unsafe fn nibbles(bytes: Self::B) -> (Self::B, Self::B) {
        // SAFETY: see above.
        unsafe {
            let low = _mm512_set1_epi8(15);
            (
                _mm512_and_si512(bytes, low),
                _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low),
            )
        }
    }

    #[inline(always)]
    unsafe fn dot(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe { D::dot(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn dot_small(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe { D::dot_small(sum, w, x) }
    }
}
