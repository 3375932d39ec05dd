//! By what a file is known to be the same file with the same content, without reading it.
//!
//! On Unix: path, device, inode, size, time of the last write, and time of the last change of any
//! kind, which no program can set back. Elsewhere: path, size, and the times of writing and making.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The coarsest clock of a file system in use (FAT) counts two seconds.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// Where a file is, and what the system says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    /// Without links and `..`.
    pub(crate) path: PathBuf,
    pub(crate) marks: Marks,
}

/// What the system says about a file; any write changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marks {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified_ns: i64,
    /// Nanoseconds since 1970.
    pub(crate) changed_ns: i64,
}

impl FileIdentity {
    /// The identity of the opened file `path`; `None` where the system does not tell enough.
    pub(crate) fn of(path: &Path, metadata: &Metadata) -> Option<Self> {
        Some(Self {
            path: path.canonicalize().ok()?,
            marks: Marks::of(metadata)?,
        })
    }

    /// Whether the file at that path is this one still.
    pub(crate) fn holds(&self) -> bool {
        std::fs::metadata(&self.path)
            .ok()
            .and_then(|metadata| Marks::of(&metadata))
            .is_some_and(|marks| marks == self.marks)
    }

    /// Whether any write after `now` would show. Two writes in quick succession can carry the same
    /// time, so a file written a moment ago is not settled.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let written = u128::try_from(self.marks.modified_ns).unwrap_or(0);
        now.abs_diff(written) > COARSEST_CLOCK.as_nanos()
    }
}

impl Marks {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;

        let nanoseconds =
            |seconds: i64, rest: i64| seconds.checked_mul(1_000_000_000)?.checked_add(rest);
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec())?,
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec())?,
        })
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Option<Self> {
        let nanoseconds = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_nanos()).ok()
        };
        Some(Self {
            device: 0,
            inode: 0,
            bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.modified().ok()?)?,
            changed_ns: nanoseconds(metadata.created().ok()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn identity(path: &Path) -> FileIdentity {
        FileIdentity::of(path, &fs::metadata(path).unwrap()).unwrap()
    }

    #[test]
    fn a_file_keeps_its_identity_until_it_is_written_or_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        fs::write(&path, "one").unwrap();
        let first = identity(&path);
        assert_eq!(
            identity(&dir.path().join("../").join(dir.path()).join("weights")),
            first
        );
        assert!(first.holds());

        let later = SystemTime::now() + Duration::from_secs(5);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert!(!first.holds());

        let second = identity(&path);
        fs::write(dir.path().join("other"), "two").unwrap();
        fs::rename(dir.path().join("other"), &path).unwrap();
        assert!(!second.holds());
        fs::remove_file(&path).unwrap();
        assert!(!second.holds());
    }

    #[test]
    fn a_file_written_a_moment_ago_is_not_settled() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = SystemTime::now();
        assert!(!identity(file.path()).is_settled(now));
        assert!(identity(file.path()).is_settled(now + Duration::from_secs(4)));
        file.as_file()
            .set_modified(now - Duration::from_secs(3))
            .unwrap();
        assert!(identity(file.path()).is_settled(now));
    }
}
