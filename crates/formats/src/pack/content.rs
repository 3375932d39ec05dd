//! The key of a checkpoint's content.
//!
//! It covers every byte of every weight file and from which of them each tensor is taken; names of
//! files and directories do not count, so a moved or copied model keeps its key. The bytes hashed
//! are the mapped ones, those that will be packed.

use std::time::SystemTime;

use blake3::{Hash, Hasher};

use super::ContentKey;
use super::records::Records;
use crate::{Checkpoint, digest};

/// A key, and what it cost to know it.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    /// The key of the checkpoint.
    pub key: ContentKey,
    /// Bytes that had to be read and hashed; 0 if all were known from an earlier start.
    pub hashed_bytes: u64,
}

impl ContentKey {
    /// Hashes all weights of `checkpoint`; [`PackCache::content_key`](super::PackCache::content_key)
    /// does so once per model.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        keyed(checkpoint, None).key
    }
}

pub(super) fn keyed(checkpoint: &Checkpoint, records: Option<&Records>) -> Keyed {
    let started = SystemTime::now();
    let files = checkpoint.weight_files();
    let mut digests: Vec<Option<Hash>> = files
        .iter()
        .map(|file| records?.find(file.identity()?))
        .collect();
    let unknown: Vec<usize> = (0..files.len()).filter(|&n| digests[n].is_none()).collect();
    let parts: Vec<&[u8]> = unknown
        .iter()
        .map(|&n| files[n].storage().bytes())
        .collect();
    let hashed = digest::of_parts(&parts, &|part, range| {
        files[unknown[part]].storage().release(range);
    });
    for (&number, digest) in unknown.iter().zip(hashed) {
        digests[number] = Some(digest);
        if let (Some(records), Some(file)) = (records, files[number].identity())
            && file.is_settled(started)
            && file.holds()
        {
            // Not kept: hashed again at the next start.
            let _ = records.keep(file, digest);
        }
    }
    Keyed {
        key: joined(checkpoint, digests.iter().flatten()),
        hashed_bytes: parts.iter().map(|part| part.len() as u64).sum(),
    }
}

fn joined<'a>(checkpoint: &Checkpoint, digests: impl Iterator<Item = &'a Hash>) -> ContentKey {
    let mut hasher = Hasher::new_derive_key("lookdesk 2026-11 content of a checkpoint");
    hasher.update(&(checkpoint.weight_files().len() as u64).to_le_bytes());
    for digest in digests {
        hasher.update(digest.as_bytes());
    }
    for (tensor, file) in checkpoint.places() {
        hasher.update(&(tensor.len() as u64).to_le_bytes());
        hasher.update(tensor.as_bytes());
        hasher.update(&(file as u64).to_le_bytes());
    }
    ContentKey::from_bytes(*hasher.finalize().as_bytes())
}
