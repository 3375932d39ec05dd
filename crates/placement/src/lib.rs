//! What of a model lies on which device.
//!
//! - [`composite`]: several devices as one of the op contract.
#![forbid(unsafe_code)]

pub mod composite;

pub use composite::Composite;
