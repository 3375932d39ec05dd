//! The records on a database: one way through, one text of SQL; SQLite and PostgreSQL differ only in
//! their migrations, in how a search index is written and asked, and in how a database is opened.

mod conversations;
mod customers;
mod database;
mod deletion;
mod doubts;
mod export;
mod figures;
mod files;
mod fitness;
mod found;
mod grouping;
mod import;
mod list;
mod lock;
mod log;
mod pictures;
mod reactions;
mod roles;
mod rows;
mod table;
mod ungrouped;
mod whole;
mod writing;

pub(super) use database::{Database, DatabaseError};
pub(super) use files::PictureFiles;
pub(super) use grouping::Groups;
pub(super) use import::Arriving;
pub(super) use lock::{Lock, LockError};
pub(super) use roles::bring_standard;
pub(super) use writing::recover;
