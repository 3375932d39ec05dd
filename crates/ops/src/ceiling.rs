//! What a device can do at most. A kernel's share of that says what is left to gain.

/// Rates of a whole device, measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// What is multiplied, in words.
    pub operands: &'static str,
    /// Operations a second (a multiplication and an addition are two) in the arithmetic that products of many
    /// rows use, operands in registers.
    pub operations_per_s: f64,
    /// Bytes read from memory a second.
    pub bytes_per_s: f64,
}
