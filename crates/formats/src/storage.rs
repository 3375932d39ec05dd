//! Where the bytes of a tensor or a blob live: a memory map, the heap, or the program itself.
//!
//! The only `unsafe` of this crate is the mapping below.

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::Mmap;

use crate::AlignedBytes;

/// Bytes that stay where they are for as long as the value lives.
#[derive(Debug)]
pub(crate) enum Storage {
    Map(Mmap),
    Heap(Vec<u8>),
    Aligned(AlignedBytes),
    Static(&'static [u8]),
}

impl Storage {
    /// Maps a whole file, read-only and private.
    #[expect(
        unsafe_code,
        reason = "a memory map is the one thing here that cannot be had safely"
    )]
    pub(crate) fn map(file: &File) -> io::Result<Self> {
        // SAFETY: the map is read-only and never handed out mutably, so this program cannot change
        // it. What another program does to the file while it is mapped is out of reach: weights are
        // plain numbers, so changed bytes give wrong numbers, not broken invariants (no length or
        // offset is read twice), but a file truncated after opening makes the kernel end this
        // program with SIGBUS at the next read of the lost part. Reading 9 GB onto the heap instead
        // would cost every start its time and every machine the memory, so the risk is accepted.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self::Map(map))
    }

    /// Keeps `bytes`, copying them only if the allocator put them on an odd address.
    pub(crate) fn heap(bytes: Vec<u8>) -> Self {
        const ALIGN: usize = align_of::<u64>();
        if bytes.as_ptr().addr().is_multiple_of(ALIGN) {
            return Self::Heap(bytes);
        }
        Self::Aligned(AlignedBytes::copy_of(&bytes))
    }

    /// Tells the system that the pages of `range` are not needed for now. Only a map has pages that
    /// can be had again; everything else stays as it is.
    #[cfg_attr(
        unix,
        expect(
            unsafe_code,
            reason = "the wrapper cannot know that this map is a read-only file"
        )
    )]
    pub(crate) fn release(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let Self::Map(map) = self {
            let inside = range.start < range.end && range.end <= map.len();
            if inside {
                // SAFETY: this advice loses what was written to a page and never reached a file.
                // Nothing can have been written: the map is read-only, and of a file. A released
                // page is read from the file again at the next access, by this thread or any other,
                // so the neighbours on the first and last page, which are released too, lose
                // nothing either.
                let advised = unsafe {
                    map.unchecked_advise_range(
                        memmap2::UncheckedAdvice::DontNeed,
                        range.start,
                        range.len(),
                    )
                };
                // Advice: where the system does not take it, the pages stay in memory.
                let _ = advised;
            }
        }
        #[cfg(not(unix))]
        let _ = range;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Heap(bytes) => bytes,
            Self::Aligned(bytes) => bytes,
            Self::Static(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kilobytes of the mapped file `path` that are in this process's memory.
    #[cfg(target_os = "linux")]
    fn resident_kb(path: &std::path::Path) -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let path = path.to_str().unwrap();
        let resident = maps
            .lines()
            .skip_while(|line| !line.ends_with(path))
            .find_map(|line| line.strip_prefix("Rss:"))
            .unwrap();
        let number = resident.split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn released_pages_leave_memory_and_read_the_same_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7u8; 8 << 20]).unwrap();
        let storage = Storage::map(&File::open(file.path()).unwrap()).unwrap();
        let sum = || -> u64 { storage.bytes().iter().map(|&b| u64::from(b)).sum() };
        let before = sum();
        assert_eq!(resident_kb(file.path()), 8 << 10);
        storage.release(100..(4 << 20) - 100);
        assert_eq!(resident_kb(file.path()), 4 << 10);
        assert_eq!(sum(), before);
        storage.release(0..(8 << 20) + 1);
        assert_eq!(
            resident_kb(file.path()),
            8 << 10,
            "outside: nothing is done"
        );
    }

    #[test]
    fn releasing_what_is_not_mapped_changes_nothing() {
        let storage = Storage::heap(vec![7; 100]);
        storage.release(0..100);
        assert_eq!(storage.bytes(), [7; 100]);
    }
}
