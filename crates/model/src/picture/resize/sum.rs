//! Weighted sums of bytes, sixteen at a time and two terms at once.
//!
//! Two bytes, widened to 16 bits, times their two 16-bit weights make one 32-bit term: that is one
//! instruction everywhere, and it cannot overflow.

use wide::bytemuck::cast;
use wide::{i16x8, i32x4, i32x8, u8x16};

/// Two weights, the second one zero at the end of an odd number.
#[derive(Clone, Copy)]
pub(super) struct Pair(i32);

impl Pair {
    /// Of one or two weights.
    pub(super) fn new(weights: &[i16]) -> Self {
        let weight = |index| weights.get(index).copied().unwrap_or(0);
        // In the order in which they lie in memory, as the bytes do.
        Self(cast([weight(0), weight(1)]))
    }
}

/// Sixteen sums.
#[derive(Clone, Copy)]
pub(super) struct Sums([i32x4; 4]);

impl Sums {
    pub(super) fn new(start: i32) -> Self {
        Self([i32x4::splat(start); 4])
    }

    /// Adds a term to each: bytes alternate between those of the first weight and those of the second,
    /// for the first eight sums and the last eight.
    #[inline(always)]
    pub(super) fn add(&mut self, low: u8x16, high: u8x16, weights: Pair) {
        let weights: i16x8 = cast(i32x4::splat(weights.0));
        let Self(sums) = self;
        sums[0] += i16x8::from_u8x16_low(low).dot(weights);
        sums[1] += i16x8::from_u8x16_high(low).dot(weights);
        sums[2] += i16x8::from_u8x16_low(high).dot(weights);
        sums[3] += i16x8::from_u8x16_high(high).dot(weights);
    }

    /// The sums without their fraction bits, as bytes: what lies outside becomes 0 or 255.
    #[inline(always)]
    pub(super) fn settled(self, precision: u32) -> u8x16 {
        let [a, b, c, d] = self.0.map(|sums| sums >> precision as i32);
        let (low, high): (i32x8, i32x8) = (cast([a, b]), cast([c, d]));
        u8x16::narrow_i16x8(
            i16x8::from_i32x8_saturate(low),
            i16x8::from_i32x8_saturate(high),
        )
    }
}
