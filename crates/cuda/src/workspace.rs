//! Room for what lives inside one op: parts of sums, rounded activations. One place per device, handed to every
//! op in turn; it grows to what the hungriest has asked for. And counters for blocks that count each other.

use std::sync::{Mutex, PoisonError};

use crate::backend::Cuda;
use crate::driver::Address;
use crate::memory::Buffer;

/// Counters, 4 bytes each.
const COUNTERS: usize = 16_384;

/// The room, as far as it has been asked for.
#[derive(Default)]
pub(crate) struct Workspace {
    room: Mutex<Option<Buffer>>,
    counters: Mutex<Option<Buffer>>,
}

impl Cuda {
    /// Room for so many bytes, at a multiple of 256 (16 in the emulator). It is the caller's until the next op asks;
    /// what it holds is not defined. Launches that were started with the former, smaller room still find theirs:
    /// whoever gets that memory next comes after them.
    ///
    /// Panics where the device has no such room; the step that needed it fails then, and nothing else.
    pub(crate) fn workspace(&self, bytes: u64) -> Address {
        let mut room = self
            .workspace
            .room
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = room.as_ref().filter(|room| room.bytes() >= bytes) {
            return room.address();
        }
        // The smaller one first: its memory may be what is missing.
        *room = None;
        let larger = self
            .buffer(bytes, "working memory")
            .unwrap_or_else(|error| panic!("{error}"));
        room.insert(larger).address()
    }

    /// So many u32 counters, all 0, and to be left 0: a kernel whose last block has counted the others sets its own
    /// back. Kernels follow each other, so all may use the same.
    pub(crate) fn counters(&self, count: usize) -> Address {
        assert!(count <= COUNTERS, "at most {COUNTERS} counters");
        let mut counters = self
            .workspace
            .counters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = counters.as_ref() {
            return counters.address();
        }
        let new = self
            .buffer((COUNTERS * size_of::<u32>()) as u64, "counters")
            .unwrap_or_else(|error| panic!("{error}"));
        new.zero();
        counters.insert(new).address()
    }
}
