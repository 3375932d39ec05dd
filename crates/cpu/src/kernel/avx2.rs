//! AVX2 with FMA and F16C: sixteen lanes are two registers. How bytes multiply is a parameter, because the same
//! registers serve processors with and without VNNI.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::lanes::Lanes;

/// Products of bytes in a 256-bit register: per lane of 32 bits `sum + w0 x0 + w1 x1 + w2 x2 + w3 x3`.
pub(crate) trait Dot256 {
    /// w unsigned, x signed, any values.
    unsafe fn dot(sum: __m256i, w: __m256i, x: __m256i) -> __m256i;
    /// w below 16.
    unsafe fn dot_small(sum: __m256i, w: __m256i, x: __m256i) -> __m256i;
    /// Words of 16 bits: per lane `sum + w0 x0 + w1 x1`.
    unsafe fn dot_words(sum: __m256i, w: __m256i, x: __m256i) -> __m256i;
}

/// Plain AVX2. Products of full bytes go through 16 bits in two halves, so that no sum saturates.
pub(crate) struct Words;

impl Dot256 for Words {
    #[inline(always)]
    unsafe fn dot(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: callers are compiled for AVX2.
        unsafe {
            let even_w = _mm256_and_si256(w, _mm256_set1_epi16(0xff));
            let odd_w = _mm256_srli_epi16::<8>(w);
            let even_x = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(x));
            let odd_x = _mm256_srai_epi16::<8>(x);
            let even = _mm256_madd_epi16(even_w, even_x);
            let odd = _mm256_madd_epi16(odd_w, odd_x);
            _mm256_add_epi32(sum, _mm256_add_epi32(even, odd))
        }
    }

    #[inline(always)]
    unsafe fn dot_small(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: callers are compiled for AVX2. Two products are at most 2 * 15 * 128: no saturation.
        unsafe {
            let pairs = _mm256_maddubs_epi16(w, x);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }

    #[inline(always)]
    unsafe fn dot_words(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: callers are compiled for AVX2.
        unsafe { _mm256_add_epi32(sum, _mm256_madd_epi16(w, x)) }
    }
}

/// AVX-VNNI (the VEX encoding), for processors without AVX-512.
pub(crate) struct Vnni;

impl Dot256 for Vnni {
    #[inline(always)]
    unsafe fn dot(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: callers are compiled for AVX-VNNI.
        unsafe { _mm256_dpbusd_avx_epi32(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn dot_small(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_dpbusd_avx_epi32(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn dot_words(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_dpwssd_avx_epi32(sum, w, x) }
    }
}

pub(crate) struct Avx2<D>(PhantomData<D>);

// No closures and no array methods here: they are functions of their own, and the compiler does not put vector
// instructions into one that was not compiled for them.

// SAFETY of the functions below: callers are compiled for AVX2.

#[inline(always)]
unsafe fn times_power(p: __m256, shifted: __m256) -> __m256 {
    // SAFETY: see above.
    unsafe {
        let power = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
        _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power))
    }
}

/// bfloat16 in the low halves of the lanes.
#[inline(always)]
unsafe fn high_half(value: __m256) -> __m256i {
    // SAFETY: see above.
    unsafe {
        let rounded = _mm256_add_epi32(_mm256_castps_si256(value), _mm256_set1_epi32(0x8000));
        _mm256_srli_epi32::<16>(rounded)
    }
}

/// Words of 16 bits: the first of each pair in the low half.
#[inline(always)]
unsafe fn pairs_of(first: __m256, second: __m256) -> __m256i {
    // SAFETY: see above.
    unsafe {
        let low = _mm256_and_si256(_mm256_cvtps_epi32(first), _mm256_set1_epi32(0xffff));
        _mm256_or_si256(low, _mm256_slli_epi32::<16>(_mm256_cvtps_epi32(second)))
    }
}

#[inline(always)]
unsafe fn first_of(pairs: __m256i) -> __m256 {
    // SAFETY: see above.
    unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs)) }
}

#[inline(always)]
unsafe fn second_of(pairs: __m256i) -> __m256 {
    // SAFETY: see above.
    unsafe {
        let high = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
        _mm256_castsi256_ps(_mm256_and_si256(pairs, high))
    }
}

#[inline(always)]
unsafe fn high_nibbles(bytes: __m256i) -> __m256i {
    // SAFETY: see above.
    unsafe { _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15)) }
}

// SAFETY of every block below: callers are compiled for AVX2, FMA and F16C, and have the values behind the
// pointers.
impl<D: Dot256> Lanes for Avx2<D> {
    type F = [__m256; 2];
    type I = [__m256i; 2];
    type B = [__m256i; 2];
    const TILE: (usize, usize) = (6, 1);

