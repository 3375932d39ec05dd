//! The database: how it is opened, whose turn it is to write, and what its errors mean to people.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::any::{Any, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{AnyConnection, AnyPool, Connection, Executor, Row, SqlSafeStr, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use crate::Refusal;

const SQLITE: &[(i64, &str, &str)] = &[
    (
        1,
        "records",
        include_str!("../../../migrations/sqlite/0001_records.sql"),
    ),
    (
        2,
        "links",
        include_str!("../../../migrations/sqlite/0002_links.sql"),
    ),
];
const POSTGRES: &[(i64, &str, &str)] = &[
    (
        1,
        "records",
        include_str!("../../../migrations/postgres/0001_records.sql"),
    ),
    (
        2,
        "links",
        include_str!("../../../migrations/postgres/0002_links.sql"),
    ),
];

/// One who writes, and readers.
const CONNECTIONS: u32 = 6;
/// How often a log that somebody reads is tried to be emptied, and how long is waited in between.
const CHECKPOINTS: u32 = 8;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(250);
/// How long somebody waits for a connection before hearing that the database is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// The key by which a program holds a server's database: "lookdesk" in ASCII.
const KEY: i64 = 7_813_586_385_547_653_995;
/// How often a database that another program seems to hold is asked for, and how long is waited in
/// between. A server notices a moment late that a program has ended.
const HOLDS: u32 = 20;
const HOLD_PAUSE: Duration = Duration::from_millis(150);

/// What each connection to SQLite is told first. Deleted words are overwritten, not only forgotten;
/// a stored word survives a power cut.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; \
    PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;";

/// What each connection to PostgreSQL is told first. It reckons with a disk that turns, for which an entry
/// of an index costs four times as much as one in a row of entries, and would rather read every round whole
/// than the narrow index that has all that insights count.
const SETTINGS: &str = "SET random_page_cost = 1.1";

/// Which kind of database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Why a database cannot be opened.
#[derive(Debug)]
pub enum DatabaseError {
    /// It does not answer, or does not let us in.
    Connect(sqlx::Error),
    /// Another program uses it.
    InUse,
    /// Its schema was written by a newer program.
    Newer,
    /// Its schema could not be brought up to date.
    Migrate(MigrateError),
}

/// The database of the records.
///
/// One writer at a time, on both kinds: SQLite knows no other way, and what is decided by reading
/// first (a group of questions, the next position) stays true until it is written.
#[derive(Debug)]
pub struct Database {
    pool: AnyPool,
    kind: Kind,
    writing: Mutex<()>,
    /// Deletions that have noted what they leave behind, since the database was opened.
    deletions: AtomicU64,
    /// A connection of its own whose session holds the database for this program, on a server.
    held: Mutex<Option<AnyConnection>>,
}

/// A turn to write: a transaction that is undone unless it is kept.
pub struct Turn<'a> {
    transaction: Transaction<'static, Any>,
    turn: MutexGuard<'a, ()>,
}

impl Database {
    /// Opens the file, or a database that lives in memory and dies with the last handle.
    pub async fn sqlite(path: Option<&Path>) -> Result<Self, DatabaseError> {
        let url = match path {
            Some(path) => format!("sqlite://{}?mode=rwc", escaped(path)),
            None => "sqlite::memory:?cache=private".to_owned(),
        };
        // Each connection to memory would be a database of its own.
        let connections = if path.is_some() { CONNECTIONS } else { 1 };
        Self::open(&url, Kind::Sqlite, connections).await
    }

    /// Connects to a server.
    pub async fn postgres(url: &str) -> Result<Self, DatabaseError> {
        Self::open(url, Kind::Postgres, CONNECTIONS).await
    }

