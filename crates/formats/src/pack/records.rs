//! Digests of weight files that were hashed before, so that 9 GB are not hashed at every start.
//!
//! One small JSON file per weight file, named by the path, holding what the system said about the
//! file when it was hashed. If the system says anything else today, the record is not used. A
//! record that cannot be read or written costs time, nothing else.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use blake3::{Hash, Hasher};
use serde::{Deserialize, Serialize};

use super::upkeep;
use crate::identity::{FileIdentity, Marks};

const EXTENSION: &str = "digest";
/// Room for some large models in tens of shards.
const KEPT: usize = 256;
const LONGEST: u64 = 64 << 10;

/// The records in the cache directory `dir`.
pub(super) struct Records<'a> {
    pub(super) dir: &'a Path,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// For a person who looks; the name of the record is what counts.
    path: String,
    marks: Marks,
    digest: String,
}

impl Records<'_> {
    /// The digest of that file, if it was hashed and is the same since.
    pub(super) fn find(&self, file: &FileIdentity) -> Option<Hash> {
        let mut bytes = Vec::new();
        let record = File::open(self.path(file)).ok()?;
        record.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.marks == file.marks)
            .then(|| Hash::from_hex(record.digest).ok())
            .flatten()
    }

    /// Keeps `digest` for the next start.
    pub(super) fn keep(&self, file: &FileIdentity, digest: Hash) -> io::Result<()> {
        let record = Record {
            path: file.path.display().to_string(),
            marks: file.marks.clone(),
            digest: digest.to_hex().to_string(),
        };
        upkeep::make(self.dir)?;
        let path = self.path(file);
        upkeep::keep_newest(
            self.dir,
            EXTENSION,
            KEPT - 1,
            path.file_name().unwrap_or(OsStr::new("")),
        );
        let mut unfinished = upkeep::unfinished(self.dir)?;
        unfinished.write_all(&serde_json::to_vec(&record)?)?;
        unfinished.persist(path)?;
        Ok(())
    }

    fn path(&self, file: &FileIdentity) -> PathBuf {
        let name = Hasher::new_derive_key("lookdesk 2026-11 digest of a weight file")
            .update(file.path.as_os_str().as_encoded_bytes())
            .finalize()
            .to_hex();
        self.dir.join(format!("{}.{EXTENSION}", &name[..32]))
    }
}
