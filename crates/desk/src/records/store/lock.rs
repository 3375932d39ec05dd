//! One program for one data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

const NAME: &str = "lookdesk.lock";

/// Holds the data directory; another program cannot, until this is dropped or the program ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a data directory cannot be held.
#[derive(Debug)]
pub enum LockError {
    /// Another program holds it.
    Taken,
    /// The file system says no.
    Io(io::Error),
}

impl Lock {
    /// Takes the directory, or says who stands in the way.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(NAME))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}
