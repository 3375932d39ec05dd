//! Directories as people have them: whole, sharded, half downloaded, or something else.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::TensorFault;

/// A safetensors file with one-byte and one-float tensors.
fn weights(tensors: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut at = 0;
    let mut entries = Vec::new();
    let mut data = Vec::new();
    for (name, dtype, bytes) in tensors {
        let elements = bytes.len() / crate::Dtype::from_name(dtype).unwrap().bytes_per_element();
        let end = at + bytes.len();
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":[{elements}],"data_offsets":[{at},{end}]}}"#
        ));
        data.extend_from_slice(bytes);
        at = end;
    }
    let header = format!("{{{}}}", entries.join(","));
    [
        (header.len() as u64).to_le_bytes().as_slice(),
        header.as_bytes(),
        &data,
    ]
    .concat()
}

const ONE: [u8; 4] = 1.0f32.to_le_bytes();
const TWO: [u8; 4] = 2.0f32.to_le_bytes();

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn sharded(weight_map: &str) -> TempDir {
    directory(&[
        ("one.safetensors", &weights(&[("a", "F32", &ONE)])),
        (
            "two.safetensors",
            &weights(&[("b", "F32", &TWO), ("unlisted", "F32", &ONE)]),
        ),
        (
            INDEX,
            format!(r#"{{"metadata":{{}},"weight_map":{weight_map}}}"#).as_bytes(),
        ),
    ])
}

#[test]
fn a_whole_checkpoint_gives_its_tensors_and_side_files() {
    let dir = directory(&[
        (WHOLE, &weights(&[("a", "F32", &ONE), ("ids", "U8", &[3])])),
        ("config.json", b"{}"),
    ]);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.tensor("a", &[1]).unwrap().to_f32(), [1.0]);
    assert_eq!(checkpoint.total_bytes(), 5);
    assert_eq!(checkpoint.tensor_names().collect::<Vec<_>>(), ["a", "ids"]);
    assert_eq!(
        checkpoint.name(),
        dir.path().file_name().unwrap().to_str().unwrap()
    );
    assert_eq!(checkpoint.file("config.json").unwrap().unwrap(), b"{}");
    assert_eq!(checkpoint.file("generation_config.json").unwrap(), None);
}

#[test]
fn a_tensor_is_given_only_with_the_shape_and_dtype_asked_for() {
    let dir = directory(&[(WHOLE, &weights(&[("a", "F32", &ONE), ("ids", "U8", &[3])]))]);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert!(matches!(
        checkpoint.tensor("a", &[1, 1]),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        checkpoint.tensor("ids", &[1]),
        Err(Error::NotFloat { .. })
    ));
    assert!(matches!(
        checkpoint.tensor("b", &[1]),
        Err(Error::MissingTensor { .. })
    ));
}

