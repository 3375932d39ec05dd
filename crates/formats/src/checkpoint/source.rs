//! Where the files of a checkpoint are: in a directory, or in the program.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::shown;
use crate::{Error, Safetensors};

/// The largest tokenizer.json of a released model is 12 MB.
const LARGEST_SIDE_FILE: u64 = 64 << 20;
/// Names listed in the message about a directory that is not a model.
const NAMES_SHOWN: usize = 8;

#[derive(Debug)]
pub(super) enum Source {
    Directory {
        name: String,
        path: PathBuf,
    },
    Embedded {
        name: String,
        files: &'static [(&'static str, &'static [u8])],
    },
}

impl Source {
    pub(super) fn directory(path: &Path) -> Result<Self, Error> {
        let shown_path = path.display().to_string();
        let metadata = std::fs::metadata(path).map_err(|source| Error::Read {
            file: shown_path.clone(),
            source,
        })?;
        if !metadata.is_dir() {
            return Err(Error::NotADirectory { path: shown_path });
        }
        // "." and "models/.." have a name too, once resolved.
        let name = path
            .canonicalize()
            .ok()
            .and_then(|whole| Some(whole.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or(shown_path);
        Ok(Self::Directory {
            name,
            path: path.to_owned(),
        })
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Directory { name, .. } | Self::Embedded { name, .. } => name,
        }
    }

    /// How a message calls the file `name`.
    pub(super) fn shown_file(&self, name: &str) -> String {
        match self {
            Self::Directory { path, .. } => path.join(name).display().to_string(),
            Self::Embedded {
                name: checkpoint, ..
            } => format!("{checkpoint}/{name}"),
        }
    }

    /// A safetensors file; `None` if there is none of that name.
    pub(super) fn weights(&self, name: &str) -> Result<Option<Safetensors>, Error> {
        match self {
            Self::Directory { path, .. } => {
                let path = path.join(name);
                match std::fs::metadata(&path) {
                    Ok(_) => Safetensors::open(&path).map(Some),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(Error::Read {
                        file: self.shown_file(name),
                        source,
                    }),
                }
            }
            Self::Embedded { .. } => self
                .embedded(name)
                .map(|bytes| Safetensors::from_static(&self.shown_file(name), bytes))
                .transpose(),
        }
    }

    /// A side file of bounded size; `None` if there is none of that name.
    pub(super) fn file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Directory { path, .. } => self.read(&path.join(name), name),
            Self::Embedded { .. } => Ok(self.embedded(name).map(<[u8]>::to_vec)),
        }
    }

    fn read(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let read = |source| Error::Read {
            file: self.shown_file(name),
            source,
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => {
                return Err(Error::NotAFile {
                    file: self.shown_file(name),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read(error)),
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(read)?;
        file.take(LARGEST_SIDE_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(read)?;
        if bytes.len() as u64 > LARGEST_SIDE_FILE {
            let file = self.shown_file(name);
            return Err(Error::FileTooLarge {
                file,
                limit: LARGEST_SIDE_FILE,
            });
        }
        Ok(Some(bytes))
    }

    fn embedded(&self, name: &str) -> Option<&'static [u8]> {
        let Self::Embedded { files, .. } = self else {
            return None;
        };
        files
            .iter()
            .find(|(file, _)| *file == name)
            .map(|&(_, bytes)| bytes)
    }

    /// The sentence for a place without weights, with what is there instead.
    pub(super) fn not_a_checkpoint(&self) -> Error {
        let mut names: Vec<String> = match self {
            Self::Directory { path, .. } => std::fs::read_dir(path)
                .map(|entries| {
                    entries
                        .flatten()
                        .map(|e| shown(&e.file_name().to_string_lossy()))
                        .collect()
                })
                .unwrap_or_default(),
            Self::Embedded { files, .. } => files.iter().map(|(name, _)| shown(name)).collect(),
        };
        names.sort();
        let more = names.len().saturating_sub(NAMES_SHOWN);
        names.truncate(NAMES_SHOWN);
        let found = match (names.is_empty(), more) {
            (true, _) => "nothing".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        };
        let directory = match self {
            Self::Directory { path, .. } => path.display().to_string(),
            Self::Embedded { name, .. } => name.clone(),
        };
        Error::NotACheckpoint { directory, found }
    }
}
