//! Qwen3-VL: config, pictures, tokens, the two towers.
//!
//! Written once against the op contract of `ops`; it names no device.
#![forbid(unsafe_code)]

pub mod config;
