//! What a device can do, without any type of NVIDIA's. Everything is ordered: as if one queue did all of it, one
//! thing after another, while the caller runs ahead; only [`Driver::read`] waits.

pub mod nvidia;

use std::fmt;

/// A place in the memory of a device, in bytes.
pub type Address = u64;

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// Its name in words.
    pub name: String,
    /// Compute capability: 8.0 for sm_80.
    pub compute: (u32, u32),
    /// Multiprocessors.
    pub multiprocessors: u32,
    /// Bytes of its memory.
    pub memory: u64,
}

/// A kernel to start.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// Its name in the CUDA source.
    pub kernel: &'a str,
    /// Blocks.
    pub grid: [u32; 3],
    /// Threads of a block, a multiple of 32.
    pub threads: u32,
    /// Bytes of dynamic shared memory; every card since sm_80 has 99 KiB for a block.
    pub shared: u32,
    /// Its one struct of parameters.
    pub params: &'a [u8],
}

/// A recorded sequence of launches and copies inside the device. Only the driver that made it can use it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Graph(pub u64);

/// Why a device did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// No room.
    #[error("no room for {0} more bytes")]
    OutOfMemory(u64),
    /// Anything else, in the driver's words.
    #[error("{what}: {why}")]
    Failed {
        /// What was asked.
        what: String,
        /// What came back.
        why: String,
    },
}

impl DriverError {
    /// A failure in words.
    pub fn failed(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Failed {
            what: what.to_string(),
            why: why.to_string(),
        }
    }
}

/// A device.
///
/// # Safety of its methods
///
/// Addresses must lie, for the number of bytes that are used, in memory that [`Driver::allocate`] gave and
/// that was not released. For a launch this includes the addresses in its parameters.
pub trait Driver: Send + Sync {
    /// What is known of the device.
    fn properties(&self) -> &Properties;

    /// Bytes that nobody has taken, on the whole device.
    fn free_memory(&self) -> Result<u64, DriverError>;

    /// Takes memory, at an address that is a multiple of 256 (16 in the emulator, so that its end can be guarded).
    fn allocate(&self, bytes: u64) -> Result<Address, DriverError>;

    /// Gives memory back, once everything that was asked before is done.
    ///
    /// # Safety
    /// Nothing uses it any more; no graph that would is replayed.
    unsafe fn release(&self, address: Address);

    /// Copies to the device. The bytes may be changed as soon as this returns.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn write(&self, to: Address, bytes: &[u8]) -> Result<(), DriverError>;

    /// Waits for everything asked before, then copies from the device.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn read(&self, from: Address, bytes: &mut [u8]) -> Result<(), DriverError>;

    /// Copies inside the device. The two places do not overlap.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn copy(&self, from: Address, to: Address, bytes: u64) -> Result<(), DriverError>;

    /// Fills with zero bytes.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn zero(&self, at: Address, bytes: u64) -> Result<(), DriverError>;

    /// Starts a kernel.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<(), DriverError>;

    /// From now on launches, copies inside the device and fills of this thread are recorded instead of done.
    fn start_recording(&self) -> Result<(), DriverError>;

    /// Ends the recording.
    fn stop_recording(&self) -> Result<Graph, DriverError>;

    /// Does what was recorded, with the parameters of then and the contents of now.
    ///
    /// # Safety
    /// All memory that was used in the recording still stands.
    unsafe fn replay(&self, graph: &Graph) -> Result<(), DriverError>;

    /// Forgets a recording.
    fn forget(&self, graph: Graph);
}
