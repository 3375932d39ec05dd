//! Where the records of a desk started here lie. Looks, opens nothing.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::data::DataOptions;
use crate::failure::Outcome;
use crate::quantity::bytes;

/// The database of a desk that names none.
const SQLITE_FILE: &str = "lookdesk.db";

/// Where records lie.
#[derive(Debug, Serialize)]
pub struct RecordsFindings {
    /// The data directory; null where this user has none.
    directory: Option<PathBuf>,
    /// `sqlite` or `postgresql`.
    database: &'static str,
    /// The size of the SQLite file; null where there is none yet.
    database_bytes: Option<u64>,
}

impl RecordsFindings {
    /// Looks.
    pub fn look(options: &DataOptions) -> Outcome<Self> {
        let directory = options.directory().ok();
        let sqlite = options.database()?.is_none();
        let file = directory.as_ref().filter(|_| sqlite);
        let file = file.and_then(|directory| fs::metadata(directory.join(SQLITE_FILE)).ok());
        Ok(Self {
            database: if sqlite { "sqlite" } else { "postgresql" },
            database_bytes: file.map(|file| file.len()),
            directory,
        })
    }

    /// What was found, in lines of words.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let directory = match &self.directory {
            Some(directory) => directory.display().to_string(),
            None => "none; name one with --data-dir DIR".to_owned(),
        };
        let database = match (self.database, self.database_bytes) {
            ("sqlite", Some(size)) => format!("SQLite, {}", bytes(size)),
            ("sqlite", None) => "SQLite, made when the desk first starts".to_owned(),
            (name, _) => name.to_owned(),
        };
        vec![("directory", directory), ("database", database)]
    }
}
