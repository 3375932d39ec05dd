//! Where records lie: the options that say so, and what they mean when nothing is said.

use std::env;
use std::path::PathBuf;

use clap::Args;
use desk::records::{Records, RecordsPlace};

use crate::failure::{Failure, Outcome};

/// Names the database when `--database` does not: an address with a password in it should not stand
/// where everybody on the machine can read it.
pub const DATABASE_VARIABLE: &str = "LOOKDESK_DATABASE";

/// Where records lie.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Records")]
pub struct DataOptions {
    /// Directory of the records [default: lookdesk in the user's data directory]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL database, postgres://... [default: $LOOKDESK_DATABASE, else SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

impl DataOptions {
    /// The directory: the option, else the user's own.
    pub fn directory(&self) -> Outcome<PathBuf> {
        if let Some(directory) = &self.data_dir {
            return Ok(directory.clone());
        }
        users_directory().ok_or_else(|| {
            let text = "this user has no home directory to keep records in; name one with \
                        --data-dir DIR, or start with --no-records";
            Failure::Usage(text.to_owned())
        })
    }

    /// The database, where it is not SQLite in the directory.
    pub fn database(&self) -> Outcome<Option<String>> {
        let variable = || {
            env::var(DATABASE_VARIABLE)
                .ok()
                .filter(|value| !value.is_empty())
        };
        let database = self.database.clone().or_else(variable);
        let known =
            |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
        match database {
            Some(url) if !known(&url) => Err(Failure::Usage(
                "--database takes the address of a PostgreSQL database, such as \
                 postgres://user:password@host/lookdesk; leave it out for SQLite"
                    .to_owned(),
            )),
            database => Ok(database),
        }
    }

    /// The place for whoever opens the records.
    pub fn place(&self, keep_days: Option<u32>) -> Outcome<RecordsPlace> {
        Ok(RecordsPlace {
            data_dir: Some(self.directory()?),
            database: self.database()?,
            keep_days,
        })
    }

    /// Where they lie, for people. A database's address may hold a password.
    pub fn words(&self) -> Outcome<String> {
        let directory = self.directory()?;
        Ok(match self.database()? {
            None => directory.display().to_string(),
            Some(_) => format!(
                "the PostgreSQL database, pictures in {}",
                directory.display()
            ),
        })
    }
}

/// Opens the records.
pub async fn open(place: &RecordsPlace) -> Outcome<Records> {
    Ok(Records::open(place).await?)
}

/// `lookdesk` in the directory where this system keeps a user's data.
fn users_directory() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = |name| env::var_os(name).map(PathBuf::from).and_then(absolute);
    let home = || env::home_dir().and_then(absolute);
    let base = if cfg!(windows) {
        named("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        home()?.join("Library/Application Support")
    } else {
        match named("XDG_DATA_HOME") {
            Some(base) => base,
            None => home()?.join(".local/share"),
        }
    };
    Some(base.join("lookdesk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_postgresql_or_none() {
        let options = |url: &str| DataOptions {
            data_dir: Some("/x".into()),
            database: Some(url.into()),
        };
        let url = "postgres://me:secret@db/desk";
        assert_eq!(options(url).database().unwrap().as_deref(), Some(url));
        assert!(!options(url).words().unwrap().contains("secret"));
        for other in ["sqlite://x.db", "mysql://x", "desk.db", ""] {
            assert!(
                matches!(options(other).database(), Err(Failure::Usage(_))),
                "{other}"
            );
        }
    }

    #[test]
    fn the_directory_is_the_named_one() {
        let options = DataOptions {
            data_dir: Some("records".into()),
            database: None,
        };
        let place = options.place(Some(30)).unwrap();
        assert_eq!(place.data_dir, Some("records".into()));
        assert_eq!(place.keep_days, Some(30));
    }
}