#[test]
fn shards_are_found_through_the_index() {
    let dir = sharded(r#"{"a":"one.safetensors","b":"two.safetensors"}"#);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.tensor("a", &[1]).unwrap().to_f32(), [1.0]);
    assert_eq!(checkpoint.tensor("b", &[1]).unwrap().to_f32(), [2.0]);
    assert!(!checkpoint.contains("unlisted"));
}

#[test]
fn an_index_cannot_reach_outside_its_directory() {
    for shard in [
        "../one.safetensors",
        "/etc/one.safetensors",
        "sub/one.safetensors",
        "..\\\\one.safetensors",
        "C:one.safetensors",
        "one.bin",
        "",
        "..",
        ".safetensors",
        "one\\u0000.safetensors",
    ] {
        let dir = sharded(&format!(r#"{{"a":"{shard}"}}"#));
        let error = Checkpoint::open(dir.path()).unwrap_err();
        assert!(matches!(error, Error::ShardName { .. }), "{shard}: {error}");
    }
}

#[test]
fn a_missing_shard_and_a_shard_without_its_tensor_are_named() {
    let dir = sharded(r#"{"a":"three.safetensors"}"#);
    let text = Checkpoint::open(dir.path()).unwrap_err().to_string();
    assert!(
        text.contains("three.safetensors") && text.contains("finish the download"),
        "{text}"
    );

    let dir = sharded(r#"{"a":"two.safetensors"}"#);
    let text = Checkpoint::open(dir.path()).unwrap_err().to_string();
    assert!(
        text.contains("two.safetensors lacks the tensor a"),
        "{text}"
    );
}

#[test]
fn a_broken_index_is_said_to_be_broken() {
    for map in [
        "[]",
        r#"{"a":1}"#,
        r#"{"a":"one.safetensors","a":"two.safetensors"}"#,
        "{",
    ] {
        let dir = sharded(map);
        assert!(
            matches!(
                Checkpoint::open(dir.path()),
                Err(Error::IndexNotJson { .. })
            ),
            "{map}"
        );
    }
}

#[test]
fn a_half_downloaded_file_says_where_it_ends() {
    let mut bytes = weights(&[("a", "F32", &ONE)]);
    bytes.pop();
    let dir = directory(&[(WHOLE, &bytes)]);
    let text = Checkpoint::open(dir.path()).unwrap_err().to_string();
    assert!(text.contains("model.safetensors ends at byte"), "{text}");
}

#[test]
fn a_directory_of_something_else_is_told_what_was_looked_for_and_found() {
    let dir = directory(&[("model.gguf", b"GGUF"), ("README.md", b"")]);
    let text = Checkpoint::open(dir.path()).unwrap_err().to_string();
    assert!(text.contains("model.safetensors.index.json"), "{text}");
    assert!(text.contains("found README.md, model.gguf"), "{text}");

    let text = Checkpoint::open(directory(&[]).path())
        .unwrap_err()
        .to_string();
    assert!(text.contains("found nothing"), "{text}");

    let file = dir.path().join("model.gguf");
    assert!(matches!(
        Checkpoint::open(&file),
        Err(Error::NotADirectory { .. })
    ));
    let missing = dir.path().join("nowhere");
    assert!(matches!(
        Checkpoint::open(&missing),
        Err(Error::Read { .. })
    ));
}

#[test]
fn a_side_file_without_end_is_not_read_to_the_end() {
    let dir = directory(&[(WHOLE, &weights(&[]))]);
    let file = fs::File::create(dir.path().join("tokenizer.json")).unwrap();
    file.set_len(65 << 20).unwrap();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert!(matches!(
        checkpoint.file("tokenizer.json"),
        Err(Error::FileTooLarge { .. })
    ));
}

#[test]
fn an_embedded_checkpoint_behaves_like_a_directory() {
    let bytes: &'static [u8] = weights(&[("a", "F32", &ONE)]).leak();
    let files: &'static [(&str, &[u8])] =
        Vec::leak(vec![(WHOLE, bytes), ("config.json", b"{}".as_slice())]);
    let checkpoint = Checkpoint::from_static("demo", files).unwrap();
    assert_eq!(checkpoint.name(), "demo");
    assert_eq!(checkpoint.tensor("a", &[1]).unwrap().to_f32(), [1.0]);
    assert_eq!(checkpoint.file("config.json").unwrap().unwrap(), b"{}");
    assert_eq!(checkpoint.file("tokenizer.json").unwrap(), None);

    let empty = Checkpoint::from_static("hollow", &[]).unwrap_err();
    assert!(matches!(empty, Error::NotACheckpoint { .. }), "{empty}");
}

#[cfg(unix)]
#[test]
fn a_linked_file_and_a_read_only_directory_work() {
    use std::os::unix::fs::PermissionsExt;

    // The Hugging Face cache keeps links in the snapshot and the bytes elsewhere.
    let blobs = directory(&[("abc", &weights(&[("a", "F32", &ONE)]))]);
    let dir = directory(&[]);
    std::os::unix::fs::symlink(blobs.path().join("abc"), dir.path().join(WHOLE)).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.tensor("a", &[1]).unwrap().to_f32(), [1.0]);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_damaged_tensor_names_file_and_tensor() {
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
    let bytes = [
        (header.len() as u64).to_le_bytes().as_slice(),
        header.as_bytes(),
        &ONE,
    ]
    .concat();
    let dir = directory(&[(WHOLE, &bytes)]);
    let error = Checkpoint::open(dir.path()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("tensor w in") && text.contains("model.safetensors"),
        "{text}"
    );
    assert!(matches!(
        error,
        Error::Tensor {
            fault: TensorFault::Length { have: 4, want: 8 },
            ..
        }
    ));
}
