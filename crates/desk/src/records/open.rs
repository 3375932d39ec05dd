//! The records of the desk as a handle: where they lie, how they are opened and closed.
//!
//! What can be asked of them stands in the files of the store, each by what it is about.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::store::{
    Arriving, Database, DatabaseError, Groups, Lock, LockError, PictureFiles, bring_standard,
    recover,
};
use super::{AnswerId, clock};
use crate::{PictureId, Refusal};

const DATABASE_FILE: &str = "lookdesk.db";

/// Where records are kept and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsPlace {
    /// The folder of pictures, and of the database unless one is named. `None` keeps everything in
    /// memory: nothing touches the disk.
    pub data_dir: Option<PathBuf>,
    /// A PostgreSQL database, `postgres://...`.
    pub database: Option<String>,
    /// Delete conversations for good when nothing happened in them for so many days. `None` and 0
    /// keep them.
    pub keep_days: Option<u32>,
}

/// Why records cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another program has them open.
    #[error(
        "the records in {path} are in use by another Lookdesk; end it, or choose another --data-dir"
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory cannot be made or written.
    #[error("the records cannot be kept in {path}; make it writable, or choose another --data-dir")]
    Folder {
        /// The data directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A database on a server needs a folder for the pictures all the same.
    #[error("a --database needs a --data-dir too: pictures are kept there as files")]
    NoFolder,
    /// Not the address of a database that this program knows.
    #[error("--database must begin with postgres://; leave it out to keep records in a file")]
    Scheme,
    /// The file is there and cannot be used.
    #[error("the database {path} cannot be opened; if it is damaged, restore it from a backup")]
    File {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The server cannot be used. The address may hold a password and is not repeated.
    #[error("the database server cannot be used; check the address given as --database")]
    Server {
        /// What the database said.
        source: sqlx::Error,
    },
    /// Another program has the database open.
    #[error(
        "the database given as --database is in use by another Lookdesk; end it, or make another"
    )]
    DatabaseInUse,
    /// The records were written by a newer program.
    #[error("the records were written by a newer Lookdesk; use that one, or choose another place")]
    Newer,
    /// The records could not be brought up to date.
    #[error("the records could not be brought up to date; nothing of them was lost")]
    Migrate {
        /// What the database said.
        source: sqlx::migrate::MigrateError,
    },
    /// The records are open, and what must be done first could not be.
    #[error("the records cannot be used")]
    Prepare {
        /// What happened and what to do.
        source: Refusal,
    },
}

/// The records of the desk. Cheap to clone; all handles are the same records.
#[derive(Clone, Debug)]
pub struct Records {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    files: PictureFiles,
    groups: OnceCell<Groups>,
    /// Answers that somebody in this program is writing.
    writers: Mutex<HashSet<AnswerId>>,
    keep_days: Option<u32>,
    /// Held by an import: one at a time.
    importing: AsyncMutex<()>,
    /// What is known of an import that is under way.
    arriving: Mutex<Option<Arriving>>,
    /// Told of pictures that were deleted for good.
    deleted: Told<PictureId>,
    /// Told of answers that were deleted for good while they ran.
    cut_off: Told<AnswerId>,
    /// Held for as long as the records are open.
    lock: Mutex<Option<Lock>>,
}

type Telling<Id> = Box<dyn Fn(&[Id]) + Send + Sync>;

/// Who is told that something was deleted.
struct Told<Id>(OnceLock<Telling<Id>>);

impl<Id> Default for Told<Id> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<Id> fmt::Debug for Told<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_somebody = self.0.get().is_some();
        f.debug_tuple("Told").field(&is_somebody).finish()
    }
}

impl Records {
    /// Opens the records, makes them where there are none, and brings older ones up to date.
    /// Answers that were running when the program ended become interrupted.
    pub async fn open(place: &RecordsPlace) -> Result<Self, OpenError> {
        let (files, lock) = match &place.data_dir {
            Some(path) => {
                let lock = take(path)?;
                (PictureFiles::Folder(path.clone()), Some(lock))
            }
            None => (PictureFiles::memory(), None),
        };
        let database = match (&place.database, &place.data_dir) {
            (Some(_), None) => return Err(OpenError::NoFolder),
            (Some(url), Some(_)) => on_server(url).await?,
            (None, folder) => in_file(folder.as_deref()).await?,
        };
        let records = Self {
            inner: Arc::new(Inner {
                database,
                files,
                groups: OnceCell::new(),
                writers: Mutex::default(),
                keep_days: place.keep_days,
                importing: AsyncMutex::default(),
                arriving: Mutex::default(),
                deleted: Told::default(),
                cut_off: Told::default(),
                lock: Mutex::new(lock),
            }),
        };
        let prepared = records.prepare().await;
        prepared.map_err(|source| OpenError::Prepare { source })?;
        Ok(records)
    }

