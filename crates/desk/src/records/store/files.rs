//! Pictures as files named by their hash, 256 folders wide; or, where nothing may touch the disk, in
//! memory.
//!
//! A file appears under its name complete or not at all: it is written beside, flushed to the disk,
//! then renamed.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{PictureId, Refusal};

const PICTURES: &str = "pictures";
const THUMBNAILS: &str = "thumbnails";

/// Where pictures and their thumbnails lie.
#[derive(Clone, Debug)]
pub enum PictureFiles {
    /// In folders below this one.
    Folder(PathBuf),
    /// Nowhere but here.
    Memory(Arc<Mutex<HashMap<Name, Arc<[u8]>>>>),
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A picture as it came.
    Picture(PictureId),
    /// A picture made smaller, to so many pixels.
    Thumbnail(PictureId, u32),
}

impl Name {
    /// Its folder and its file.
    fn place(self) -> (PathBuf, String) {
        let (kind, id, suffix) = match self {
            Self::Picture(id) => (PICTURES, id, String::new()),
            Self::Thumbnail(id, edge) => (THUMBNAILS, id, format!("-{edge}")),
        };
        let hash = id.to_string();
        let folder = Path::new(kind).join(hash.get(..2).unwrap_or_default());
        (folder, format!("{hash}{suffix}"))
    }
}

impl PictureFiles {
    /// Files in memory.
    pub fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// Stores the bytes; says whether they are new. Blocks.
    pub fn put(&self, name: Name, bytes: &[u8]) -> io::Result<bool> {
        let base = match self {
            Self::Folder(base) => base,
            Self::Memory(files) => {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(files.insert(name, bytes.into()).is_none());
            }
        };
        let (folder, file) = name.place();
        let folder = base.join(folder);
        let path = folder.join(&file);
        // A file of another length was damaged from outside; write it anew.
        if fs::metadata(&path).is_ok_and(|known| known.len() == bytes.len() as u64) {
            return Ok(false);
        }
        fs::create_dir_all(&folder)?;
        // Two may bring the same picture at the same time; each writes beside under a name of its own.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let beside = folder.join(format!(".{file}.{number}.part"));
        let written = File::create(&beside).and_then(|mut out| {
            out.write_all(bytes)?;
            out.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&beside, &path)) {
            // What could not be stored shall not take room; the first error is the one to tell.
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        sync_folder(&folder)?;
        Ok(true)
    }

    /// Whether a file of this length lies here. Blocks.
    pub fn has(&self, name: Name, length: u64) -> io::Result<bool> {
        match self {
            Self::Folder(base) => {
                let (folder, file) = name.place();
                match fs::metadata(base.join(folder).join(file)) {
                    Ok(known) => Ok(known.len() == length),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                    Err(error) => Err(error),
                }
            }
            Self::Memory(files) => {
                let files = files.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(files
                    .get(&name)
                    .is_some_and(|bytes| bytes.len() as u64 == length))
            }
        }
    }

    /// The bytes, where there are any. Blocks.
    pub fn get(&self, name: Name) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Folder(base) => {
                let (folder, file) = name.place();
                match fs::read(base.join(folder).join(file)) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Self::Memory(files) => {
                let files = files.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(files.get(&name).map(|bytes| bytes.to_vec()))
            }
        }
    }

