//! Where the bytes of a tensor live: a memory map, the heap, or the program itself.
//!
//! The only `unsafe` of this crate is the mapping below.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Bytes that stay where they are for as long as the value lives.
#[derive(Debug)]
pub(crate) enum Storage {
    Map(Mmap),
    Heap(Vec<u8>),
    /// Heap bytes aligned for every dtype; `len` of them count.
    Words {
        words: Box<[u64]>,
        len: usize,
    },
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
        let len = bytes.len();
        let mut words = vec![0u64; len.div_ceil(ALIGN)].into_boxed_slice();
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..len].copy_from_slice(&bytes);
        Self::Words { words, len }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Heap(bytes) => bytes,
            Self::Words { words, len } => &bytemuck::cast_slice::<u64, u8>(words)[..*len],
            Self::Static(bytes) => bytes,
        }
    }
}
