//! Any bytes as the index of a sharded checkpoint: refused, or every tensor it lists is there.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use formats::Checkpoint;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// A directory with two shards; the index is written anew for each input.
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a directory");
    for (file, tensor) in [("one.safetensors", "a"), ("two.safetensors", "b")] {
        let header = format!(r#"{{"{tensor}":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}}"#);
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[7]].concat();
        fs::write(dir.path().join(file), bytes).expect("a shard");
    }
    dir
});

fuzz_target!(|index: &[u8]| {
    let dir = DIRECTORY.path();
    fs::write(dir.join("model.safetensors.index.json"), index).expect("the index");
    if let Ok(checkpoint) = Checkpoint::open(dir) {
        for name in checkpoint.tensor_names() {
            assert!(["a", "b"].contains(&name), "{name} is in no shard");
        }
    }
});
