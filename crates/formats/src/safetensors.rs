//! One safetensors file: a checked header over mapped bytes.
//!
//! Format: eight bytes of header length (little-endian), a JSON header, then the tensors back to
//! back. Source: the README of `huggingface/safetensors`. The checks are in [`header`].

mod header;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::identity::FileIdentity;
use crate::storage::Storage;
use crate::{Error, Tensor};

use header::{Entry, Header};

/// The tensors of one file by name.
#[derive(Debug)]
pub struct Safetensors {
    file: String,
    storage: Arc<Storage>,
    header: Header,
    /// Which file was mapped; `None` if the bytes were in memory already.
    identity: Option<FileIdentity>,
}

impl Safetensors {
    /// Maps the file at `path` and checks its header. Nothing but the header is read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        let read = |source| Error::Read {
            file: file.clone(),
            source,
        };
        // Asked before opening: opening a pipe would wait for its other end.
        if !std::fs::metadata(path).map_err(read)?.is_file() {
            return Err(Error::NotAFile { file });
        }
        let opened = File::open(path).map_err(read)?;
        let metadata = opened.metadata().map_err(read)?;
        // An empty file cannot be mapped.
        let storage = if metadata.len() == 0 {
            Storage::Static(&[])
        } else {
            Storage::map(&opened).map_err(read)?
        };
        Ok(Self {
            identity: FileIdentity::of(path, &metadata),
            ..Self::over(file, storage)?
        })
    }

    /// A file that is part of the program; `name` stands for its path in messages.
    pub fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self, Error> {
        Self::over(name.to_owned(), Storage::Static(bytes))
    }

    /// A file that is already in memory; `name` stands for its path in messages.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        Self::over(name.to_owned(), Storage::heap(bytes))
    }

    fn over(file: String, storage: Storage) -> Result<Self, Error> {
        let header = Header::parse(&file, storage.bytes())?;
        Ok(Self {
            file,
            storage: Arc::new(storage),
            header,
            identity: None,
        })
    }

    /// Tensor names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.header.entries.keys().map(String::as_str)
    }

    /// Whether the file has a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.header.entries.contains_key(name)
    }

    /// A view of one tensor.
    pub fn tensor(&self, name: &str) -> Option<Tensor> {
        let Entry {
            dtype,
            shape,
            range,
        } = self.header.entries.get(name)?;
        Some(Tensor::view(
            Arc::clone(&self.storage),
            range.clone(),
            *dtype,
            shape,
        ))
    }

    /// The free-form strings a writer put beside the tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// Path of the file, or the name it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The whole file, header and all.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Which file was mapped, if one was.
    pub(crate) fn identity(&self) -> Option<&FileIdentity> {
        self.identity.as_ref()
    }

    /// Bytes of all tensors together.
    pub fn tensor_bytes(&self) -> u64 {
        self.header
            .entries
            .values()
            .map(|entry| entry.range.len() as u64)
            .sum()
    }
}

#[cfg(test)]
#[path = "safetensors/tests.rs"]
mod tests;
