//! Any bytes as a file of packed weights: refused, or every weight lies inside and on a line.
//!
//! The checksums would keep the fuzzer at the door, so this target makes them, from the description
//! of the format alone: what `formats` accepts here is a second reading of that description.
#![no_main]

use blake3::Hasher;
use formats::pack::{ContentKey, PackKey, Packed};
use libfuzzer_sys::fuzz_target;

/// The digest of fewer bytes than a piece.
fn digest(bytes: &[u8]) -> blake3::Hash {
    let mut hasher = Hasher::new();
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    if !bytes.is_empty() {
        hasher.update(blake3::hash(bytes).as_bytes());
    }
    hasher.finalize()
}

/// A right header around any sections and any table.
fn file(key: &PackKey, sections: &[u8], table: &[u8]) -> Vec<u8> {
    let key = Hasher::new_derive_key("lookdesk 2026-11 key of packed weights")
        .update(&1u32.to_le_bytes())
        .update(key.content.as_bytes())
        .update(&key.layout_version.to_le_bytes())
        .update(key.precision.as_bytes())
        .finalize();
    let mut header = b"lookpack\x01\0\0\0\0\0\0\0".to_vec();
    header.extend(key.as_bytes());
    header.extend((4096 + sections.len() as u64).to_le_bytes());
    header.extend((table.len() as u64).to_le_bytes());
    header.extend(digest(table).as_bytes());
    header.resize(4064, 0);
    header.extend(blake3::hash(&header).as_bytes());
    [&header, sections, table].concat()
}

/// A right file: a section for each byte of `lengths`, filled from `content`.
fn right_file(key: &PackKey, lengths: &[u8], content: &[u8]) -> Vec<u8> {
    let mut sections = Vec::new();
    let mut lines = Vec::new();
    let mut content = content.iter().copied().cycle();
    for (number, &len) in lengths.iter().enumerate() {
        let bytes: Vec<u8> = content.by_ref().take(len.into()).collect();
        lines.push(format!(
            r#"{{"name":"{number}","kind":"k","shape":[{number},{len}],"bytes":{},"digest":"{}"}}"#,
            bytes.len(),
            digest(&bytes)
        ));
        sections.extend(bytes);
        sections.resize(sections.len().next_multiple_of(64), 0);
    }
    file(key, &sections, format!("[{}]", lines.join(",")).as_bytes())
}

/// What must hold of everything that is accepted.
fn check(packed: &Packed, len: usize) {
    let mut total = 0;
    for name in packed.names() {
        let entry = packed.get(name).expect("a listed weight is there");
        assert_eq!(entry.bytes.as_ptr().addr() % 64, 0);
        assert!(entry.bytes.values::<u8>().is_some());
        total += entry.bytes.iter().map(|_| 1).sum::<usize>();
    }
    assert_eq!(packed.total_bytes(), total as u64);
    assert!(total + 4096 <= len, "weights do not share bytes");
}

fuzz_target!(|input: &[u8]| {
    let key = PackKey {
        content: ContentKey::from_bytes([7; 32]),
        precision: "q4".to_owned(),
        layout_version: 3,
    };
    match input {
        [0, whole @ ..] => {
            assert!(Packed::from_bytes(&key, whole).is_err(), "it cannot know the checksum");
        }
        [1, sections_len, rest @ ..] => {
            let (sections, table) = rest.split_at(rest.len().min(usize::from(*sections_len)));
            let file = file(&key, sections, table);
            if let Ok(packed) = Packed::from_bytes(&key, &file) {
                check(&packed, file.len());
            }
        }
        // A right file, and the same file with some bytes written over.
        [at_high, at_low, sections, rest @ ..] => {
            let (lengths, with) = rest.split_at(rest.len().min(usize::from(*sections % 8)));
            let right = right_file(&key, lengths, with);
            let packed = Packed::from_bytes(&key, &right).expect("a right file is accepted");
            assert_eq!(packed.names().count(), lengths.len());
            check(&packed, right.len());

            let mut damaged = right.clone();
            let at = usize::from(u16::from_be_bytes([*at_high, *at_low])) % right.len();
            for (byte, with) in damaged[at..].iter_mut().zip(with) {
                *byte = *with;
            }
            if damaged != right {
                assert!(Packed::from_bytes(&key, &damaged).is_err(), "damage at {at}");
            }
        }
        _ => {}
    }
});