    /// Has `told` told of every picture that is deleted for good, so that nobody goes on showing it. One listener;
    /// a second is not taken.
    pub fn when_pictures_go(&self, told: impl Fn(&[PictureId]) + Send + Sync + 'static) {
        let _ = self.inner.deleted.0.set(Box::new(told));
    }

    pub(super) fn pictures_went(&self, ids: &[PictureId]) {
        if let Some(told) = self.inner.deleted.0.get() {
            told(ids);
        }
    }

    /// Has `told` told of every answer that is deleted for good while it runs, so that nobody goes on
    /// writing it. One listener; a second is not taken.
    pub fn when_answers_go(&self, told: impl Fn(&[AnswerId]) + Send + Sync + 'static) {
        let _ = self.inner.cut_off.0.set(Box::new(told));
    }

    pub(super) fn answers_went(&self, ids: &[AnswerId]) {
        if let Some(told) = self.inner.cut_off.0.get() {
            told(ids);
        }
    }

    /// What must be true before anybody uses the records.
    async fn prepare(&self) -> Result<(), Refusal> {
        let kind = self.database().kind();
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        bring_standard(connection).await?;
        let interrupted = recover(connection, kind).await?;
        turn.keep().await?;
        if interrupted > 0 {
            tracing::warn!(
                interrupted,
                "answers were cut short by the end of the program"
            );
        }
        // The dictionary takes a moment to load; the first question shall not wait for it.
        tokio::task::spawn_blocking(super::meaning::warm);
        Ok(())
    }

    /// Writes what is pending, closes the database and lets go of the data directory.
    pub async fn close(&self) {
        self.inner.database.close().await;
        let mut lock = self
            .inner
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *lock = None;
    }

    pub(super) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(super) fn files(&self) -> &PictureFiles {
        &self.inner.files
    }

    pub(super) fn groups_cell(&self) -> &OnceCell<Groups> {
        &self.inner.groups
    }

    pub(super) fn writers(&self) -> MutexGuard<'_, HashSet<AnswerId>> {
        let writers = self.inner.writers.lock();
        writers.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn importing(&self) -> &AsyncMutex<()> {
        &self.inner.importing
    }

    pub(super) fn arriving(&self) -> MutexGuard<'_, Option<Arriving>> {
        let arriving = self.inner.arriving.lock();
        arriving.unwrap_or_else(PoisonError::into_inner)
    }

    /// Instants before this are too long ago to keep.
    pub(super) fn keep_since(&self, now: i64) -> Option<i64> {
        let days = self.inner.keep_days.filter(|days| *days > 0)?;
        Some(now - i64::from(days) * clock::DAY_MS)
    }
}

/// Makes the data directory and takes it.
fn take(path: &Path) -> Result<Lock, OpenError> {
    let io = |source| OpenError::Folder {
        path: path.to_owned(),
        source,
    };
    make_private(path).map_err(io)?;
    Lock::take(path).map_err(|error| match error {
        LockError::Taken => OpenError::InUse {
            path: path.to_owned(),
        },
        LockError::Io(source) => io(source),
    })
}

/// Makes a folder that only its owner can look into: customers' pictures lie in it.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

async fn in_file(folder: Option<&Path>) -> Result<Database, OpenError> {
    let path = folder.map(|folder| folder.join(DATABASE_FILE));
    let database = Database::sqlite(path.as_deref()).await;
    database.map_err(|error| match error {
        DatabaseError::Connect(source) => OpenError::File {
            path: path.unwrap_or_default(),
            source,
        },
        DatabaseError::InUse => OpenError::DatabaseInUse,
        DatabaseError::Newer => OpenError::Newer,
        DatabaseError::Migrate(source) => OpenError::Migrate { source },
    })
}

async fn on_server(url: &str) -> Result<Database, OpenError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(OpenError::Scheme);
    }
    let database = Database::postgres(url).await;
    database.map_err(|error| match error {
        DatabaseError::Connect(source) => OpenError::Server { source },
        DatabaseError::InUse => OpenError::DatabaseInUse,
        DatabaseError::Newer => OpenError::Newer,
        DatabaseError::Migrate(source) => OpenError::Migrate { source },
    })
}
