//! The op contract on NVIDIA GPUs.
//!
//! - [`driver`]: what a device can do: memory, copies, launches, recorded sequences of them. Two bodies: NVIDIA's
//!   driver, and in tests an emulator that runs the same kernels on a processor.
//! - [`memory`]: buffers, their accounting and their bound.
//! - [`backend`]: the contract itself; a file beside it per family of ops.
//! - `record`: launches that come again become one.
//!
//! Kernels are CUDA C++ in `kernels/`; what is shipped is the PTX made of them (`cargo xtask ptx`), which the
//! driver translates for the card it finds. Nothing but the driver is needed where this runs.
//!
//! Activations are float32 matrices, row-major. Between the ops of a block they may be bfloat16 matrices with a pitch
//! of a multiple of 8 values, the values between the last column and the pitch being zero.
#![expect(
    unsafe_code,
    reason = "memory of a device has no types; each block says what holds"
)]

pub mod backend;
pub mod driver;
pub mod memory;
pub mod ptx;

mod attention;
mod blocks;
mod ceiling;
mod elementwise;
mod half;
mod launch;
mod likeliest;
mod linear;
mod norm;
mod record;
mod tensor;
mod uploads;
mod workspace;

pub use attention::{CudaKvCache, CudaSequences};
pub use backend::{Cuda, CudaIndices, CudaOptions, Precision};
pub use ceiling::Probe;
pub use driver::{Address, Driver, DriverError, Graph, Launch, Properties};
pub use linear::CudaLinear;
pub use memory::{Buffer, Usage, rounded};
pub use record::Recordings;
pub use tensor::CudaTensor;
