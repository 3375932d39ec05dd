//! NVIDIA's driver, loaded when it is first asked for. Nothing of CUDA needs to be there when this is built, and
//! where there is no driver the program is what it would be without this file.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use cudarc::driver::result::{self, ctx, device, graph, module, primary_ctx, stream};
use cudarc::driver::sys;

use super::{Address, Driver, DriverError, Graph, Launch, Properties};

/// The least compute capability that the shipped PTX runs on.
pub const LEAST_COMPUTE: (u32, u32) = (8, 0);
/// The least driver that reads the shipped PTX (ISA 8.4), in the number that the driver gives of itself.
pub const LEAST_DRIVER: i32 = 12_040;

/// Why a device is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No driver, or none that answers.
    #[error("no NVIDIA driver was found")]
    NoDriver,
    /// The driver does not start.
    #[error("the NVIDIA driver does not start: {0}")]
    Broken(String),
    /// The driver is too old.
    #[error("the NVIDIA driver supports CUDA {0}.{1}; install a driver of the 550 branch or newer")]
    OldDriver(i32, i32),
    /// The card is too old.
    #[error("{name} has compute capability {}.{}; 8.0 or newer is needed (Ampere: RTX 30, A100)", compute.0, compute.1)]
    OldDevice {
        /// Its name.
        name: String,
        /// What it has.
        compute: (u32, u32),
    },
}

/// How many devices the driver has. Loads it.
pub fn count() -> Result<u32, Unusable> {
    // SAFETY: only looks for the library.
    if !unsafe { sys::is_culib_present() } {
        return Err(Unusable::NoDriver);
    }
    result::init().map_err(|error| Unusable::Broken(words(error)))?;
    let (major, minor) = driver_version()?;
    if major * 1000 + minor * 10 < LEAST_DRIVER {
        return Err(Unusable::OldDriver(major, minor));
    }
    let count = device::get_count().map_err(|error| Unusable::Broken(words(error)))?;
    Ok(u32::try_from(count).unwrap_or(0))
}

/// The newest CUDA that the driver knows. Only after [`count`] has found a driver.
pub fn driver_version() -> Result<(i32, i32), Unusable> {
    let mut version = 0;
    // SAFETY: writes one number.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }
        .result()
        .map_err(|error| Unusable::Broken(words(error)))?;
    Ok((version / 1000, version % 1000 / 10))
}

/// Bytes that nobody has taken of the device with a number below [`count`]. What the driver itself needs to use it is
/// taken while this is asked.
pub fn free_memory(ordinal: u32) -> Result<u64, Unusable> {
    let ask = || -> Result<usize, result::DriverError> {
        let device = device::get(ordinal as i32)?;
        // SAFETY: the device was just given; the context is released below.
        let context = unsafe { primary_ctx::retain(device) }?;
        // SAFETY: the context is retained.
        let asked = unsafe { ctx::set_current(context) }.and_then(|()| result::mem_get_info());
        // SAFETY: retained above; nothing of it is used afterwards.
        unsafe { primary_ctx::release(device) }?;
        Ok(asked?.0)
    };
    let free = ask().map_err(|error| Unusable::Broken(words(error)))?;
    Ok(free as u64)
}

