//! The CPU backend: the op contract on ordinary processors, with the best instructions found at run time.
//!
//! - [`tier`]: which instruction sets there are, and which is used.
//! - `kernel`: the two inner loops, one file per instruction set.
//! - `linear`, `attention`, `elementwise`: the ops over those loops, spread over threads.
//! - [`backend`]: the contract.
//!
//! Weights are used where the checkpoint's file is mapped; nothing is copied at load unless its bytes
//! lie at an odd address or are float16. Packing for matrix units has its place in `linear`.

mod attention;
pub mod backend;
mod elementwise;
#[expect(
    unsafe_code,
    reason = "vector instructions; each use says what it rests on"
)]
mod kernel;
#[expect(unsafe_code, reason = "threads write different columns of one product")]
mod linear;
pub mod tier;

pub use backend::{Cpu, CpuOptions, Precision};
pub use tier::{Tier, TierError, TierReport};
