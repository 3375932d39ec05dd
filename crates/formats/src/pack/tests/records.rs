//! Weights are hashed once, and again when they may have changed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::Checkpoint;

/// A safetensors file of one tensor.
fn weights(values: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"w":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#,
        values.len()
    );
    let len = (header.len() as u64).to_le_bytes();
    [&len, header.as_bytes(), values].concat()
}

fn hour_ago() -> SystemTime {
    SystemTime::now() - Duration::from_secs(3600)
}

/// Writes weights that look as if they had been there for a while.
fn write_weights(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(hour_ago()).unwrap();
}

/// A directory with a model in `model`; the cache is beside it.
fn model(bytes: &[u8]) -> (TempDir, PathBuf, PackCache) {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    fs::create_dir(&model).unwrap();
    let file = model.join("model.safetensors");
    write_weights(&file, bytes);
    let cache = cache(&dir.path().join("cache"));
    (dir, file, cache)
}

fn keyed(cache: &PackCache, file: &Path) -> Keyed {
    cache.content_key(&Checkpoint::open(file.parent().unwrap()).unwrap())
}

#[test]
fn the_same_file_is_hashed_once() {
    let bytes = weights(&[1, 2, 3]);
    let (_dir, file, cache) = model(&bytes);
    let first = keyed(&cache, &file);
    assert_eq!(first.hashed_bytes, bytes.len() as u64);
    let second = keyed(&cache, &file);
    assert_eq!((second.key, second.hashed_bytes), (first.key, 0));
    let checkpoint = Checkpoint::open(file.parent().unwrap()).unwrap();
    assert_eq!(ContentKey::of(&checkpoint), first.key);
    assert_eq!(
        names(file.parent().unwrap()),
        ["model.safetensors"],
        "nothing beside the weights"
    );
}

#[test]
fn other_content_has_another_key_even_with_the_old_time() {
    let (_dir, file, cache) = model(&weights(&[1, 2, 3]));
    let first = keyed(&cache, &file);
    let written = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, weights(&[1, 2, 4])).unwrap();
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(written)
        .unwrap();
    let second = keyed(&cache, &file);
    assert!(second.hashed_bytes > 0);
    assert_ne!(second.key, first.key);
    assert_eq!(keyed(&cache, &file).hashed_bytes, 0);
}

#[test]
fn a_touched_file_is_hashed_again_and_keeps_its_key() {
    let (_dir, file, cache) = model(&weights(&[1, 2, 3]));
    let first = keyed(&cache, &file);
    let touched = hour_ago() + Duration::from_secs(60);
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(touched)
        .unwrap();
    let second = keyed(&cache, &file);
    assert!(second.hashed_bytes > 0);
    assert_eq!(second.key, first.key);
    assert_eq!(keyed(&cache, &file).hashed_bytes, 0);
}

#[test]
fn a_file_written_this_moment_is_not_trusted_to_stay() {
    let (_dir, file, cache) = model(&weights(&[1, 2, 3]));
    fs::write(&file, weights(&[1, 2, 4])).unwrap();
    let first = keyed(&cache, &file);
    let second = keyed(&cache, &file);
    assert!(second.hashed_bytes > 0);
    assert_eq!(second.key, first.key);
}

#[test]
fn a_copy_elsewhere_has_the_same_key() {
    let (dir, file, cache) = model(&weights(&[1, 2, 3]));
    let other = dir.path().join("elsewhere");
    fs::create_dir(&other).unwrap();
    fs::copy(&file, other.join("model.safetensors")).unwrap();
    let copy = keyed(&cache, &other.join("model.safetensors"));
    assert!(copy.hashed_bytes > 0);
    assert_eq!(copy.key, keyed(&cache, &file).key);
}

#[test]
fn a_damaged_record_is_not_believed() {
    let (_dir, file, cache) = model(&weights(&[1, 2, 3]));
    let first = keyed(&cache, &file);
    let record = cache.dir().join(&names(cache.dir())[0]);
    let whole = fs::read_to_string(&record).unwrap();
    for damaged in [
        "",
        "{}",
        &whole[..whole.len() - 3],
        &whole.replace("digest\":\"", "digest\":\"x"),
    ] {
        fs::write(&record, damaged).unwrap();
        let again = keyed(&cache, &file);
        assert!(again.hashed_bytes > 0, "{damaged}");
        assert_eq!(again.key, first.key);
        assert_eq!(keyed(&cache, &file).hashed_bytes, 0, "renewed");
    }
}

#[test]
fn without_a_place_for_records_the_key_is_still_right() {
    let (_dir, file, cache) = model(&weights(&[1, 2, 3]));
    let nowhere = self::cache(&file.join("cache"));
    let first = keyed(&nowhere, &file);
    assert_eq!(first.key, keyed(&cache, &file).key);
    assert!(keyed(&nowhere, &file).hashed_bytes > 0);
}

#[test]
fn the_index_of_shards_is_part_of_the_content() {
    let (_dir, file, cache) = model(&[]);
    fs::remove_file(&file).unwrap();
    let model = file.parent().unwrap();
    // Both shards hold `u`, `v` and `w`; the index decides whose count.
    let shard = |value| {
        let line = |name, at| {
            let end = at + 1;
            format!(r#""{name}":{{"dtype":"U8","shape":[1],"data_offsets":[{at},{end}]}}"#)
        };
        let header = format!("{{{},{},{}}}", line("u", 0), line("v", 1), line("w", 2));
        let len = (header.len() as u64).to_le_bytes();
        [&len, header.as_bytes(), &[value; 3]].concat()
    };
    write_weights(&model.join("one.safetensors"), &shard(1));
    write_weights(&model.join("two.safetensors"), &shard(2));
    let key_with_w_from = |w: &str| {
        let index = format!(
            r#"{{"weight_map":{{"u":"one.safetensors","v":"two.safetensors","w":"{w}.safetensors"}}}}"#
        );
        fs::write(model.join("model.safetensors.index.json"), index).unwrap();
        keyed(&cache, &file)
    };
    let one = key_with_w_from("one");
    let two = key_with_w_from("two");
    assert_ne!(one.key, two.key);
    assert_eq!((one.hashed_bytes > 0, two.hashed_bytes), (true, 0));
}

#[test]
fn an_embedded_checkpoint_has_the_key_of_its_bytes() {
    let (_dir, file, cache) = model(&weights(&[1, 2, 3]));
    let bytes: &'static [u8] = weights(&[1, 2, 3]).leak();
    let files: &'static [(&str, &[u8])] = Vec::leak(vec![("model.safetensors", bytes)]);
    let embedded = Checkpoint::from_static("demo", files).unwrap();
    let first = cache.content_key(&embedded);
    assert_eq!(first.key, keyed(&cache, &file).key);
    assert!(
        cache.content_key(&embedded).hashed_bytes > 0,
        "no file to know it by"
    );
}