    async fn open(url: &str, kind: Kind, connections: u32) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let mut options = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE);
        let told = match kind {
            Kind::Sqlite => PRAGMAS,
            Kind::Postgres => SETTINGS,
        };
        options = options.after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(told).await.map(drop) })
        });
        if kind == Kind::Sqlite {
            // None is opened ahead: two that make a new file at the same time lock each other out.
            options = options.idle_timeout(None).max_lifetime(None);
        }
        if connections > 1 {
            // When the disk is full, SQLite undoes a transaction by itself, and sqlx goes on
            // counting it. Such a connection is closed rather than used again.
            options = options.before_acquire(|connection, _| {
                let is_fit = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_fit) })
            });
        }
        let pool = options.connect(url).await.map_err(DatabaseError::Connect)?;
        let database = Self {
            pool,
            kind,
            writing: Mutex::new(()),
            deletions: AtomicU64::new(0),
            held: Mutex::new(None),
        };
        if kind == Kind::Postgres {
            database.hold().await?;
        }
        database.migrate().await?;
        Ok(database)
    }

    /// Holds the database until the session ends. What one program finds running at its start, it
    /// takes for left over: another one may not be writing it. For a file the data directory is held.
    async fn hold(&self) -> Result<(), DatabaseError> {
        let connection = self.pool.acquire().await;
        let mut connection = connection.map_err(DatabaseError::Connect)?.detach();
        for _ in 0..HOLDS {
            let is_held: i64 = sqlx::query_scalar(
                "SELECT CAST(CASE WHEN pg_try_advisory_lock($1) THEN 1 ELSE 0 END AS BIGINT)",
            )
            .bind(KEY)
            .fetch_one(&mut connection)
            .await
            .map_err(DatabaseError::Connect)?;
            if is_held != 0 {
                *self.held.lock().await = Some(connection);
                return Ok(());
            }
            tokio::time::sleep(HOLD_PAUSE).await;
        }
        Err(DatabaseError::InUse)
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        let steps = match self.kind {
            Kind::Sqlite => SQLITE,
            Kind::Postgres => POSTGRES,
        };
        let steps = steps.iter().map(|&(version, name, sql)| {
            let sql = sql.into_sql_str();
            Migration::new(version, name.into(), MigrationType::Simple, sql, false)
        });
        let migrator = Migrator::with_migrations(steps.collect());
        migrator.run(&self.pool).await.map_err(|error| match error {
            MigrateError::VersionMissing(_) => DatabaseError::Newer,
            error => DatabaseError::Migrate(error),
        })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A connection to read from.
    pub async fn read(&self) -> Result<PoolConnection<Any>, Refusal> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction that sees the database as it is now, whatever is written meanwhile.
    pub async fn snapshot(&self) -> Result<Transaction<'static, Any>, Refusal> {
        let begin = match self.kind {
            Kind::Sqlite => "BEGIN",
            Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.pool.begin_with(begin).await?)
    }

    /// Waits for the turn to write.
    pub async fn write(&self) -> Result<Turn<'_>, Refusal> {
        let turn = self.writing.lock().await;
        let begin = match self.kind {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        };
        let transaction = self.pool.begin_with(begin).await?;
        Ok(Turn { transaction, turn })
    }

    /// Notes, with a deletion, that its words still lie in the file and beside it. The file keeps a
    /// number for its program; it is one of ours until [`Database::scrub`] is through.
    pub async fn owe_scrub(&self, connection: &mut AnyConnection) -> Result<(), Refusal> {
        if self.kind == Kind::Sqlite {
            self.deletions.fetch_add(1, Ordering::SeqCst);
            connection.execute("PRAGMA user_version = 1").await?;
        }
        Ok(())
    }

    /// Whether a deletion has left words in the file or beside it.
    pub async fn is_scrub_due(&self) -> Result<bool, Refusal> {
        if self.kind == Kind::Postgres {
            return Ok(false);
        }
        let mut connection = self.pool.acquire().await?;
        let owed: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut *connection)
            .await?;
        Ok(owed != 0)
    }

    /// Lets go of what deleted rows have left behind in the file and beside it. Says whether nothing
    /// is left of what was deleted before; where a reader stands in the way, that stays to be done.
    pub async fn scrub(&self) -> Result<bool, Refusal> {
        if self.kind == Kind::Postgres {
            return Ok(true);
        }
        // Asked in a turn: every deletion that has noted its words has then kept or undone them.
        let before = {
            let _turn = self.writing.lock().await;
            self.deletions.load(Ordering::SeqCst)
        };
        self.merge_index().await?;
        for _ in 0..CHECKPOINTS {
            if self.empty_log(before).await? {
                return Ok(true);
            }
            tokio::time::sleep(CHECKPOINT_PAUSE).await;
        }
        Ok(false)
    }

    /// Merging rewrites the search index without what was deleted. A negative number takes up all of
    /// it; each statement does a little, so that others can write in between.
    async fn merge_index(&self) -> Result<(), Refusal> {
        let mut merge = "INSERT INTO found (found, rank) VALUES ('merge', -2000)";
        loop {
            let _turn = self.writing.lock().await;
            let mut connection = self.pool.acquire().await?;
            let before = total_changes(&mut connection).await?;
            connection.execute(merge).await?;
            if total_changes(&mut connection).await? - before < 2 {
                return Ok(());
            }
            merge = "INSERT INTO found (found, rank) VALUES ('merge', 2000)";
        }
    }

    /// Brings the write-ahead log into the file and empties it; says whether that could be done. It
    /// waits a little for readers, and for that time nobody writes. A deletion that came after the first
    /// `before` stays noted: its words are in the search index yet.
    async fn empty_log(&self, before: u64) -> Result<bool, Refusal> {
        let _turn = self.writing.lock().await;
        let mut connection = self.pool.acquire().await?;
        connection.execute("PRAGMA busy_timeout = 200").await?;
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut *connection)
            .await;
        connection.execute("PRAGMA busy_timeout = 5000").await?;
        let is_busy: i64 = emptied?.try_get(0)?;
        if is_busy != 0 {
            return Ok(false);
        }
        if self.deletions.load(Ordering::SeqCst) == before {
            connection.execute("PRAGMA user_version = 0").await?;
        }
        Ok(true)
    }

    /// Tells the database that much has changed, for its plans. SQLite plans without such figures.
    pub async fn take_stock(&self) -> Result<(), Refusal> {
        if self.kind == Kind::Postgres {
            self.pool.execute("VACUUM (ANALYZE)").await?;
        }
        Ok(())
    }

    /// Closes all connections once they are idle, and lets go of the database last.
    pub async fn close(&self) {
        let _turn = self.writing.lock().await;
        self.pool.close().await;
        if let Some(mut held) = self.held.lock().await.take() {
            // Said rather than left to the end of the session, which the server notices a moment late.
            let given = sqlx::query("SELECT CAST(pg_advisory_unlock($1) AS TEXT)")
                .bind(KEY)
                .execute(&mut held)
                .await;
            if let Err(error) = given.and(held.close().await) {
                tracing::debug!(%error, "the database is let go of when its session ends");
            }
        }
    }
}

