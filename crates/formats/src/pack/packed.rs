//! An entry of the cache, checked and mapped.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use blake3::Hash;

use super::layout::{HEADER_LEN, Header, padding};
use super::{Damage, PackKey};
use crate::storage::Storage;
use crate::{AlignedBytes, Blob, digest};

/// Packed weights by name. Blobs taken from it keep the file mapped.
#[derive(Debug)]
pub struct Packed {
    storage: Arc<Storage>,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: String,
    shape: [u64; 2],
    range: Range<usize>,
    digest: Hash,
}

/// One packed weight, as the packer described it.
#[derive(Clone, Debug)]
pub struct PackedEntry<'a> {
    /// What the bytes are, in the packer's words.
    pub kind: &'a str,
    /// Rows and columns of the weight it was packed from.
    pub shape: [u64; 2],
    /// The packed bytes.
    pub bytes: Blob,
}

impl Packed {
    /// The content of a file that is in memory, checked like one on disk.
    pub fn from_bytes(key: &PackKey, file: &[u8]) -> Result<Self, Damage> {
        Self::checked(Storage::Aligned(AlignedBytes::copy_of(file)), key)
    }

    /// Checks every byte, by several threads.
    pub(super) fn checked(storage: Storage, key: &PackKey) -> Result<Self, Damage> {
        let packed = Self::unread(storage, key)?;
        packed.check_sections()?;
        Ok(packed)
    }

    /// Checks header, table and padding, not the sections: for a file this process has just written.
    pub(super) fn unread(storage: Storage, key: &PackKey) -> Result<Self, Damage> {
        let file = storage.bytes();
        let header = Header::decode(file)?;
        if header.key != key.digest() {
            return Err(Damage::OtherKey);
        }
        let mut entries = BTreeMap::new();
        let mut at = HEADER_LEN;
        for section in header.table(file)? {
            let end = usize::try_from(section.bytes)
                .ok()
                .and_then(|len| at.checked_add(len))
                .ok_or(Damage::Table)?;
            let next = end
                .checked_add(padding(section.bytes))
                .ok_or(Damage::Table)?;
            // The table itself is no section; only bytes before it can be.
            if next as u64 > header.table_at || file[end..next].iter().any(|&byte| byte != 0) {
                return Err(Damage::Table);
            }
            let entry = Entry {
                kind: section.kind,
                shape: section.shape,
                range: at..end,
                digest: section.digest,
            };
            if entries.insert(section.name, entry).is_some() {
                return Err(Damage::Table);
            }
            at = next;
        }
        if at as u64 != header.table_at {
            return Err(Damage::Table);
        }
        Ok(Self {
            storage: Arc::new(storage),
            entries,
        })
    }

    fn check_sections(&self) -> Result<(), Damage> {
        let file = self.storage.bytes();
        let mut sections: Vec<(&String, &Entry)> = self.entries.iter().collect();
        // In the order of the file, which is how a disk reads ahead.
        sections.sort_unstable_by_key(|(_, entry)| entry.range.start);
        let bytes: Vec<&[u8]> = sections
            .iter()
            .map(|(_, entry)| &file[entry.range.clone()])
            .collect();
        let digests = digest::of_parts(&bytes, &|_, _| {});
        match sections
            .iter()
            .zip(digests)
            .find(|((_, entry), digest)| entry.digest != *digest)
        {
            Some(((name, _), _)) => Err(Damage::Section {
                name: (*name).clone(),
            }),
            None => Ok(()),
        }
    }

    /// The packed weight `name`.
    pub fn get(&self, name: &str) -> Option<PackedEntry<'_>> {
        let entry = self.entries.get(name)?;
        Some(PackedEntry {
            kind: &entry.kind,
            shape: entry.shape,
            bytes: Blob::view(Arc::clone(&self.storage), entry.range.clone()),
        })
    }

    /// All names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Bytes of all packed weights together.
    pub fn total_bytes(&self) -> u64 {
        let lengths = self.entries.values().map(|entry| entry.range.len() as u64);
        lengths.sum()
    }
}
