//! The op contract: what a device must be able to do to run Qwen3-VL, and the plain definition of
//! every word of it.
//!
//! - [`backend`]: the trait. Fine ops are required; coarse ops have a default body made of fine ops,
//!   and that body is their definition. A backend overrides a coarse op where a measurement says so.
//! - [`text`] and [`vision`]: the weights and scratch of the coarse ops, and their plain bodies.
//! - [`step`]: the description of one forward pass: ids, positions, page tables, row spans.
//! - [`likeliest`]: the part of a row of logits that drawing a token mostly needs.
//! - [`reference`](mod@reference): a naive float32 backend. Slow, obvious, and what the others are compared with.
//!
//! The contract knows no scheduler, no tokenizer and no picture format. It does not say how weights
//! are stored on a device, how wide a tile is, or when a graph is recorded: that is the backend's own.
//! - [`suite`]: one list of op cases that every backend must pass.
#![forbid(unsafe_code)]

pub mod backend;
pub mod ceiling;
pub mod host;
pub mod likeliest;
pub mod math;
pub mod reference;
pub mod step;
pub mod suite;

pub mod text;
pub mod vision;

pub use backend::{Backend, BackendError, Gelu, KvShape, LinearWeight, Sensitivity};
pub use ceiling::Ceiling;
pub use host::HostTensor;
pub use step::{Sequence, TextStep, VisionStep};