    #[inline(always)]
    unsafe fn zero() -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_setzero_ps(); 2] }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(8), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_fmadd_ps(a[0], b[0], c[0]),
                _mm256_fmadd_ps(a[1], b[1], c[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn mul_sub(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_fnmadd_ps(a[0], b[0], c[0]),
                _mm256_fnmadd_ps(a[1], b[1], c[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn abs(value: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [
                _mm256_andnot_ps(sign, value[0]),
                _mm256_andnot_ps(sign, value[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn largest(value: Self::F) -> f32 {
        // SAFETY: see above.
        unsafe {
            let eight = _mm256_max_ps(value[0], value[1]);
            let four = _mm_max_ps(
                _mm256_castps256_ps128(eight),
                _mm256_extractf128_ps::<1>(eight),
            );
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn total(value: Self::F) -> f32 {
        // SAFETY: see above.
        unsafe {
            let eight = _mm256_add_ps(value[0], value[1]);
            let four = _mm_add_ps(
                _mm256_castps256_ps128(eight),
                _mm256_extractf128_ps::<1>(eight),
            );
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn times_power(p: Self::F, shifted: Self::F) -> Self::F {
        // SAFETY: see above.
        unsafe { [times_power(p[0], shifted[0]), times_power(p[1], shifted[1])] }
    }

    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: Self::F) {
        // SAFETY: see above.
        unsafe {
            let (low, high) = (high_half(value[0]), high_half(value[1]));
            // Packing works in halves of the register; the permutation puts the quarters in order.
            let packed = _mm256_packus_epi32(low, high);
            _mm256_storeu_si256(to.cast(), _mm256_permute4x64_epi64::<0b11_01_10_00>(packed));
        }
    }

    #[inline(always)]
    unsafe fn store_i16(to: *mut i16, value: Self::F) {
        // SAFETY: see above.
        unsafe {
            let (low, high) = (_mm256_cvtps_epi32(value[0]), _mm256_cvtps_epi32(value[1]));
            // As for bfloat16.
            let packed = _mm256_packs_epi32(low, high);
            _mm256_storeu_si256(to.cast(), _mm256_permute4x64_epi64::<0b11_01_10_00>(packed));
        }
    }

    #[inline(always)]
    unsafe fn store_pairs_i16(to: *mut u32, first: Self::F, second: Self::F) {
        // SAFETY: see above.
        unsafe {
            let to: *mut __m256i = to.cast();
            _mm256_storeu_si256(to, pairs_of(first[0], second[0]));
            _mm256_storeu_si256(to.add(1), pairs_of(first[1], second[1]));
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> (Self::F, Self::F) {
        // SAFETY: see above.
        unsafe {
            let pairs = Self::bytes(from.cast());
            (
                [first_of(pairs[0]), first_of(pairs[1])],
                [second_of(pairs[0]), second_of(pairs[1])],
            )
        }
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_cvtph_ps(_mm_loadu_si128(from.cast())),
                _mm256_cvtph_ps(_mm_loadu_si128(from.add(8).cast())),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::F {
        // SAFETY: see above.
        unsafe {
            let low = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
            let high = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.add(8).cast()));
            [_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)]
        }
    }

    #[inline(always)]
    unsafe fn splat_i32(value: i32) -> Self::I {
        // SAFETY: see above.
        unsafe { [_mm256_set1_epi32(value); 2] }
    }

    #[inline(always)]
    unsafe fn add_i(a: Self::I, b: Self::I) -> Self::I {
        // SAFETY: see above.
        unsafe { [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn to_f(value: Self::I) -> Self::F {
        // SAFETY: see above.
        unsafe { [_mm256_cvtepi32_ps(value[0]), _mm256_cvtepi32_ps(value[1])] }
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::B {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_loadu_si256(from.cast()),
                _mm256_loadu_si256(from.add(32).cast()),
            ]
        }
    }

    #[inline(always)]
    unsafe fn quad(from: *const i8) -> Self::B {
        // SAFETY: see above.
        unsafe { [_mm256_set1_epi32(from.cast::<i32>().read_unaligned()); 2] }
    }

    #[inline(always)]
    unsafe fn dot_words(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe {
            [
                D::dot_words(sum[0], w[0], x[0]),
                D::dot_words(sum[1], w[1], x[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn dot_halves(sum: Self::B, w: Self::B, x: Self::B) -> Self::B {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_add_epi16(sum[0], _mm256_maddubs_epi16(w[0], x[0])),
                _mm256_add_epi16(sum[1], _mm256_maddubs_epi16(w[1], x[1])),
            ]
        }
    }

    #[inline(always)]
    unsafe fn fold(sums: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe {
            let one = _mm256_set1_epi16(1);
            [
                _mm256_madd_epi16(sums[0], one),
                _mm256_madd_epi16(sums[1], one),
            ]
        }
    }

    #[inline(always)]
    unsafe fn nibbles(bytes: Self::B) -> (Self::B, Self::B) {
        // SAFETY: see above.
        unsafe {
            let low = _mm256_set1_epi8(15);
            (
                [
                    _mm256_and_si256(bytes[0], low),
                    _mm256_and_si256(bytes[1], low),
                ],
                [high_nibbles(bytes[0]), high_nibbles(bytes[1])],
            )
        }
    }

    #[inline(always)]
    unsafe fn dot(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe { [D::dot(sum[0], w[0], x[0]), D::dot(sum[1], w[1], x[1])] }
    }

    #[inline(always)]
    unsafe fn dot_small(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: see above.
        unsafe {
            [
                D::dot_small(sum[0], w[0], x[0]),
                D::dot_small(sum[1], w[1], x[1]),
            ]
        }
    }
}
