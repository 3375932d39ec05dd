//! The CPU backend: the op contract on ordinary processors, with the best instructions found at run time.
//!
//! - [`tier`]: which instruction sets there are, and which is used.
//! - `pool`: the threads.
//! - `pack`: how weights lie in memory. One layout serves every instruction set.
//! - `kernel`: the inner loops, written once over the vectors of an instruction set.
//! - `linear`, `attention`, `elementwise`: the ops over those loops, spread over threads; `blocks`: the coarse ones.
//! - [`backend`]: the contract.

mod activations;
mod aligned;
#[expect(unsafe_code, reason = "threads write different parts of one tensor")]
mod attention;
pub mod backend;
mod blocks;
#[expect(unsafe_code, reason = "vector instructions in a loop without memory")]
mod ceiling;
mod elementwise;
mod kept;
#[expect(
    unsafe_code,
    reason = "vector instructions; each use says what it rests on"
)]
mod kernel;
mod kv_cache;
#[expect(unsafe_code, reason = "threads write different parts of one tensor")]
mod linear;
mod pack;
#[expect(
    unsafe_code,
    reason = "tasks borrow from the caller that waits for them"
)]
mod pool;
#[expect(unsafe_code, reason = "parts of a tensor, lent to threads")]
mod shared_rows;
pub mod tier;

pub use backend::{Cpu, CpuOptions, Precision};
pub use kv_cache::CpuKvCache;
pub use linear::CpuLinear;
pub use pack::LAYOUT_VERSION;
pub use tier::{Tier, TierError, TierReport};
