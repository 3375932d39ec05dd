//! Bytes on disk become typed views: dtypes, tensors, safetensors files, whole checkpoints; and what
//! a backend packed from them is kept for the next start.
//!
//! What it knows: how the bytes of a released checkpoint lie in its files, and that none of them can
//! be trusted. Every length, offset and name is checked before it is used.
//! What it does not know: which tensors a model has, what they mean, and any device.
//!
//! The project's only memory map lives here (`storage`). Only [`pack`] writes to disk, and only in
//! the user's cache directory.

mod aligned;
mod blob;
mod checkpoint;
mod digest;
mod dtype;
mod error;
mod identity;
pub mod pack;
mod safetensors;
mod storage;
mod tensor;
mod unique_map;

pub use aligned::AlignedBytes;
pub use blob::Blob;
pub use checkpoint::Checkpoint;
pub use dtype::Dtype;
pub use error::{Error, TensorFault};
pub use safetensors::Safetensors;
pub use tensor::Tensor;
