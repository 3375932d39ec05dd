//! The directory of the cache: unfinished files, files left over by a crash, files nobody uses.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

const UNFINISHED_PREFIX: &str = "unfinished-";
const UNFINISHED_SUFFIX: &str = ".tmp";
/// Where the file system has no locks, an unfinished file this old is taken for left over.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes the directory, for this user alone, unless it is there.
pub(super) fn make(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// A file in `dir` that goes with the value, or with the process: while it is being written it is
/// locked, and the system gives up the lock of a process that ended. Process numbers would not do:
/// those of another container mean nothing here.
pub(super) fn unfinished(dir: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new()
            .prefix(&format!("{UNFINISHED_PREFIX}{}-", std::process::id()))
            .suffix(UNFINISHED_SUFFIX)
            .tempfile_in(dir)?;
        match file.as_file().try_lock() {
            // Another process can take it for left over between the two steps above.
            Ok(()) if file.path().exists() => return Ok(file),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// Removes what processes that are gone left behind. What cannot be removed stays.
pub(super) fn remove_left_over(dir: &Path) {
    for (path, _) in files(dir, |name| {
        name.to_str().is_some_and(|name| {
            name.starts_with(UNFINISHED_PREFIX) && name.ends_with(UNFINISHED_SUFFIX)
        })
    }) {
        let Ok(file) = File::options().write(true).open(&path) else {
            continue;
        };
        let left_over = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(_)) => file
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|written| written.elapsed().is_ok_and(|age| age > LEFT_OVER_AFTER)),
        };
        if left_over {
            // Before the lock is given up, so that nobody can be between the two.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Removes all files with that extension but `spared` and the `keep` used last.
pub(super) fn keep_newest(dir: &Path, extension: &str, keep: usize, spared: &OsStr) {
    let mut old = files(dir, |name| {
        name != spared && Path::new(name).extension() == Some(OsStr::new(extension))
    });
    old.sort_unstable_by_key(|&(_, used)| std::cmp::Reverse(used));
    for (path, _) in old.into_iter().skip(keep) {
        let _ = fs::remove_file(path);
    }
}

/// The regular files of `dir` whose name `wanted` accepts, with the time each was written or used.
fn files(dir: &Path, wanted: impl Fn(&OsStr) -> bool) -> Vec<(PathBuf, SystemTime)> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| wanted(&entry.file_name()))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((entry.path(), metadata.modified().ok()?))
        })
        .collect()
}

/// Bytes this user may still write to the disk of `dir`; `None` where the system does not say.
pub(super) fn free_bytes(dir: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(dir)
        .ok()
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(unix))]
    return {
        let _ = dir;
        None
    };
}

/// Makes the names in `dir` outlast a power cut. Not every file system has this for directories;
/// without it a cut may lose the entry, which is then packed again.
pub(super) fn sync(dir: &Path) {
    #[cfg(unix)]
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
    #[cfg(not(unix))]
    let _ = dir;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_dead_process_left_goes_and_what_is_being_written_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("unfinished-1-abc.tmp"), "left").unwrap();
        fs::write(dir.path().join("notes.tmp"), "not ours").unwrap();
        let ours = unfinished(dir.path()).unwrap();
        let ours_name = ours
            .path()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        remove_left_over(dir.path());
        assert_eq!(names(dir.path()), ["notes.tmp", &ours_name]);
        drop(ours);
        assert_eq!(names(dir.path()), ["notes.tmp"]);
    }

    #[test]
    fn the_files_used_last_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (age_s, name) in [
            (4, "a.pack"),
            (1, "b.pack"),
            (3, "c.pack"),
            (2, "d.pack"),
            (9, "e.txt"),
        ] {
            let file = File::create(dir.path().join(name)).unwrap();
            file.set_modified(now - Duration::from_secs(age_s)).unwrap();
        }
        keep_newest(dir.path(), "pack", 2, OsStr::new("a.pack"));
        assert_eq!(names(dir.path()), ["a.pack", "b.pack", "d.pack", "e.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("caches/lookdesk");
        make(&cache).unwrap();
        make(&cache).unwrap();
        let mode = fs::metadata(&cache).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(free_bytes(&cache).unwrap() > 0);
    }
}
