//! What the kernels are written in: sixteen float32 lanes, sixteen int32 lanes, sixty-four bytes. Each instruction
//! set says what these are and how they multiply.

/// The vectors of an instruction set. Every function may be called only where the processor has the
/// instructions, from a function compiled for them; pointers must be readable (writable) for the values named.
pub(crate) trait Lanes {
    /// 16 float32.
    type F: Copy;
    /// 16 int32.
    type I: Copy;
    /// 64 bytes: 16 quads.
    type B: Copy;

    /// Rows and panels of a tile whose sums stay in registers: (6, 4), (6, 1) or (2, 1).
    const TILE: (usize, usize);

    unsafe fn zero() -> Self::F;
    unsafe fn splat(value: f32) -> Self::F;
    /// 16 values.
    unsafe fn load(from: *const f32) -> Self::F;
    /// 16 values.
    unsafe fn store(to: *mut f32, value: Self::F);
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c - a * b`
    unsafe fn mul_sub(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn abs(value: Self::F) -> Self::F;
    /// The largest of all lanes.
    unsafe fn largest(value: Self::F) -> f32;
    /// The sum of all lanes.
    unsafe fn total(value: Self::F) -> f32;
    /// `p 2^n` where `shifted` is `n + 12582912` (so that n stands in its low bits) and the result is normal.
    unsafe fn times_power(p: Self::F, shifted: Self::F) -> Self::F;
    /// Writes 16 finite values rounded to bfloat16.
    unsafe fn store_bf16(to: *mut u16, value: Self::F);
    /// Writes 16 values as the nearest integers of 16 bits; all fit.
    unsafe fn store_i16(to: *mut i16, value: Self::F);
    /// Writes 16 pairs of values as the nearest integers of 16 bits, the first of each in the low half; all fit.
    unsafe fn store_pairs_i16(to: *mut u32, first: Self::F, second: Self::F);
    /// 16 pairs of bfloat16 as the first of each pair and the second of each.
    unsafe fn load_pairs(from: *const u16) -> (Self::F, Self::F);
    /// 16 float16.
    unsafe fn load_f16(from: *const u16) -> Self::F;
    /// 16 unsigned bytes.
    unsafe fn load_u8(from: *const u8) -> Self::F;

    unsafe fn splat_i32(value: i32) -> Self::I;
    unsafe fn add_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn to_f(value: Self::I) -> Self::F;
    /// 64 bytes.
    unsafe fn bytes(from: *const u8) -> Self::B;
    /// The same 4 bytes 16 times.
    unsafe fn quad(from: *const i8) -> Self::B;
    /// Per lane `sum + w0 x0 + w1 x1`, both pairs of 16 signed bits.
    unsafe fn dot_words(sum: Self::I, w: Self::B, x: Self::B) -> Self::I;
    /// Sums of 16 bits, two a lane: `sum + w0 x0 + w1 x1` and `sum + w2 x2 + w3 x3`, every w below 16. Eight of them
    /// stay within 16 bits where every x is above -128.
    unsafe fn dot_halves(sum: Self::B, w: Self::B, x: Self::B) -> Self::B;
    /// Both sums of each lane together.
    unsafe fn fold(sums: Self::B) -> Self::I;
    /// The low halves of all bytes, and the high halves.
    unsafe fn nibbles(bytes: Self::B) -> (Self::B, Self::B);
    /// Per lane `sum + w0 x0 + w1 x1 + w2 x2 + w3 x3`, w unsigned, x signed.
    unsafe fn dot(sum: Self::I, w: Self::B, x: Self::B) -> Self::I;
    /// The same where every w is below 16.
    #[inline(always)]
    unsafe fn dot_small(sum: Self::I, w: Self::B, x: Self::B) -> Self::I {
        // SAFETY: the caller's promise is the same.
        unsafe { Self::dot(sum, w, x) }
    }
}
