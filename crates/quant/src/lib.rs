//! Weights in 8 and 4 bits: the numbers that come closest, the same on every device. How they lie in memory is the
//! device's own.
//!
//! - 8 bits, in groups of 128: `weight = step * scale`, steps -127 to 127.
//! - 4 bits, in groups of 32, eight of which make a block of 256: `weight = step * (s * unit) - m * least_unit`, steps
//!   0 to 15, with one byte s and m per group and both units per block. 4.625 bits per weight.
//!
//! Scales and units are float16 times 4096 ([`UNIT`]), because scales of small weights would be subnormal.
//!
//! All is inlined into its callers: compiled for the vectors that they were compiled for.
#![forbid(unsafe_code)]

mod fit;

use half::f16;

/// Weights that share a scale in 8 bits.
pub const GROUP: usize = 128;
/// Weights that share s and m in 4 bits.
pub const Q4_GROUP: usize = 32;
/// Weights that share both units in 4 bits.
pub const Q4_BLOCK: usize = 256;
/// What a stored float16 scale counts.
pub const UNIT: f32 = 1.0 / 4096.0;

/// Adding and subtracting it rounds to an integer.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for chunk in values.as_chunks::<16>().0 {
        for lane in 0..16 {
            let size = chunk[lane].abs();
            lanes[lane] = if size > lanes[lane] {
                size
            } else {
                lanes[lane]
            };
        }
    }
    lanes.into_iter().fold(0.0, f32::max)
}

/// A group in 8 bits: its scale as stored, and the steps plus 128.
#[inline(always)]
pub fn eight(values: &[f32; GROUP]) -> (f16, [u8; GROUP]) {
    let stored = f16::from_f32(largest(values) / 127.0 / UNIT);
    let scale = stored.to_f32() * UNIT;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut bytes = [0_u8; GROUP];
    for (to, value) in bytes.iter_mut().zip(values) {
        let rounded = (value * inverse + ROUND) - ROUND;
        *to = (rounded.clamp(-127.0, 127.0) + 128.0) as u8;
    }
    (stored, bytes)
}

/// Groups of a block.
pub const Q4_GROUPS: usize = Q4_BLOCK / Q4_GROUP;

/// A block in 4 bits.
#[derive(Debug, Clone)]
pub struct Four {
    /// s of each group.
    pub scales: [u8; Q4_GROUPS],
    /// m of each group.
    pub leasts: [u8; Q4_GROUPS],
    /// What s counts, as stored.
    pub unit: f16,
    /// What m counts, as stored.
    pub least_unit: f16,
    /// 0 to 15.
    pub steps: [[u8; Q4_GROUP]; Q4_GROUPS],
}

/// A block in 4 bits.
#[inline(always)]
pub fn four(values: &[f32; Q4_BLOCK]) -> Four {
    let groups = values.as_chunks::<Q4_GROUP>().0;
    let fits = fit::fit(values);
    let (d, inverse_d) = stored(fits.iter().fold(0.0, |largest, f| f.0.max(largest)));
    let (dm, inverse_dm) = stored(fits.iter().fold(0.0, |largest, f| f.1.max(largest)));
    let mut four = Four {
        scales: [0; Q4_GROUPS],
        leasts: [0; Q4_GROUPS],
        unit: d,
        least_unit: dm,
        steps: [[0; Q4_GROUP]; Q4_GROUPS],
    };
    let (d, dm) = (d.to_f32() * UNIT, dm.to_f32() * UNIT);
    for (index, (group, (scale, least))) in groups.iter().zip(fits).enumerate() {
        let scale = (scale * inverse_d).round().clamp(0.0, 255.0);
        let least = (least * inverse_dm).round().clamp(0.0, 255.0);
        four.scales[index] = scale as u8;
        four.leasts[index] = least as u8;
        let (scale, least) = (scale * d, least * dm);
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        for (to, value) in four.steps[index].iter_mut().zip(group) {
            let rounded = ((value + least) * inverse + ROUND) - ROUND;
            *to = rounded.clamp(0.0, 15.0) as u8;
        }
    }
    four
}

/// The scale of byte-sized multiples of which the largest is `largest`, as stored, and its inverse.
#[inline(always)]
fn stored(largest: f32) -> (f16, f32) {
    let stored = f16::from_f32(largest / 255.0 / UNIT);
    let scale = stored.to_f32() * UNIT;
    (stored, if scale > 0.0 { 1.0 / scale } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise<const COUNT: usize>() -> [f32; COUNT] {
        let mut state = 7_u64;
        std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) / 30.0
        })
    }

    #[test]
    fn in_8_bits_a_weight_is_at_most_half_a_step_off() {
        let values = noise::<GROUP>();
        let (scale, bytes) = eight(&values);
        let scale = scale.to_f32() * UNIT;
        for (value, byte) in values.iter().zip(bytes) {
            let found = (f32::from(byte) - 128.0) * scale;
            assert!(
                (found - value).abs() <= 0.502 * scale,
                "{found}, not {value}"
            );
        }
    }

    #[test]
    fn in_4_bits_the_error_is_a_sixteenth_of_the_span_or_so() {
        let values = noise::<Q4_BLOCK>();
        let four = four(&values);
        let (unit, least_unit) = (four.unit.to_f32() * UNIT, four.least_unit.to_f32() * UNIT);
        for (index, value) in values.iter().enumerate() {
            let group = index / Q4_GROUP;
            let step = f32::from(four.steps[group][index % Q4_GROUP]);
            let found = step * f32::from(four.scales[group]) * unit
                - f32::from(four.leasts[group]) * least_unit;
            assert!((found - value).abs() <= 1.0 / 300.0, "{found}, not {value}");
        }
    }

    #[test]
    fn a_group_of_zeros_stays_zero() {
        assert_eq!(eight(&[0.0; GROUP]).1, [128; GROUP]);
        let four = four(&[0.0; Q4_BLOCK]);
        assert_eq!((four.scales, four.leasts), ([0; 8], [0; 8]));
    }
}
