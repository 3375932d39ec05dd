//! A GPU that is not there: the kernels of the `cuda` crate, run on the processor, thread by thread. For tests.
//!
//! It is strict where hardware is lenient: see `emulated/device.h`. Every allocation ends where its memory ends, so that
//! a kernel which reads past it stops the program. What it cannot show: speed, the driver's own behaviour, and
//! what the translator makes of the PTX.

#![expect(unsafe_code, reason = "plays a device: addresses are numbers here")]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cuda::{Address, Driver, DriverError, Graph, Launch, Properties};

unsafe extern "C" {
    fn lookdesk_emulated_launch(
        name: *const c_char,
        x: u32,
        y: u32,
        z: u32,
        threads: u32,
        dynamic_bytes: u32,
        params: *const c_void,
        params_bytes: usize,
    ) -> *const c_char;
}

/// The kernels share one set of fibers.
static LAUNCHES: Mutex<()> = Mutex::new(());

/// What may be wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no memory any more.
    NoMemory,
    /// It answers nothing, as after an error that stays.
    Lost,
    /// It records no launches.
    NoRecording,
}

/// A device made of ordinary memory.
pub struct Emulator {
    properties: Properties,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: HashMap<Address, Mapping>,
    bytes: u64,
    recording: Option<Vec<Action>>,
    graphs: HashMap<u64, Vec<Action>>,
    next_graph: u64,
    launches: u64,
    fault: Option<Fault>,
}

struct Mapping {
    base: *mut c_void,
    size: usize,
    bytes: u64,
}

// SAFETY: only a name of memory; it is unmapped once, by whoever removes it from the state.
unsafe impl Send for Mapping {}

/// What can be recorded.
#[derive(Clone)]
enum Action {
    Copy {
        from: Address,
        to: Address,
        bytes: u64,
    },
    Zero {
        at: Address,
        bytes: u64,
    },
    Launch {
        kernel: String,
        grid: [u32; 3],
        threads: u32,
        shared: u32,
        params: Vec<u8>,
    },
}

impl Emulator {
    /// A device with so many bytes of memory.
    pub fn new(memory: u64) -> Self {
        Self {
            properties: Properties {
                name: "emulated GPU".to_owned(),
                compute: (8, 0),
                multiprocessors: 4,
                memory,
            },
            state: Mutex::default(),
        }
    }

    /// As a card of another compute capability: kernels are the same, the choice of them may not be.
    pub fn with_compute(mut self, major: u32, minor: u32) -> Self {
        self.properties.compute = (major, minor);
        self
    }

    /// As a card of so many multiprocessors: how work is cut into blocks may depend on it.
    pub fn with_multiprocessors(mut self, count: u32) -> Self {
        self.properties.multiprocessors = count;
        self
    }

    /// Kernels started so far, those of replays included.
    pub fn launches(&self) -> u64 {
        self.state().launches
    }

    /// From now on something is wrong with it, or nothing any more.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    fn answer(&self, what: &str) -> Result<(), DriverError> {
        match self.state().fault {
            Some(Fault::Lost) => Err(DriverError::failed(what, "the emulated device is lost")),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act(&self, action: Action) -> Result<(), DriverError> {
        self.answer("working")?;
        if let Some(recording) = &mut self.state().recording {
            recording.push(action);
            return Ok(());
        }
        self.run(&action)
    }

    fn run(&self, action: &Action) -> Result<(), DriverError> {
        match action {
            &Action::Copy { from, to, bytes } => {
                // SAFETY: the promise of whoever asked for the copy.
                unsafe {
                    std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes as usize)
                };
                Ok(())
            }
            &Action::Zero { at, bytes } => {
                // SAFETY: the promise of whoever asked for the fill.
                unsafe { std::ptr::write_bytes(at as *mut u8, 0, bytes as usize) };
                Ok(())
            }
            Action::Launch {
                kernel,
                grid: [x, y, z],
                threads,
                shared,
                params,
            } => {
                self.state().launches += 1;
                let name = CString::new(kernel.as_str())
                    .map_err(|error| DriverError::failed(kernel, error))?;
                // The struct begins at an address that suits its largest field.
                let mut aligned = vec![0_u64; params.len().div_ceil(8)];
                for (word, bytes) in aligned.iter_mut().zip(params.chunks(8)) {
                    let mut whole = [0; 8];
                    whole[..bytes.len()].copy_from_slice(bytes);
                    *word = u64::from_ne_bytes(whole);
                }
                let one = LAUNCHES.lock().unwrap_or_else(PoisonError::into_inner);
                // SAFETY: name and parameters live through the call; addresses in them are the caller's
                // promise; the lock keeps all others out.
                let said = unsafe {
                    lookdesk_emulated_launch(
                        name.as_ptr(),
                        *x,
                        *y,
                        *z,
                        *threads,
                        *shared,
                        aligned.as_ptr().cast(),
                        params.len(),
                    )
                };
                if said.is_null() {
                    return Ok(());
                }
                // SAFETY: a text of the emulator's, good until the next launch, which waits for the lock.
                let said = unsafe { CStr::from_ptr(said) }
                    .to_string_lossy()
                    .into_owned();
                drop(one);
                Err(DriverError::failed(kernel, said))
            }
        }
    }
}