impl Turn<'_> {
    /// The connection to write on.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}

impl<'a> Turn<'a> {
    /// Keeps what was written.
    pub async fn keep(self) -> Result<(), Refusal> {
        self.keep_and_hold().await.map(drop)
    }

    /// Keeps what was written, and the turn too, for files that must follow the rows.
    pub async fn keep_and_hold(self) -> Result<MutexGuard<'a, ()>, Refusal> {
        self.transaction.commit().await?;
        Ok(self.turn)
    }
}

async fn total_changes(connection: &mut AnyConnection) -> Result<i64, Refusal> {
    Ok(sqlx::query_scalar("SELECT total_changes()")
        .fetch_one(connection)
        .await?)
}

/// A path as part of a URL.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

impl From<sqlx::Error> for Refusal {
    /// What a database's error means to somebody at the desk. The log gets the rest.
    fn from(error: sqlx::Error) -> Self {
        let refusal = match &error {
            sqlx::Error::Database(fault) => by_code(fault.code().as_deref().unwrap_or_default()),
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed => {
                Self::records_busy()
            }
            _ => Self::records_failed(),
        };
        tracing::error!(code = ?refusal.code, %error, "the database of the records failed");
        refusal
    }
}

/// SQLite numbers its errors, the last eight bits being the kind; PostgreSQL has five characters.
fn by_code(code: &str) -> Refusal {
    const SQLITE_BUSY: u32 = 5;
    const SQLITE_LOCKED: u32 = 6;
    const SQLITE_FULL: u32 = 13;
    if code.len() != 5 {
        return match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(SQLITE_BUSY | SQLITE_LOCKED) => Refusal::records_busy(),
            Ok(SQLITE_FULL) => Refusal::records_full(),
            _ => Refusal::records_failed(),
        };
    }
    match code {
        // disk_full
        "53100" => Refusal::records_full(),
        // lock_not_available, deadlock_detected, query_canceled
        "55P03" | "40P01" | "57014" => Refusal::records_busy(),
        // The server ends, or takes no more connections.
        _ if code.starts_with("57P") || code.starts_with("08") || code == "53300" => {
            Refusal::records_busy()
        }
        _ => Refusal::records_failed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_new_file_is_made_by_one_connection() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("lookdesk.db");
            let database = Database::sqlite(Some(&path)).await.expect("opened");
            assert_eq!(database.pool.size(), 1);
        }
    }

    #[tokio::test]
    async fn a_deletion_that_came_after_the_merge_stays_owed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lookdesk.db");
        let database = Database::sqlite(Some(&path)).await.expect("opened");
        for _ in 0..2 {
            let mut turn = database.write().await.expect("our turn");
            let owed = database.owe_scrub(turn.connection()).await;
            owed.expect("noted");
            turn.keep().await.expect("kept");
        }
        // As if the second had come between the merge of the first and its end.
        assert!(database.empty_log(1).await.expect("emptied"));
        assert!(database.is_scrub_due().await.expect("readable"));
        assert!(database.scrub().await.expect("scrubbed"));
        assert!(!database.is_scrub_due().await.expect("readable"));
    }

    #[test]
    fn a_full_disk_and_a_locked_database_have_sentences_of_their_own() {
        for (code, means) in [
            ("13", Code::RecordsFull),
            ("53100", Code::RecordsFull),
            ("5", Code::RecordsBusy),
            ("517", Code::RecordsBusy),
            ("57P01", Code::RecordsBusy),
            ("1", Code::RecordsFailed),
            ("23505", Code::RecordsFailed),
        ] {
            assert_eq!(by_code(code).code, means, "{code}");
        }
    }
}
