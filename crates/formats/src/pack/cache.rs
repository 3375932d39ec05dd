//! The cache of a user: find an entry, or begin one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::content::{self, Keyed};
use super::key::EXTENSION;
use super::records::Records;
use super::{Damage, PackError, PackKey, PackWriter, Packed, directory, upkeep};
use crate::Checkpoint;
use crate::storage::Storage;

/// Entries in one directory. One 4B model packed for two precisions takes 7 GB.
const KEPT: usize = 4;
/// What a cache leaves to everything else on a disk.
const KEEP_FREE: u64 = 1_000_000_000;

/// A directory of packed weights. Any number of processes may use one at the same time.
#[derive(Clone, Debug)]
pub struct PackCache {
    pub(super) dir: PathBuf,
    pub(super) keep_free: u64,
}

/// What [`PackCache::open`] found.
#[derive(Debug)]
pub enum Opened {
    /// Everything, checked.
    Ready(Packed),
    /// Nothing: pack, and [`PackCache::create`] an entry.
    Absent,
    /// A damaged file, now removed: pack again as if there had been nothing.
    Dropped {
        /// Where it was.
        path: PathBuf,
        /// What was wrong with it, for the log.
        reason: Damage,
    },
}

impl PackCache {
    /// The cache in `dir`, which is made when something is first kept.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            keep_free: KEEP_FREE,
        }
    }

    /// The user's cache: `$LOOKDESK_CACHE_DIR`, else `lookdesk` in `$XDG_CACHE_HOME`, else in
    /// `~/.cache` (`~/Library/Caches`, `%LOCALAPPDATA%`). `None` if there is no such place, or if
    /// `LOOKDESK_CACHE_DIR` is empty or `off`.
    pub fn of_user() -> Option<Self> {
        directory::of_user(|name| std::env::var_os(name)).map(Self::at)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The key of the weights of `checkpoint`. Hashes the files the first time, and whenever one of
    /// them may have changed since.
    pub fn content_key(&self, checkpoint: &Checkpoint) -> Keyed {
        content::keyed(checkpoint, Some(&Records { dir: &self.dir }))
    }

    /// Maps what is kept under `key`, if every byte of it is as it was written.
    pub fn open(&self, key: &PackKey) -> Result<Opened, PackError> {
        let path = self.path(key);
        let read = |source| PackError::Read {
            path: path.clone(),
            source,
        };
        // Asked before opening: opening a pipe would wait for its other end.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(read(io::ErrorKind::InvalidInput.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Absent),
            Err(error) => return Err(read(error)),
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            // Another process removed it since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Absent),
            Err(error) => return Err(read(error)),
        };
        let checked = if file.metadata().map_err(read)?.len() == 0 {
            // An empty file cannot be mapped.
            Err(Damage::NoHeader { have: 0 })
        } else {
            Packed::checked(Storage::map(&file).map_err(read)?, key)
        };
        match checked {
            Ok(packed) => {
                // The entries used last are kept; who may not say so may still read.
                let _ = file.set_modified(SystemTime::now());
                Ok(Opened::Ready(packed))
            }
            Err(reason) => {
                // Where it cannot be removed, the next entry of this name replaces it.
                let _ = fs::remove_file(&path);
                Ok(Opened::Dropped { path, reason })
            }
        }
    }

    /// Begins an entry of about `expected_bytes`, which `open` finds once it is finished. Makes room
    /// first: removes what crashed processes left, and the entries used longest ago.
    pub fn create(&self, key: &PackKey, expected_bytes: u64) -> Result<PackWriter, PackError> {
        upkeep::make(&self.dir).map_err(|source| PackError::write(self.dir.clone(), source))?;
        upkeep::remove_left_over(&self.dir);
        let path = self.path(key);
        let own_name = path.file_name().unwrap_or(OsStr::new(""));
        upkeep::keep_newest(&self.dir, EXTENSION, KEPT - 1, own_name);
        PackWriter::begin(self, key, path, expected_bytes)
    }

    /// Refuses to write `need` bytes if too little would stay free.
    pub(super) fn check_room(&self, need: u64) -> Result<(), PackError> {
        match upkeep::free_bytes(&self.dir) {
            Some(free) if free < need.saturating_add(self.keep_free) => Err(PackError::NoRoom {
                dir: self.dir.clone(),
                need,
                keep: self.keep_free,
                free,
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn path(&self, key: &PackKey) -> PathBuf {
        self.dir.join(key.file_name())
    }
}
