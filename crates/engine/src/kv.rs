//! The paged cache of keys and values, as bookkeeping: which page holds which tokens, who uses it, and
//! what can be found again. Pure state; it knows no tensors and no devices.

mod pool;
mod tokens;

pub(crate) use pool::{Match, PagePool};
pub(crate) use tokens::{Chain, TokenKey, TokenRun};
