//! An entry on its way into the cache.

use std::collections::BTreeSet;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use tempfile::NamedTempFile;

use super::layout::{HEADER_LEN, Header, Section, padding};
use super::{PackCache, PackError, PackKey, Packed, upkeep};
use crate::storage::Storage;
use crate::{AlignedBytes, digest};

/// Writes packed weights to a file that nobody sees before it is finished. Dropped unfinished, or
/// after an error, it leaves nothing behind.
#[derive(Debug)]
pub struct PackWriter {
    cache: PackCache,
    key: PackKey,
    path: PathBuf,
    /// Gone after the first error.
    draft: Option<Draft>,
}

/// The file so far.
#[derive(Debug)]
struct Draft {
    file: NamedTempFile,
    sections: Vec<Section>,
    names: BTreeSet<String>,
    /// Where the next section begins.
    at: u64,
}

impl PackWriter {
    pub(super) fn begin(
        cache: &PackCache,
        key: &PackKey,
        path: PathBuf,
        expected_bytes: u64,
    ) -> Result<Self, PackError> {
        cache.check_room(expected_bytes)?;
        let draft = Draft::begin(cache)
            .map_err(|source| PackError::write(cache.dir().to_owned(), source))?;
        Ok(Self {
            cache: cache.clone(),
            key: key.clone(),
            path,
            draft: Some(draft),
        })
    }

    /// Appends the packed weight `name`. `kind` and `shape` come back as they are given.
    pub fn add(
        &mut self,
        name: &str,
        kind: &str,
        shape: [u64; 2],
        bytes: &[u8],
    ) -> Result<(), PackError> {
        let mut draft = self.draft.take().ok_or(PackError::GivenUp)?;
        if !draft.names.insert(name.to_owned()) {
            let name = name.to_owned();
            return Err(PackError::NameTwice { name });
        }
        // The estimate may have been too low, and others write to this disk too.
        self.cache.check_room(bytes.len() as u64)?;
        let section = Section {
            name: name.to_owned(),
            kind: kind.to_owned(),
            shape,
            bytes: bytes.len() as u64,
            digest: digest::of(bytes),
        };
        draft
            .append(section, bytes)
            .map_err(|source| self.failed(source))?;
        self.draft = Some(draft);
        Ok(())
    }

    /// Completes the file, waits until it is on the disk, and gives it its name. What comes back is
    /// mapped, so that the packer need not keep its own copy.
    pub fn finish(mut self) -> Result<Packed, PackError> {
        let draft = self.draft.take().ok_or(PackError::GivenUp)?;
        let finish = || -> io::Result<Packed> {
            let file = draft.complete(&self.key)?;
            let packed = Packed::unread(Storage::map(file.as_file())?, &self.key)
                .map_err(io::Error::other)?;
            file.persist(&self.path)?;
            upkeep::sync(self.cache.dir());
            Ok(packed)
        };
        finish().map_err(|source| self.failed(source))
    }

    #[cfg(test)]
    pub(super) fn set_keep_free(&mut self, bytes: u64) {
        self.cache.keep_free = bytes;
    }

    fn failed(&self, source: io::Error) -> PackError {
        PackError::write(self.cache.dir().to_owned(), source)
    }
}

impl Draft {
    fn begin(cache: &PackCache) -> io::Result<Self> {
        let mut file = upkeep::unfinished(cache.dir())?;
        file.write_all(&[0; HEADER_LEN])?;
        Ok(Self {
            file,
            sections: Vec::new(),
            names: BTreeSet::new(),
            at: HEADER_LEN as u64,
        })
    }

    fn append(&mut self, section: Section, bytes: &[u8]) -> io::Result<()> {
        let padding = padding(section.bytes);
        self.file.write_all(bytes)?;
        self.file.write_all(&[0; AlignedBytes::ALIGN][..padding])?;
        self.at += section.bytes + padding as u64;
        self.sections.push(section);
        Ok(())
    }

    fn complete(self, key: &PackKey) -> io::Result<NamedTempFile> {
        let mut file = self.file;
        let table = serde_json::to_vec(&self.sections)?;
        file.write_all(&table)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&Header::new(key.digest(), self.at, &table).encode())?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}
