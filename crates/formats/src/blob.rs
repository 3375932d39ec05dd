//! Bytes without a type that many may hold: packed weights, on the heap or in a mapped file.
//!
//! Cloning copies a pointer. What the bytes mean is known to whoever packed them; a
//! [`Tensor`](crate::Tensor) is the place for bytes that carry a dtype.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::AlignedBytes;
use crate::storage::Storage;

/// Read-only bytes that begin on a multiple of [`AlignedBytes::ALIGN`] and live as long as any clone.
#[derive(Clone)]
pub struct Blob {
    storage: Arc<Storage>,
    range: Range<usize>,
}

impl Blob {
    /// A view of `range` of a mapped file or an aligned buffer. The caller has checked that the
    /// range lies inside and that it begins on a multiple of the alignment.
    pub(crate) fn view(storage: Arc<Storage>, range: Range<usize>) -> Self {
        let blob = Self { storage, range };
        debug_assert!(blob.as_ptr().addr().is_multiple_of(AlignedBytes::ALIGN));
        blob
    }

    /// The bytes as values of `T` in place; `None` if the length is no multiple of theirs.
    pub fn values<T: bytemuck::AnyBitPattern>(&self) -> Option<&[T]> {
        bytemuck::try_cast_slice(self).ok()
    }

    /// A part of the bytes, without copying; `None` if it does not lie inside or does not begin on
    /// a multiple of [`AlignedBytes::ALIGN`].
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        let inside = range.start <= range.end && range.end <= self.range.len();
        (inside && range.start.is_multiple_of(AlignedBytes::ALIGN)).then(|| {
            let first = self.range.start;
            Self::view(
                Arc::clone(&self.storage),
                first + range.start..first + range.end,
            )
        })
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.storage.bytes()[self.range.clone()]
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<AlignedBytes> for Blob {
    fn from(bytes: AlignedBytes) -> Self {
        let range = 0..bytes.len();
        Self::view(Arc::new(Storage::Aligned(bytes)), range)
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Blob({} bytes)", self.range.len())
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    fn blob(bytes: &[u8]) -> Blob {
        AlignedBytes::copy_of(bytes).into()
    }

    #[test]
    fn a_blob_is_seen_as_the_values_that_were_packed() {
        let values = [1.0f32, -2.5, 0.0];
        let bytes = blob(bytemuck::cast_slice(&values));
        assert_eq!(bytes.values::<f32>().unwrap(), values);
        assert_eq!(bytes.values::<i8>().unwrap().len(), 12);
        assert_eq!(bytes.values::<bf16>().unwrap().len(), 6);
        assert!(bytes.values::<u64>().is_none());
        assert_eq!(blob(&[]).values::<f32>(), Some([].as_slice()));
    }

    #[test]
    fn a_clone_and_a_part_see_the_same_bytes() {
        let whole = blob(&(0..=255).collect::<Vec<u8>>());
        assert_eq!(whole.clone().as_ptr(), whole.as_ptr());
        let part = whole.part(64..200).unwrap();
        assert_eq!((part.len(), part[0]), (136, 64));
        let part = part.part(64..136).unwrap();
        drop(whole);
        assert_eq!((part.len(), part[0]), (72, 128));
    }

    #[test]
    fn a_part_outside_or_off_the_line_is_not_given() {
        let whole = blob(&[0; 200]);
        assert!(whole.part(1..64).is_none());
        assert!(whole.part(64..201).is_none());
        #[expect(
            clippy::reversed_empty_ranges,
            reason = "a caller may get its numbers wrong"
        )]
        let reversed = 128..64;
        assert!(whole.part(reversed).is_none());
        assert!(whole.part(0..0).unwrap().is_empty());
    }

    #[test]
    fn threads_may_share_a_blob() {
        fn shared<T: Send + Sync + 'static>(_: &T) {}
        shared(&blob(&[1]));
    }
}
