//! Buffers on a device. Memory that a buffer gave back is kept for the next one of its size: after the first steps
//! nothing is taken from the driver any more, and the same request finds the same address again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ops::BackendError;

use crate::driver::{Address, Driver, DriverError};

/// What has been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes in buffers that are in use.
    pub used: u64,
    /// Bytes taken from the driver: in use or kept.
    pub taken: u64,
    /// The most that `taken` has been.
    pub peak: u64,
}

/// The memory of a device.
pub(crate) struct Pool {
    driver: Arc<dyn Driver>,
    bound: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    usage: Usage,
    kept: HashMap<u64, Vec<Address>>,
    recording: bool,
}

/// Memory in use. It goes back to the pool when this is dropped.
pub struct Buffer {
    pool: Arc<Pool>,
    address: Address,
    bytes: u64,
    room: u64,
}

/// Sizes are rounded up, so that buffers of nearly the same size can follow each other: to 256 bytes below 64 KiB,
/// above to an eighth of the power of two below.
fn rounded(bytes: u64) -> u64 {
    let step = match bytes {
        0..0x1_0000 => 256,
        _ => (bytes.next_power_of_two() / 16).max(256),
    };
    bytes.max(1).next_multiple_of(step)
}

impl Pool {
    /// Memory of a device, no more of it than `bound` bytes.
    pub(crate) fn new(driver: Arc<dyn Driver>, bound: u64) -> Arc<Self> {
        Arc::new(Self {
            driver,
            bound,
            state: Mutex::default(),
        })
    }

    pub(crate) fn driver(&self) -> &dyn Driver {
        &*self.driver
    }

    pub(crate) fn usage(&self) -> Usage {
        self.state().usage
    }

    /// A buffer. What it holds is not defined. `exact`: it will stay, like weights; its size is not rounded up.
    pub(crate) fn buffer(
        self: &Arc<Self>,
        bytes: u64,
        exact: bool,
        what: &'static str,
    ) -> Result<Buffer, BackendError> {
        let room = if exact { bytes.max(1) } else { rounded(bytes) };
        let mut state = self.state();
        assert!(
            !state.recording,
            "memory is taken before a recording begins"
        );
        let kept = state.kept.get_mut(&room).and_then(Vec::pop);
        let address = match kept {
            Some(address) => address,
            None => self
                .take(&mut state, room)
                .map_err(|_| BackendError::OutOfMemory {
                    device: self.driver.properties().name.clone(),
                    what,
                    bytes: room,
                })?,
        };
        state.usage.used += room;
        Ok(Buffer {
            pool: Arc::clone(self),
            address,
            bytes,
            room,
        })
    }

    /// From the driver; what is kept is given up first where there is too little.
    fn take(&self, state: &mut State, room: u64) -> Result<Address, DriverError> {
        let fits = |state: &State| {
            let taken = state.usage.taken.checked_add(room);
            taken.is_some_and(|taken| taken <= self.bound)
        };
        let mut found = match fits(state) {
            true => self.driver.allocate(room),
            false => Err(DriverError::OutOfMemory(room)),
        };
        if found.is_err() {
            self.give_up_kept(state);
            if fits(state) {
                found = self.driver.allocate(room);
            }
        }
        if found.is_ok() {
            state.usage.taken += room;
            state.usage.peak = state.usage.peak.max(state.usage.taken);
        }
        found
    }

    fn give_up_kept(&self, state: &mut State) {
        for (room, addresses) in state.kept.drain() {
            for address in addresses {
                // SAFETY: kept memory is no buffer's. Graphs use only memory that their makers hold.
                unsafe { self.driver.release(address) };
                state.usage.taken -= room;
            }
        }
    }

    /// While a sequence is recorded nobody may take memory: what is recorded is done again later.
    #[expect(dead_code, reason = "until steps are recorded")]
    pub(crate) fn set_recording(&self, recording: bool) {
        self.state().recording = recording;
    }

    /// A panic while it was held leaves nothing half done that matters.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *self.state());
        self.give_up_kept(&mut state);
    }
}

impl Buffer {
    pub(crate) fn address(&self) -> Address {
        self.address
    }

    /// Bytes that were asked for.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Copies from the host. Panics beyond the end, or where the driver refuses.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        self.check(offset, bytes.len() as u64);
        // SAFETY: inside this buffer.
        let outcome = unsafe { self.pool.driver.write(self.address + offset, bytes) };
        outcome.unwrap_or_else(|error| panic!("could not write to the GPU: {error}"));
    }

    /// Copies to the host. Panics beyond the end, or where the driver refuses.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) {
        self.check(offset, bytes.len() as u64);
        // SAFETY: inside this buffer.
        let outcome = unsafe { self.pool.driver.read(self.address + offset, bytes) };
        outcome.unwrap_or_else(|error| panic!("could not read from the GPU: {error}"));
    }

    /// Copies the first bytes of another buffer. Panics beyond an end, or where the driver refuses.
    pub(crate) fn copy_from(&self, from: &Self, bytes: u64) {
        self.check(0, bytes);
        from.check(0, bytes);
        // SAFETY: inside both buffers, and two buffers do not overlap.
        let outcome = unsafe { self.pool.driver.copy(from.address, self.address, bytes) };
        outcome.unwrap_or_else(|error| panic!("could not copy on the GPU: {error}"));
    }

    /// Fills all of it with zero bytes.
    pub(crate) fn zero(&self) {
        // SAFETY: this buffer.
        let outcome = unsafe { self.pool.driver.zero(self.address, self.bytes) };
        outcome.unwrap_or_else(|error| panic!("could not clear memory of the GPU: {error}"));
    }

    fn check(&self, offset: u64, bytes: u64) {
        let end = offset.checked_add(bytes);
        assert!(
            end.is_some_and(|end| end <= self.bytes),
            "{bytes} bytes at {offset} do not lie in a buffer of {}",
            self.bytes
        );
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.usage.used -= self.room;
        state.kept.entry(self.room).or_default().push(self.address);
    }
}