fn page() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

impl Driver for Emulator {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn free_memory(&self) -> Result<u64, DriverError> {
        self.answer("asking for free memory")?;
        Ok(self.properties.memory.saturating_sub(self.state().bytes))
    }

    /// Ends at a page that nobody may touch. Full of NaN.
    fn allocate(&self, bytes: u64) -> Result<Address, DriverError> {
        self.answer("taking memory")?;
        let mut state = self.state();
        if state.fault == Some(Fault::NoMemory) {
            return Err(DriverError::OutOfMemory(bytes));
        }
        if state.recording.is_some() {
            return Err(DriverError::failed(
                "taking memory",
                "a recording is going on",
            ));
        }
        if state.bytes.saturating_add(bytes) > self.properties.memory {
            return Err(DriverError::OutOfMemory(bytes));
        }
        let page = page();
        let used = (bytes as usize).next_multiple_of(16);
        let size = used.next_multiple_of(page) + page;
        // SAFETY: a mapping of its own; the result is checked.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(DriverError::OutOfMemory(bytes));
        }
        let guard = base as usize + size - page;
        // SAFETY: the last page of the mapping just made, then the bytes before it.
        unsafe {
            libc::mprotect(guard as *mut c_void, page, libc::PROT_NONE);
            std::ptr::write_bytes((guard - used) as *mut u8, 0xff, used);
        }
        let address = (guard - used) as Address;
        state.bytes += bytes;
        state.taken.insert(address, Mapping { base, size, bytes });
        Ok(address)
    }

    unsafe fn release(&self, address: Address) {
        let mut state = self.state();
        let mapping = state
            .taken
            .remove(&address)
            .expect("memory is released once");
        state.bytes -= mapping.bytes;
        // SAFETY: taken by `allocate`, and just removed.
        unsafe { libc::munmap(mapping.base, mapping.size) };
    }

    unsafe fn write(&self, to: Address, bytes: &[u8]) -> Result<(), DriverError> {
        self.answer("copying to the device")?;
        if self.state().recording.is_some() {
            return Err(DriverError::failed(
                "copying to the device",
                "a recording is going on",
            ));
        }
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        Ok(())
    }

    unsafe fn read(&self, from: Address, bytes: &mut [u8]) -> Result<(), DriverError> {
        self.answer("copying from the device")?;
        if self.state().recording.is_some() {
            return Err(DriverError::failed(
                "copying from the device",
                "a recording is going on",
            ));
        }
        // SAFETY: the caller's promise.
        unsafe {
            std::ptr::copy_nonoverlapping(from as *const u8, bytes.as_mut_ptr(), bytes.len())
        };
        Ok(())
    }

    unsafe fn copy(&self, from: Address, to: Address, bytes: u64) -> Result<(), DriverError> {
        self.act(Action::Copy { from, to, bytes })
    }

    unsafe fn zero(&self, at: Address, bytes: u64) -> Result<(), DriverError> {
        self.act(Action::Zero { at, bytes })
    }

    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<(), DriverError> {
        self.act(Action::Launch {
            kernel: launch.kernel.to_owned(),
            grid: launch.grid,
            threads: launch.threads,
            shared: launch.shared,
            params: launch.params.to_vec(),
        })
    }

    fn start_recording(&self) -> Result<(), DriverError> {
        let mut state = self.state();
        if state.fault == Some(Fault::NoRecording) {
            return Err(DriverError::failed("recording", "not on this device"));
        }
        if state.recording.is_some() {
            return Err(DriverError::failed("recording", "a recording is going on"));
        }
        state.recording = Some(Vec::new());
        Ok(())
    }

    fn stop_recording(&self) -> Result<Graph, DriverError> {
        let mut state = self.state();
        let actions = state.recording.take();
        let actions =
            actions.ok_or_else(|| DriverError::failed("ending a recording", "none is going on"))?;
        let number = state.next_graph;
        state.next_graph += 1;
        state.graphs.insert(number, actions);
        Ok(Graph(number))
    }

    unsafe fn replay(&self, graph: &Graph) -> Result<(), DriverError> {
        self.answer("replaying")?;
        let actions = self.state().graphs.get(&graph.0).cloned();
        let actions =
            actions.ok_or_else(|| DriverError::failed("replaying", "no such recording"))?;
        actions.iter().try_for_each(|action| self.run(action))
    }

    fn forget(&self, graph: Graph) {
        self.state().graphs.remove(&graph.0);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let taken = std::mem::take(&mut self.state().taken);
        for mapping in taken.into_values() {
            // SAFETY: taken by `allocate`, and just removed.
            unsafe { libc::munmap(mapping.base, mapping.size) };
        }
    }
}
