//! Files that are not as they were written.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::layout::{HEADER_LEN, Header};
use super::*;

/// The file of a whole entry.
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    write(&cache, &key(1), 7);
    fs::read(cache.path(&key(1))).unwrap()
});

fn refused(file: &[u8]) -> Damage {
    Packed::from_bytes(&key(1), file).unwrap_err()
}

/// A file with a right header around any sections and any table.
fn file(sections: &[u8], table: &str) -> Vec<u8> {
    let at = (HEADER_LEN + sections.len()) as u64;
    let header = Header::new(key(1).digest(), at, table.as_bytes());
    [&header.encode(), sections, table.as_bytes()].concat()
}

#[test]
fn a_whole_file_is_accepted() {
    assert_whole(&Packed::from_bytes(&key(1), &FILE).unwrap(), 7);
}

#[test]
fn any_flipped_byte_is_noticed() {
    let mut file = FILE.clone();
    for at in 0..file.len() {
        file[at] ^= 1;
        refused(&file);
        file[at] ^= 1;
    }
}

#[test]
fn a_file_cut_anywhere_is_noticed() {
    for len in 0..FILE.len() {
        refused(&FILE[..len]);
    }
    assert_eq!(
        refused(&[FILE.as_slice(), &[0]].concat()),
        Damage::Length {
            have: FILE.len() as u64 + 1,
            want: FILE.len() as u64
        }
    );
}

#[test]
fn the_reason_says_what_is_damaged() {
    let flipped = |at: usize| {
        let mut file = FILE.clone();
        file[at] ^= 0x80;
        refused(&file)
    };
    assert_eq!(refused(&[]), Damage::NoHeader { have: 0 });
    assert_eq!(flipped(0), Damage::NotAPack);
    assert_eq!(flipped(8), Damage::Version { have: 129 });
    for at in [20, 50, 60, 70, 100, 4000, 4095] {
        assert_eq!(flipped(at), Damage::Header, "{at}");
    }
    let section = |name: &str| Damage::Section {
        name: name.to_owned(),
    };
    assert_eq!(flipped(4096), section("model.embed_tokens"));
    assert_eq!(flipped(4096 + 200), Damage::Table, "padding");
    assert_eq!(flipped(4096 + 256), section("model.norm"));
    assert_eq!(flipped(FILE.len() - 1), Damage::Table);
    assert_eq!(
        Packed::from_bytes(&key(2), &FILE).unwrap_err(),
        Damage::OtherKey
    );
}

#[test]
fn a_table_that_contradicts_the_file_is_refused() {
    let digest = crate::digest::of(&[]).to_hex();
    let line = |name: &str, bytes: u64| {
        format!(
            r#"{{"name":"{name}","kind":"","shape":[0,0],"bytes":{bytes},"digest":"{digest}"}}"#
        )
    };
    let empty = line("a", 0);
    assert!(Packed::from_bytes(&key(1), &file(&[], &format!("[{empty}]"))).is_ok());
    for (sections, table) in [
        (&[][..], format!("[{empty},{empty}]")),
        (&[], format!("[{}]", line("a", 1))),
        (&[], format!("[{}]", line("a", u64::MAX))),
        (&[], format!("[{}]", line("a", u64::MAX - 4096))),
        (
            &[],
            format!("[{},{}]", line("a", 1 << 63), line("b", 1 << 63)),
        ),
        (&[0; 64], format!("[{empty}]")),
        (&[0; 63], format!("[{}]", line("a", 63))),
        (&[0; 64], "[]".to_owned()),
        (&[], "[".to_owned()),
        (&[], "{}".to_owned()),
        (&[], String::new()),
        (&[], format!("[{}]", empty.replace("kind", "kond"))),
        (&[], format!("[{}]", empty.replace(&digest[..1], "x"))),
        (&[], format!("[{}]", empty.replace("[0,0]", "[-1,0]"))),
    ] {
        assert_eq!(refused(&file(sections, &table)), Damage::Table, "{table}");
    }
}

#[test]
fn a_damaged_entry_is_removed_and_the_next_one_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    for (damaged, want) in [
        (FILE[..5000].to_vec(), "promises"),
        (Vec::new(), "ends at byte 0"),
        (b"#!/bin/sh".repeat(1000), "not a file of packed weights"),
    ] {
        fs::write(cache.path(&key(1)), damaged).unwrap();
        match cache.open(&key(1)).unwrap() {
            Opened::Dropped { path, reason } => {
                assert_eq!(path, cache.path(&key(1)));
                assert!(reason.to_string().contains(want), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert!(names(dir.path()).is_empty());
        assert!(matches!(cache.open(&key(1)).unwrap(), Opened::Absent));
    }
    write(&cache, &key(1), 9);
    assert_whole(&ready(&cache, &key(1)), 9);
}

#[test]
fn an_entry_under_the_name_of_another_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    write(&cache, &key(1), 7);
    fs::rename(cache.path(&key(1)), cache.path(&key(2))).unwrap();
    assert!(matches!(
        cache.open(&key(2)).unwrap(),
        Opened::Dropped {
            reason: Damage::OtherKey,
            ..
        }
    ));
    assert!(names(dir.path()).is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(input in proptest::collection::vec(any::<u8>(), 0..9000)) {
        prop_assert!(Packed::from_bytes(&key(1), &input).is_err());
        let table = String::from_utf8_lossy(&input[..input.len().min(300)]);
        prop_assert!(Packed::from_bytes(&key(1), &file(&input, &table)).is_err());
    }

    #[test]
    fn any_overwritten_range_is_noticed(
        at in 0..FILE.len(),
        with in proptest::collection::vec(any::<u8>(), 1..200),
    ) {
        let mut file = FILE.clone();
        let end = file.len().min(at + with.len());
        file[at..end].copy_from_slice(&with[..end - at]);
        prop_assume!(file != *FILE);
        refused(&file);
    }
}
