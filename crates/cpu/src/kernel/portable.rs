//! Plain code in the shape of vectors, for any processor: arrays that the compiler maps to what it has.
//! A file for NEON belongs beside this one once a machine that can build and test it is at hand.

use half::f16;

use super::lanes::Lanes;

pub(crate) struct Portable;

#[inline(always)]
fn each<T: Copy + Default>(value: impl Fn(usize) -> T) -> [T; 16] {
    let mut lanes = [T::default(); 16];
    for (lane, to) in lanes.iter_mut().enumerate() {
        *to = value(lane);
    }
    lanes
}

// SAFETY of every block below: the caller has the values behind the pointer.
impl Lanes for Portable {
    type F = [f32; 16];
    type I = [i32; 16];
    type B = [u8; 64];
    const TILE: (usize, usize) = (2, 1);

    #[inline(always)]
    unsafe fn zero() -> Self::F {
        [0.0; 16]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        [value; 16]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: 16 values are there.
        unsafe { from.cast::<Self::F>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        // SAFETY: there is room for 16 values.
        unsafe { to.cast::<Self::F>().write_unaligned(value) };
    }

    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        each(|i| a[i] * b[i])
    }

    /// Rounded twice: a fused one is a library call where the processor has none.
    #[inline(always)]
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        each(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn mul_sub(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        each(|i| c[i] - a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn abs(value: Self::F) -> Self::F {
        value.map(f32::abs)
    }

    #[inline(always)]
    unsafe fn largest(value: Self::F) -> f32 {
        value.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    #[inline(always)]
    unsafe fn total(value: Self::F) -> f32 {
        value.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn times_power(p: Self::F, shifted: Self::F) -> Self::F {
        each(|i| f32::from_bits(p[i].to_bits().wrapping_add(shifted[i].to_bits() << 23)))
    }

    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: Self::F) {
        let rounded = each(|i| ((value[i].to_bits() + 0x8000) >> 16) as u16);
        // SAFETY: there is room for 16 values.
        unsafe { to.cast::<[u16; 16]>().write_unaligned(rounded) };
    }

    #[inline(always)]
    unsafe fn store_i16(to: *mut i16, value: Self::F) {
        let rounded = each(|i| nearest(value[i]));
        // SAFETY: there is room for 16 values.
        unsafe { to.cast::<[i16; 16]>().write_unaligned(rounded) };
    }

    #[inline(always)]
    unsafe fn store_pairs_i16(to: *mut u32, first: Self::F, second: Self::F) {
        let word = |value| u32::from(nearest(value).cast_unsigned());
        let pairs = each(|i| word(first[i]) | word(second[i]) << 16);
        // SAFETY: there is room for 16 pairs.
        unsafe { to.cast::<[u32; 16]>().write_unaligned(pairs) };
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> (Self::F, Self::F) {
        // SAFETY: 16 pairs are there.
        let pairs = unsafe { from.cast::<[u32; 16]>().read_unaligned() };
        (
            each(|i| f32::from_bits(pairs[i] << 16)),
            each(|i| f32::from_bits(pairs[i] & 0xffff_0000)),
        )
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        // SAFETY: 16 values are there.
        let values = unsafe { from.cast::<[u16; 16]>().read_unaligned() };
        each(|i| f16::from_bits(values[i]).to_f32())
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::F {
        // SAFETY: 16 values are there.
        let values = unsafe { from.cast::<[u8; 16]>().read_unaligned() };
        each(|i| f32::from(values[i]))
    }

    #[inline(always)]
    unsafe fn splat_i32(value: i32) -> Self::I {
        [value; 16]
    }

    #[inline(always)]
    unsafe fn add_i(a: Self::I, b: Self::I) -> Self::I {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn to_f(value: Self::I) -> Self::F {
        each(|i| value[i] as f32)
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::B {
        // SAFETY: 64 bytes are there.
        unsafe { from.cast::<Self::B>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn quad(from: *const i8) -> Self::B {
        // SAFETY: 4 bytes are there.
        let quad = unsafe { from.cast::<[u8; 4]>().read_unaligned() };
        let mut bytes = [0; 64];
        for (index, to) in bytes.iter_mut().enumerate() {
            *to = quad[index % 4];
        }
        bytes
    }

    #[inline(always)]
    unsafe fn dot_words(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        each(|lane| {
            let pair = |at| i32::from(word(&w, at)) * i32::from(word(&x, at));
            sum[lane] + pair(2 * lane) + pair(2 * lane + 1)
        })
    }

    #[inline(always)]
    unsafe fn dot_halves(sum: Self::B, w: Self::B, x: Self::B) -> Self::B {
        let mut sums = [0; 64];
        for (at, to) in sums.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let product = |at: usize| i16::from(w[at]) * i16::from(x[at].cast_signed());
            *to = (word(&sum, at) + product(2 * at) + product(2 * at + 1)).to_le_bytes();
        }
        sums
    }

    #[inline(always)]
    unsafe fn fold(sums: Self::B) -> Self::I {
        each(|lane| i32::from(word(&sums, 2 * lane)) + i32::from(word(&sums, 2 * lane + 1)))
    }

    #[inline(always)]
    unsafe fn nibbles(bytes: Self::B) -> (Self::B, Self::B) {
        (bytes.map(|byte| byte & 15), bytes.map(|byte| byte >> 4))
    }

    #[inline(always)]
    unsafe fn dot(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        each(|lane| {
            let mut sum = sum[lane];
            for at in 4 * lane..4 * lane + 4 {
                sum += i32::from(w[at]) * i32::from(x[at].cast_signed());
            }
            sum
        })
    }
}

/// The 16 bits at a place.
fn word(bytes: &[u8; 64], at: usize) -> i16 {
    i16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]])
}

/// The nearest integer of a small number, by what adding a large one leaves in the low bits.
#[inline(always)]
fn nearest(value: f32) -> i16 {
    (value + 12_582_912.0).to_bits() as i16
}
