//! Golden files shared by the text tests.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use model::tokenizer::Tokenizer;
use serde::de::DeserializeOwned;

pub const CHECKPOINTS: [&str; 2] = ["tiny-a", "tiny-b"];

/// The tokenizer of the released models.
pub static RELEASED: LazyLock<Arc<Tokenizer>> =
    LazyLock::new(|| Arc::new(Tokenizer::from_json(&released_json()).unwrap()));

pub fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../golden")
        .join(path)
}

pub fn json<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_slice(&std::fs::read(golden(path)).unwrap()).unwrap()
}

pub fn released_json() -> Vec<u8> {
    let file = std::fs::File::open(golden("tokenizer/tokenizer.json.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

pub fn checkpoint_file(checkpoint: &str, file: &str) -> Vec<u8> {
    std::fs::read(golden(&format!("checkpoints/{checkpoint}/{file}"))).unwrap()
}

pub fn tiny(checkpoint: &str) -> Arc<Tokenizer> {
    Arc::new(Tokenizer::from_json(&checkpoint_file(checkpoint, "tokenizer.json")).unwrap())
}
