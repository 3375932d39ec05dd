//! Room for what lives inside one op: parts of sums, rounded activations. One place per device, handed to every
//! op in turn; it grows to what the hungriest has asked for. And counters for blocks that count each other.

use std::sync::{Mutex, PoisonError};

use ops::backend::give_up;

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
    /// Gives up where the device has no such room; the step that needed it fails then, and nothing else.
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
            .unwrap_or_else(|error| give_up(error));
        room.insert(larger).address()
    }

    /// So many u32 counters, all 0, and to be left 0: a kernel whose last block has counted the others sets its own
    /// back. Kernels follow each other, so all may use the same.
    pub(crate) fn counters(&self, count: usize) -> Address {
        assert!(count <= COUNTERS, "at most {COUNTERS} counters");
        self.workspace.counters(self).address()
    }
}

impl Workspace {
    fn counters(&self, cuda: &Cuda) -> Buffer {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = counters.get_or_insert_with(|| {
            let bytes = (COUNTERS * size_of::<u32>()) as u64;
            let new = cuda.buffer(bytes, "counters");
            let new = new.unwrap_or_else(|error| give_up(error));
            new.zero();
            new
        });
        counters.clone()
    }

    /// Reads something that stands at the end of everything asked before.
    pub(crate) fn wait(&self, cuda: &Cuda) {
        self.counters(cuda).read(0, &mut [0; size_of::<u32>()]);
    }
}