/// What is known of the device with a number below [`count`], whether or not it can be used.
pub fn look_at(ordinal: u32) -> Result<Properties, Unusable> {
    let read = || -> Result<Properties, result::DriverError> {
        let device = device::get(ordinal as i32)?;
        let attribute = |which| {
            // SAFETY: the device was just given.
            let value = unsafe { device::get_attribute(device, which) }?;
            Ok::<_, result::DriverError>(u32::try_from(value).unwrap_or(0))
        };
        use sys::CUdevice_attribute as Attribute;
        Ok(Properties {
            name: device::get_name(device)?,
            compute: (
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            // SAFETY: the device was just given.
            memory: unsafe { device::total_mem(device) }? as u64,
        })
    };
    read().map_err(|error| Unusable::Broken(words(error)))
}

/// Whether a device can run what is shipped.
pub fn usable(properties: &Properties) -> Result<(), Unusable> {
    if properties.compute < LEAST_COMPUTE {
        return Err(Unusable::OldDevice {
            name: properties.name.clone(),
            compute: properties.compute,
        });
    }
    Ok(())
}

/// One device.
pub struct Nvidia {
    properties: Properties,
    device: sys::CUdevice,
    context: sys::CUcontext,
    stream: sys::CUstream,
    modules: Vec<sys::CUmodule>,
    kernels: HashMap<String, sys::CUfunction>,
    graphs: Mutex<Graphs>,
}

#[derive(Default)]
struct Graphs {
    next: u64,
    ready: HashMap<u64, sys::CUgraphExec>,
}

// SAFETY: the handles are names that the driver checks; it may be called from any thread, and each call here first
// makes the context the thread's own.
unsafe impl Send for Nvidia {}
// SAFETY: as above; what the driver changes, it guards itself, and `graphs` has its own lock.
unsafe impl Sync for Nvidia {}

fn words(error: result::DriverError) -> String {
    let name = error
        .error_name()
        .map(|name| name.to_string_lossy().into_owned());
    let text = error
        .error_string()
        .map(|text| text.to_string_lossy().into_owned());
    match (name, text) {
        (Ok(name), Ok(text)) => format!("{name}, {text}"),
        _ => format!("error {}", error.0 as u32),
    }
}

fn failed(what: impl Display) -> impl FnOnce(result::DriverError) -> DriverError {
    move |error| DriverError::failed(what, words(error))
}

impl Nvidia {
    /// Takes a device and gives it the kernels: PTX texts, which the driver translates (and keeps translated).
    pub fn new(ordinal: u32, ptx: &[&str]) -> Result<Self, DriverError> {
        count().map_err(|error| DriverError::failed("looking for a driver", error))?;
        let properties = look_at(ordinal)
            .map_err(|error| DriverError::failed("looking at the device", error))?;
        let device = device::get(ordinal as i32).map_err(failed("taking the device"))?;
        // SAFETY: the device was just given; the context is released in `drop`.
        let context =
            unsafe { primary_ctx::retain(device) }.map_err(failed("taking the device"))?;
        let mut new = Self {
            properties,
            device,
            context,
            stream: std::ptr::null_mut(),
            modules: Vec::new(),
            kernels: HashMap::new(),
            graphs: Mutex::default(),
        };
        new.enter()?;
        new.stream =
            stream::create(stream::StreamKind::NonBlocking).map_err(failed("making a queue"))?;
        for text in ptx {
            new.load(text)?;
        }
        Ok(new)
    }

    /// The kernels of one PTX text.
    fn load(&mut self, text: &str) -> Result<(), DriverError> {
        let image =
            CString::new(text).map_err(|error| DriverError::failed("reading kernels", error))?;
        // SAFETY: the text ends with a zero byte and is only read.
        let module = unsafe { module::load_data(image.as_ptr().cast::<c_void>()) }
            .map_err(failed("translating the kernels"))?;
        self.modules.push(module);
        for name in entries(text) {
            let function = CString::new(name).map_err(|error| DriverError::failed(name, error))?;
            // SAFETY: the module was just loaded and stays until `drop`.
            let function =
                unsafe { module::get_function(module, function) }.map_err(failed(name))?;
            self.allow_shared(function).map_err(failed(name))?;
            self.kernels.insert(name.to_owned(), function);
        }
        Ok(())
    }

    /// Lets a kernel have all the shared memory that a block may have; unasked it is 48 KiB.
    fn allow_shared(&self, function: sys::CUfunction) -> Result<(), result::DriverError> {
        use sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN as MOST;
        use sys::CUfunction_attribute_enum as Attribute;
        // SAFETY: device and function are alive.
        unsafe {
            let most = device::get_attribute(self.device, MOST)?;
            let own = result::function::get_function_attribute(
                function,
                Attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES,
            )?;
            result::function::set_function_attribute(
                function,
                Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                most - own,
            )
        }
    }

    /// Makes the context the thread's own; the driver's calls are about it then.
    fn enter(&self) -> Result<(), DriverError> {
        // SAFETY: the context is retained until `drop`.
        unsafe { ctx::set_current(self.context) }.map_err(failed("using the device"))
    }

    fn graphs(&self) -> std::sync::MutexGuard<'_, Graphs> {
        self.graphs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of the kernels in a PTX text.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix(".visible .entry ")?;
        rest.split('(').next().map(str::trim)
    })
}

impl Driver for Nvidia {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn free_memory(&self) -> Result<u64, DriverError> {
        self.enter()?;
        let (free, _) = result::mem_get_info().map_err(failed("asking for free memory"))?;
        Ok(free as u64)
    }

    fn allocate(&self, bytes: u64) -> Result<Address, DriverError> {
        self.enter()?;
        let size = usize::try_from(bytes).map_err(|_| DriverError::OutOfMemory(bytes))?;
        // SAFETY: the memory is only used through addresses, and released through `release`.
        unsafe { result::malloc_sync(size) }.map_err(|error| match error.0 {
            sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => DriverError::OutOfMemory(bytes),
            _ => failed("taking memory")(error),
        })
    }

    unsafe fn release(&self, address: Address) {
        if self.enter().is_ok() {
            // That freeing waits for a queue which is not the default one is promised nowhere.
            // SAFETY: the queue is alive.
            let _ = unsafe { stream::synchronize(self.stream) };
            // SAFETY: the caller's promise, and what was asked before is done. A failure loses memory that is lost
            // anyway.
            let _ = unsafe { result::free_sync(address) };
        }
    }

