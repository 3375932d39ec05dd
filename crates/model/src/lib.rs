//! Qwen3-VL: config, pictures, tokens, the two towers.
//!
//! Written once against the op contract of `ops`; it names no device.
#![forbid(unsafe_code)]

pub mod config;
pub mod observe;
pub mod picture;
pub mod qwen3_vl;
pub mod rope;
pub mod text;
pub mod vision;
pub mod weights;
