//! Qwen3-VL: config, pictures, tokens, the two towers.
//!
//! Written once against the op contract of `ops`; it names no device.
#![forbid(unsafe_code)]

pub mod chat;
pub mod config;
pub mod detokenizer;
mod loader;
pub mod observe;
pub mod picture;
pub mod positions;
pub mod prompt;
pub mod qwen3_vl;
pub mod rope;
pub mod text;
pub mod tokenizer;
pub mod vision;
pub mod weights;
pub mod work;
