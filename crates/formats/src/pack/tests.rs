//! Entries that come back, entries that must not, and disks that do not help.

mod damage;
mod faults;
mod races;
mod records;
mod round_trip;

use std::path::Path;

use super::*;

fn key(content: u8) -> PackKey {
    PackKey {
        content: ContentKey::from_bytes([content; 32]),
        precision: "q4".to_owned(),
        layout_version: 1,
    }
}

/// A cache for tests: it does not mind a nearly full disk.
fn cache(dir: &Path) -> PackCache {
    PackCache {
        keep_free: 0,
        ..PackCache::at(dir)
    }
}

/// Names, kinds and lengths of a small entry; the bytes follow from `seed`.
const SECTIONS: [(&str, &str, usize); 4] = [
    ("model.embed_tokens", "bf16", 200),
    ("model.norm", "f32", 64),
    ("empty", "i8", 0),
    ("lm_head", "q4", 1000),
];

fn bytes(seed: u8, len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| (i as u8).wrapping_mul(31) ^ seed)
        .collect()
}

fn write(cache: &PackCache, key: &PackKey, seed: u8) -> Packed {
    let mut writer = cache.create(key, 2000).unwrap();
    for (name, kind, len) in SECTIONS {
        writer
            .add(name, kind, [1, len as u64], &bytes(seed, len))
            .unwrap();
    }
    writer.finish().unwrap()
}

fn assert_whole(packed: &Packed, seed: u8) {
    let mut names: Vec<&str> = SECTIONS.iter().map(|section| section.0).collect();
    names.sort_unstable();
    assert_eq!(packed.names().collect::<Vec<_>>(), names);
    for (name, kind, len) in SECTIONS {
        let entry = packed.get(name).unwrap();
        assert_eq!((entry.kind, entry.shape), (kind, [1, len as u64]));
        assert_eq!(*entry.bytes, bytes(seed, len));
        assert_eq!(entry.bytes.as_ptr().addr() % 64, 0);
    }
}

fn ready(cache: &PackCache, key: &PackKey) -> Packed {
    match cache.open(key).unwrap() {
        Opened::Ready(packed) => packed,
        other => panic!("{other:?}"),
    }
}

/// The names in a directory, in order.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
