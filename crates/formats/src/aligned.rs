//! Heap bytes that begin on a cache line, to be filled in place.
//!
//! Kernels load packed weights with full-width instructions; 64 is the line of every processor the
//! engine has kernels for, and the width of its widest register.

use std::fmt;

/// A zeroed buffer whose first byte lies on an address divisible by [`AlignedBytes::ALIGN`].
///
/// Pages are taken from the system when they are first written, so several threads can fill parts
/// of one buffer and share that cost.
pub struct AlignedBytes {
    /// Never grown after construction: its address must not change.
    bytes: Box<[u8]>,
    start: usize,
    len: usize,
}

impl AlignedBytes {
    /// Every buffer and every [`Blob`](crate::Blob) begins on a multiple of this.
    pub const ALIGN: usize = 64;

    /// `len` zero bytes.
    pub fn zeroed(len: usize) -> Self {
        // Asked for with the usual alignment and cut: the allocator hands out fresh pages for that,
        // while a larger alignment would make it write every zero.
        let bytes = vec![0u8; len.saturating_add(Self::ALIGN - 1)].into_boxed_slice();
        let address = bytes.as_ptr().addr();
        let start = address.next_multiple_of(Self::ALIGN) - address;
        Self { bytes, start, len }
    }

    /// A copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut aligned = Self::zeroed(bytes.len());
        aligned.copy_from_slice(bytes);
        aligned
    }

    /// The buffer as values of `T`, to be written; `None` if its length is no multiple of theirs.
    pub fn values_mut<T: bytemuck::NoUninit + bytemuck::AnyBitPattern>(
        &mut self,
    ) -> Option<&mut [T]> {
        bytemuck::try_cast_slice_mut(self).ok()
    }
}

impl std::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl std::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

impl fmt::Debug for AlignedBytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AlignedBytes({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_any_length_is_zero_and_begins_on_a_line() {
        for len in [0, 1, 63, 64, 65, 4096, 1 << 20] {
            let bytes = AlignedBytes::zeroed(len);
            assert_eq!(bytes.len(), len);
            assert_eq!(bytes.as_ptr().addr() % AlignedBytes::ALIGN, 0);
            assert!(bytes.iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn a_buffer_is_filled_in_place_as_bytes_or_as_values() {
        let mut bytes = AlignedBytes::zeroed(12);
        bytes.values_mut::<f32>().unwrap()[1] = 1.5;
        bytes[0] = 7;
        assert_eq!(bytes[4..8], 1.5f32.to_ne_bytes());
        assert_eq!(bytes[0], 7);
        assert!(bytes.values_mut::<u64>().is_none());
    }
}
