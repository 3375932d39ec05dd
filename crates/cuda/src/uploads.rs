//! What a step needs of the host, copied at once: ids, slots, angles, page tables lie side by side in one buffer,
//! which is filled on the host first. The buffer stays, so a step like the last one finds the same addresses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::backend::Cuda;
use crate::memory::Buffer;

/// What a part begins at a multiple of.
const ALIGNMENT: usize = 64;
/// Room at first.
const LEAST_ROOM: u64 = 4096;

/// The buffer, and what is about to be copied into it.
#[derive(Default)]
pub(crate) struct Uploads {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buffer: Option<Buffer>,
    open: Option<Open>,
    /// What is copied is gathered here.
    bytes: Vec<u8>,
    /// The most that was asked for at once.
    most: u64,
}

struct Open {
    /// Who opened it; nobody else's uploads wait.
    thread: ThreadId,
    buffer: Buffer,
    bytes: Vec<u8>,
    asked: u64,
}

impl Uploads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of the buffer that is being filled, all zero; `None` where none is, or where it is full.
    pub(crate) fn part(&self, bytes: u64) -> Option<Buffer> {
        let mut state = self.state();
        let open = state.open.as_mut()?;
        if open.thread != thread::current().id() {
            return None;
        }
        let start = open.bytes.len().next_multiple_of(ALIGNMENT);
        open.asked = open
            .asked
            .saturating_add(bytes.saturating_add(ALIGNMENT as u64));
        let end = (start as u64).checked_add(bytes)?;
        if end > open.buffer.bytes() {
            return None;
        }
        open.bytes.resize(end as usize, 0);
        Some(open.buffer.part(start as u64, bytes))
    }

    /// Puts values into a part that is still being filled; false where the buffer is not, and has to be written to.
    pub(crate) fn fill(&self, part: &Buffer, bytes: &[u8]) -> bool {
        let mut state = self.state();
        let Some(open) = &mut state.open else {
            return false;
        };
        if !part.is_part_of(&open.buffer) {
            return false;
        }
        let start = (part.address() - open.buffer.address()) as usize;
        assert!(
            bytes.len() as u64 <= part.bytes(),
            "values for all rows in use"
        );
        open.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        true
    }

    fn open(&self, cuda: &Cuda) {
        let mut state = self.state();
        if state.open.is_some() {
            return;
        }
        let room = state.most.next_power_of_two().max(LEAST_ROOM);
        let kept = state.buffer.take();
        // Parts of the last step may still be in use, and the buffer too small.
        let kept = kept.filter(|own| own.is_alone() && own.bytes() >= room);
        let buffer = match kept {
            Some(buffer) => buffer,
            // Without room for it uploads go one by one, and say what is missing where that fails too.
            None => match cuda.buffer(room, "a step's inputs") {
                Ok(buffer) => buffer,
                Err(_) => return,
            },
        };
        state.buffer = Some(buffer.clone());
        let bytes = std::mem::take(&mut state.bytes);
        state.open = Some(Open {
            thread: thread::current().id(),
            buffer,
            bytes,
            asked: 0,
        });
    }

    fn close(&self, copy: bool) {
        let mut state = self.state();
        let Some(open) = state.open.take() else {
            return;
        };
        state.most = state.most.max(open.asked);
        drop(state);
        let mut bytes = open.bytes;
        if copy && !bytes.is_empty() {
            open.buffer.write(0, &bytes);
        }
        bytes.clear();
        self.state().bytes = bytes;
    }
}

impl Cuda {
    /// Runs `body` and copies what it uploads in one piece, as far as there is room.
    pub(crate) fn upload_at_once<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Closing<'a>(&'a Uploads);
        impl Drop for Closing<'_> {
            fn drop(&mut self) {
                self.0.close(!thread::panicking());
            }
        }
        self.uploads.open(self);
        let _closing = Closing(&self.uploads);
        body()
    }
}