    /// Removes a picture and its thumbnails. Blocks.
    pub fn remove(&self, id: PictureId) -> io::Result<()> {
        let base = match self {
            Self::Folder(base) => base,
            Self::Memory(files) => {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                files.retain(|name, _| match name {
                    Name::Picture(other) | Name::Thumbnail(other, _) => *other != id,
                });
                return Ok(());
            }
        };
        let (folder, file) = Name::Picture(id).place();
        gone(fs::remove_file(base.join(folder).join(file)))?;
        let (folder, _) = Name::Thumbnail(id, 0).place();
        let hash = id.to_string();
        for entry in entries(&base.join(folder))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&hash) {
                gone(fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }

    /// Removes every file but these pictures and their thumbnails, also what a power cut left half
    /// written. Says how many. A file that cannot be removed keeps no other. Blocks.
    pub fn keep_only(&self, kept: &HashSet<PictureId>) -> io::Result<u64> {
        let mut removed = 0;
        let base = match self {
            Self::Folder(base) => base,
            Self::Memory(files) => {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                let before = files.len();
                files.retain(|name, _| match name {
                    Name::Picture(id) | Name::Thumbnail(id, _) => kept.contains(id),
                });
                return Ok((before - files.len()) as u64);
            }
        };
        let mut fault = None;
        for kind in [PICTURES, THUMBNAILS] {
            for folder in entries(&base.join(kind))? {
                match sweep_folder(&folder?.path(), kept, &mut removed) {
                    Ok(()) => {}
                    Err(error) => fault = fault.or(Some(error)),
                }
            }
        }
        fault.map_or(Ok(removed), Err)
    }
}

/// Removes every file of a folder but these; folders in it are none of ours. Goes on after a fault and
/// tells the first one.
fn sweep_folder(folder: &Path, kept: &HashSet<PictureId>, removed: &mut u64) -> io::Result<()> {
    let mut done = Ok(());
    for file in entries(folder)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        let hash = name.split('-').next().unwrap_or_default();
        if hash.parse().is_ok_and(|id| kept.contains(&id)) || file.file_type()?.is_dir() {
            continue;
        }
        match gone(fs::remove_file(file.path())) {
            Ok(()) => *removed += 1,
            Err(error) => done = done.and(Err(error)),
        }
    }
    done
}

fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None.into_iter().flatten())
        }
        Err(error) => Err(error),
    }
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a rename last through a power cut, where folders can be flushed.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What a file's error means to somebody at the desk. The log gets the rest.
pub fn file_fault(error: io::Error) -> Refusal {
    let refusal = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Refusal::records_full()
        }
        _ => Refusal::records_failed(),
    };
    tracing::error!(code = ?refusal.code, %error, "a file of the records failed");
    refusal
}

/// Runs something that blocks where it blocks nobody.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(file_fault),
        Err(error) => Err(file_fault(io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, [PictureFiles; 2]) {
        let folder = tempfile::tempdir().expect("a folder");
        let on_disk = PictureFiles::Folder(folder.path().to_owned());
        (folder, [on_disk, PictureFiles::memory()])
    }

    #[test]
    fn a_picture_is_stored_once_and_leaves_with_its_thumbnails() {
        let (_folder, places) = places();
        for files in places {
            let (one, two) = (PictureId::of(b"one"), PictureId::of(b"two"));
            assert!(files.put(Name::Picture(one), b"one").expect("stored"));
            assert!(!files.put(Name::Picture(one), b"one").expect("known"));
            files.put(Name::Picture(two), b"two").expect("stored");
            files
                .put(Name::Thumbnail(one, 160), b"small")
                .expect("stored");
            files.remove(one).expect("removed");
            assert_eq!(files.get(Name::Picture(one)).expect("readable"), None);
            assert_eq!(
                files.get(Name::Thumbnail(one, 160)).expect("readable"),
                None
            );
            let name = Name::Picture(two);
            assert!(files.get(name).expect("readable").is_some());
            assert_eq!(files.keep_only(&HashSet::from([two])).expect("swept"), 0);
            assert_eq!(files.keep_only(&HashSet::new()).expect("swept"), 1);
            assert_eq!(files.get(name).expect("readable"), None);
        }
    }

    #[test]
    fn a_folder_among_the_pictures_keeps_nothing_from_being_swept() {
        let (folder, [files, _]) = places();
        let id = PictureId::of(b"one");
        files.put(Name::Picture(id), b"one").expect("stored");
        let (below, _) = Name::Picture(id).place();
        let strange = folder.path().join(below).join("notes");
        fs::create_dir(&strange).expect("made");
        assert_eq!(files.keep_only(&HashSet::new()).expect("swept"), 1);
        assert_eq!(files.get(Name::Picture(id)).expect("readable"), None);
        assert!(strange.is_dir(), "it is not ours");
    }

    #[test]
    fn a_file_cut_short_is_written_anew() {
        let (folder, [files, _]) = places();
        let id = PictureId::of(b"whole");
        files.put(Name::Picture(id), b"whole").expect("stored");
        let (below, file) = Name::Picture(id).place();
        fs::write(folder.path().join(below).join(file), b"wh").expect("damaged");
        files.put(Name::Picture(id), b"whole").expect("stored");
        let bytes = files.get(Name::Picture(id)).expect("readable");
        assert_eq!(bytes.as_deref(), Some(&b"whole"[..]));
    }
}