    unsafe fn write(&self, to: Address, bytes: &[u8]) -> Result<(), DriverError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.enter()?;
        // SAFETY: the caller's promise about `to`. From memory that is not pinned the driver takes the bytes
        // before it returns.
        unsafe { result::memcpy_htod_async(to, bytes, self.stream) }
            .map_err(failed("copying to the device"))
    }

    unsafe fn read(&self, from: Address, bytes: &mut [u8]) -> Result<(), DriverError> {
        self.enter()?;
        // SAFETY: the caller's promise about `from`; the bytes are there once the queue is empty, and
        // nobody sees them before.
        unsafe {
            if !bytes.is_empty() {
                result::memcpy_dtoh_async(bytes, from, self.stream)
                    .map_err(failed("copying from the device"))?;
            }
            stream::synchronize(self.stream).map_err(failed("waiting for the device"))
        }
    }

    unsafe fn copy(&self, from: Address, to: Address, bytes: u64) -> Result<(), DriverError> {
        if bytes == 0 {
            return Ok(());
        }
        self.enter()?;
        let size = usize::try_from(bytes).map_err(|_| DriverError::OutOfMemory(bytes))?;
        // SAFETY: the caller's promise.
        unsafe { result::memcpy_dtod_async(to, from, size, self.stream) }
            .map_err(failed("copying on the device"))
    }

    unsafe fn zero(&self, at: Address, bytes: u64) -> Result<(), DriverError> {
        if bytes == 0 {
            return Ok(());
        }
        self.enter()?;
        let size = usize::try_from(bytes).map_err(|_| DriverError::OutOfMemory(bytes))?;
        // SAFETY: the caller's promise.
        unsafe { result::memset_d8_async(at, 0, size, self.stream) }
            .map_err(failed("clearing memory"))
    }

    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<(), DriverError> {
        self.enter()?;
        let function = *self
            .kernels
            .get(launch.kernel)
            .ok_or_else(|| DriverError::failed(launch.kernel, "no such kernel"))?;
        let [x, y, z] = launch.grid;
        let mut params = [launch.params.as_ptr().cast_mut().cast::<c_void>()];
        // SAFETY: the driver copies the one parameter before it returns; the caller promises that it is the
        // kernel's struct with good addresses.
        unsafe {
            result::launch_kernel(
                function,
                (x, y, z),
                (launch.threads, 1, 1),
                launch.shared,
                self.stream,
                &mut params,
            )
        }
        .map_err(failed(launch.kernel))
    }

    fn start_recording(&self) -> Result<(), DriverError> {
        self.enter()?;
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the queue is alive.
        unsafe { stream::begin_capture(self.stream, mode) }.map_err(failed("recording"))
    }

    fn stop_recording(&self) -> Result<Graph, DriverError> {
        self.enter()?;
        // SAFETY: the queue is alive; the recording is destroyed once it is made ready to run.
        let ready = unsafe {
            let recorded =
                stream::end_capture(self.stream).map_err(failed("ending a recording"))?;
            let ready = graph::instantiate(recorded, sys::CUgraphInstantiate_flags(0));
            // What is ready does not need it any more; a failure loses a little memory.
            let _ = graph::destroy(recorded);
            ready.map_err(failed("making a recording ready"))?
        };
        let mut graphs = self.graphs();
        let number = graphs.next;
        graphs.next += 1;
        graphs.ready.insert(number, ready);
        Ok(Graph(number))
    }

    unsafe fn replay(&self, graph: &Graph) -> Result<(), DriverError> {
        self.enter()?;
        let ready = self.graphs().ready.get(&graph.0).copied();
        let ready = ready.ok_or_else(|| DriverError::failed("replaying", "no such recording"))?;
        // SAFETY: it is alive; the caller promises that the memory it uses is.
        unsafe { graph::launch(ready, self.stream) }.map_err(failed("replaying"))
    }

    fn forget(&self, graph: Graph) {
        let ready = self.graphs().ready.remove(&graph.0);
        if let Some(ready) = ready
            && self.enter().is_ok()
        {
            // SAFETY: nobody has its number any more. The driver waits for a run that is under way.
            let _ = unsafe { graph::exec_destroy(ready) };
        }
    }
}

impl Drop for Nvidia {
    fn drop(&mut self) {
        if self.enter().is_err() {
            return;
        }
        let graphs = std::mem::take(&mut self.graphs().ready);
        // SAFETY: nothing else has these handles; each is given up once. Failures are of no use to anybody now.
        unsafe {
            if !self.stream.is_null() {
                let _ = stream::synchronize(self.stream);
            }
            for graph in graphs.into_values() {
                let _ = graph::exec_destroy(graph);
            }
            for module in self.modules.drain(..) {
                let _ = module::unload(module);
            }
            if !self.stream.is_null() {
                let _ = stream::destroy(self.stream);
            }
            let _ = primary_ctx::release(self.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_in_a_ptx_text() {
        let text = ".version 8.4\n.visible .entry add(\n\t.param .align 8 .b8 add_param_0[32]\n)\n.visible .entry silu_mul(";
        assert_eq!(entries(text).collect::<Vec<_>>(), ["add", "silu_mul"]);
    }

    #[test]
    fn a_card_before_ampere_is_refused_by_name() {
        let old = Properties {
            name: "Tesla T4".to_owned(),
            compute: (7, 5),
            multiprocessors: 40,
            memory: 16 << 30,
        };
        let said = usable(&old).map_err(|error| error.to_string());
        assert_eq!(
            said.unwrap_err(),
            "Tesla T4 has compute capability 7.5; 8.0 or newer is needed (Ampere: RTX 30, A100)"
        );
    }
}
