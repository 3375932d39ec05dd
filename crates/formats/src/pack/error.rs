//! What can go wrong with the cache. None of it keeps the program from working.

use std::io;
use std::path::PathBuf;

/// The cache could not be read or written; packing again does what the cache would have saved.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A kept file could not be opened or mapped.
    #[error(
        "the packed weights in {} cannot be read; check that this user may read them, or delete \
         the file: it is made again", .path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too little room on the disk, seen before it was filled.
    #[error(
        "the cache of packed weights was not written to {}: it needs {} and {} must stay free, \
         there are {}; starting works without it, only slower",
        .dir.display(), gigabytes(*.need), gigabytes(*.keep), gigabytes(*.free)
    )]
    NoRoom {
        /// Directory of the cache.
        dir: PathBuf,
        /// Bytes to be written.
        need: u64,
        /// Bytes that are to stay free.
        keep: u64,
        /// Bytes the disk has for this user.
        free: u64,
    },
    /// The disk or the user's share of it is full.
    #[error(
        "the cache of packed weights could not be written to {}: no space left; starting works \
         without it, only slower", .dir.display()
    )]
    Full {
        /// Directory of the cache.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory may not be written to.
    #[error(
        "the cache of packed weights could not be written to {}: this user may not write there; \
         starting works without it, only slower; LOOKDESK_CACHE_DIR names another directory",
        .dir.display()
    )]
    Denied {
        /// Directory of the cache.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing failed in another way.
    #[error(
        "the cache of packed weights could not be written to {}; starting works without it, only \
         slower", .dir.display()
    )]
    Write {
        /// Directory of the cache.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The writer was used after it had failed.
    #[error("the cache of packed weights is not being written any more; an earlier step failed")]
    GivenUp,
    /// The packer used one name for two things.
    #[error("two packed weights are called {name}; this is a mistake in the packer")]
    NameTwice {
        /// The name.
        name: String,
    },
}

impl PackError {
    /// The sentence for a failed step of writing.
    pub(super) fn write(dir: PathBuf, source: io::Error) -> Self {
        use io::ErrorKind as Kind;

        match source.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
                Self::Full { dir, source }
            }
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::Denied { dir, source },
            _ => Self::Write { dir, source },
        }
    }
}

/// "2.6 GB"
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Why a kept file is not used. It is packed again, so a log is the place for this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not even a header.
    #[error("it ends at byte {have}, within its header")]
    NoHeader {
        /// Bytes there are.
        have: u64,
    },
    /// Something else under that name.
    #[error("it is not a file of packed weights")]
    NotAPack,
    /// Made by another version of the program.
    #[error("it has format version {have}, which this program does not read")]
    Version {
        /// The version it states.
        have: u32,
    },
    /// The header does not match its own checksum, or points outside the file.
    #[error("its header is damaged")]
    Header,
    /// The name is right and the key inside is not.
    #[error("it was packed from other weights or in another way than its name says")]
    OtherKey,
    /// Cut off, or something was added.
    #[error("it has {have} bytes, its header promises {want}")]
    Length {
        /// Bytes there are.
        have: u64,
        /// Bytes there should be.
        want: u64,
    },
    /// The table does not match its checksum, or contradicts itself.
    #[error("its table is damaged")]
    Table,
    /// The bytes of a section do not match their checksum.
    #[error("the packed weight {name} is damaged")]
    Section {
        /// Name of the first such section.
        name: String,
    },
}
