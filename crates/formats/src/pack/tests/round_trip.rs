//! What was packed comes back.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

#[test]
fn what_was_packed_is_mapped_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    assert!(matches!(cache.open(&key(1)).unwrap(), Opened::Absent));
    let packed = write(&cache, &key(1), 7);
    assert_whole(&packed, 7);
    assert_eq!(packed.total_bytes(), 1264);
    assert!(packed.get("model").is_none());
    assert_whole(&ready(&cache, &key(1)), 7);
    assert_eq!(names(dir.path()), [key(1).file_name()]);
}

#[test]
fn a_blob_outlives_the_entry_and_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    write(&cache, &key(1), 7);
    let packed = ready(&cache, &key(1));
    let blob = packed.get("lm_head").unwrap().bytes;
    drop(packed);
    drop(dir);
    assert_eq!(*blob, bytes(7, 1000));
}

#[test]
fn nothing_is_made_in_the_directory_by_looking() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir.path().join("caches/lookdesk"));
    assert!(matches!(cache.open(&key(1)).unwrap(), Opened::Absent));
    assert!(names(dir.path()).is_empty());
    assert_whole(&write(&cache, &key(1), 7), 7);
}

#[test]
fn another_key_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    write(&cache, &key(1), 7);
    for other in [
        key(2),
        PackKey {
            precision: "q8".to_owned(),
            ..key(1)
        },
        PackKey {
            layout_version: 2,
            ..key(1)
        },
    ] {
        assert!(matches!(cache.open(&other).unwrap(), Opened::Absent));
    }
}

#[test]
fn a_second_packing_of_the_same_weights_replaces_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    let first = write(&cache, &key(1), 1);
    write(&cache, &key(1), 2);
    assert_whole(&ready(&cache, &key(1)), 2);
    assert_whole(&first, 1);
}

#[test]
fn the_four_entries_used_last_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    let now = SystemTime::now();
    for content in 1..=4 {
        write(&cache, &key(content), content);
        let file = File::options()
            .write(true)
            .open(cache.path(&key(content)))
            .unwrap();
        file.set_modified(now - Duration::from_secs(100 - u64::from(content)))
            .unwrap();
    }
    // Opening is using: now the second is the oldest.
    ready(&cache, &key(1));
    write(&cache, &key(5), 5);
    for content in [1, 3, 4, 5] {
        assert_whole(&ready(&cache, &key(content)), content);
    }
    assert!(matches!(cache.open(&key(2)).unwrap(), Opened::Absent));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn an_unfinished_entry_is_not_found_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    let mut writer = cache.create(&key(1), 2000).unwrap();
    writer.add("a", "bf16", [1, 1], &[1, 2]).unwrap();
    assert!(matches!(cache.open(&key(1)).unwrap(), Opened::Absent));
    assert_eq!(names(dir.path()).len(), 1);
    drop(writer);
    assert!(names(dir.path()).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_names_kinds_shapes_and_bytes_come_back(
        sections in btree_map(".{0,40}", (".{0,9}", any::<[u64; 2]>(), vec(any::<u8>(), 0..300)), 0..9),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let mut writer = cache.create(&key(1), 0).unwrap();
        for (name, (kind, shape, bytes)) in &sections {
            writer.add(name, kind, *shape, bytes).unwrap();
        }
        writer.finish().unwrap();
        let packed = ready(&cache, &key(1));
        prop_assert_eq!(packed.names().collect::<Vec<_>>(), sections.keys().collect::<Vec<_>>());
        for (name, (kind, shape, bytes)) in &sections {
            let entry = packed.get(name).unwrap();
            prop_assert_eq!((entry.kind, entry.shape), (kind.as_str(), *shape));
            prop_assert_eq!(&*entry.bytes, bytes.as_slice());
        }
    }
}
