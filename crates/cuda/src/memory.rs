//! Buffers on a device. Memory that a buffer gave back is kept for the next one of its size: after the first steps
//! nothing is taken from the driver any more, and the same request finds the same address again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ops::BackendError;
use ops::backend::give_up;

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
}

/// Memory in use. It goes back to the pool when the last copy of this handle is dropped, and the last of its parts.
#[derive(Clone)]
pub struct Buffer(Arc<Held>);

struct Held {
    pool: Arc<Pool>,
    address: Address,
    bytes: u64,
    home: Home,
}

/// Where a buffer's memory comes from.
enum Home {
    /// The pool: so many bytes of it.
    Pool(u64),
    /// A larger buffer.
    Whole(Buffer),
}

/// Sizes are rounded up, so that buffers of nearly the same size can follow each other: to 256 bytes below 64 KiB,
/// above to an eighth of the power of two below.
pub fn rounded(bytes: u64) -> u64 {
    let step = match bytes {
        0..0x1_0000 => 256,
        _ => bytes.checked_next_power_of_two().unwrap_or(1 << 63) / 16,
    };
    bytes.max(1).checked_next_multiple_of(step).unwrap_or(bytes)
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
        let kept = state.kept.get_mut(&room).and_then(Vec::pop);
        let device = || self.driver.properties().name.clone();
        let address = match kept {
            Some(address) => address,
            None => self.take(&mut state, room).map_err(|error| match error {
                DriverError::OutOfMemory(_) => BackendError::OutOfMemory {
                    device: device(),
                    what,
                    bytes: room,
                },
                DriverError::Failed { .. } => BackendError::Lost {
                    device: device(),
                    why: error.to_string(),
                },
            })?,
        };
        state.usage.used += room;
        Ok(Buffer(Arc::new(Held {
            pool: Arc::clone(self),
            address,
            bytes,
            home: Home::Pool(room),
        })))
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

    /// Ends what was going on where the driver refused: as a lost device where it answers nothing any more, else as
    /// a fault of this program.
    pub(crate) fn expect(&self, outcome: Result<(), DriverError>, what: impl fmt::Display) {
        let Err(error) = outcome else {
            return;
        };
        // After an error that stays, the driver gives it to every question.
        if self.driver.free_memory().is_err() {
            give_up(BackendError::Lost {
                device: self.driver.properties().name.clone(),
                why: format!("{what}: {error}"),
            });
        }
        panic!("{what}: {error}");
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
    /// A piece of it. Panics beyond the end.
    pub(crate) fn part(&self, offset: u64, bytes: u64) -> Self {
        self.check(offset, bytes);
        Self(Arc::new(Held {
            pool: Arc::clone(&self.0.pool),
            address: self.0.address + offset,
            bytes,
            home: Home::Whole(self.clone()),
        }))
    }

    pub(crate) fn is_part_of(&self, whole: &Self) -> bool {
        matches!(&self.0.home, Home::Whole(own) if Arc::ptr_eq(&own.0, &whole.0))
    }

    /// Whether nobody has another handle of it, nor a part.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn address(&self) -> Address {
        self.0.address
    }

    /// Bytes that were asked for.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Copies from the host. Panics beyond the end, or where the driver refuses.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        self.check(offset, bytes.len() as u64);
        // SAFETY: inside this buffer.
        let outcome = unsafe { self.0.pool.driver.write(self.0.address + offset, bytes) };
        self.0.pool.expect(outcome, "could not write to the GPU");
    }

    /// Copies to the host. Panics beyond the end, or where the driver refuses.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) {
        self.check(offset, bytes.len() as u64);
        // SAFETY: inside this buffer.
        let outcome = unsafe { self.0.pool.driver.read(self.0.address + offset, bytes) };
        self.0.pool.expect(outcome, "could not read from the GPU");
    }

    /// Copies the first bytes of another buffer. Panics beyond an end, or where the driver refuses.
    pub(crate) fn copy_from(&self, from: &Self, bytes: u64) {
        self.check(0, bytes);
        from.check(0, bytes);
        // SAFETY: inside both buffers, and two buffers do not overlap.
        let outcome = unsafe {
            self.0
                .pool
                .driver
                .copy(from.0.address, self.0.address, bytes)
        };
        self.0.pool.expect(outcome, "could not copy on the GPU");
    }

    /// Fills all of it with zero bytes.
    pub(crate) fn zero(&self) {
        // SAFETY: this buffer.
        let outcome = unsafe { self.0.pool.driver.zero(self.0.address, self.0.bytes) };
        self.0
            .pool
            .expect(outcome, "could not clear memory of the GPU");
    }

    fn check(&self, offset: u64, bytes: u64) {
        let end = offset.checked_add(bytes);
        assert!(
            end.is_some_and(|end| end <= self.0.bytes),
            "{bytes} bytes at {offset} do not lie in a buffer of {}",
            self.0.bytes
        );
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Home::Pool(room) = self.home {
            let mut state = self.pool.state();
            state.usage.used -= room;
            state.kept.entry(room).or_default().push(self.address);
        }
    }
}
