//! What goes in and out: exports, imports, and what a sweep removed.

use std::io::{Read, Seek};
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ConversationId;
use crate::{PictureId, Refusal};

/// What to export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportWish {
    /// JSON when left out.
    #[serde(default)]
    pub format: ExportFormat,
    /// Only this conversation.
    pub conversation: Option<ConversationId>,
    /// Only conversations with a question at or after this instant.
    pub from: Option<i64>,
    /// Only conversations with a question before this instant.
    pub to: Option<i64>,
    /// Whether the pictures' bytes come along.
    #[serde(default)]
    pub pictures: ExportPictures,
    /// What to add to UTC for the days that the file is called after.
    #[param(minimum = -1080, maximum = 1080)]
    pub utc_offset_minutes: Option<i32>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Everything; can be imported.
    #[default]
    Json,
    /// A table with one row for each answer, for spreadsheets.
    Csv,
}

/// Whether the pictures' bytes come along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportPictures {
    /// They do.
    #[default]
    Bytes,
    /// Only their hashes do.
    Hash,
}

/// An export, piece by piece.
pub type ExportStream = Pin<Box<dyn Stream<Item = Result<Vec<u8>, Refusal>> + Send>>;

/// Something an import can be read from, twice: first to check it, then to store it.
pub trait ImportFile: Read + Seek + Send {}

impl<File: Read + Seek + Send> ImportFile for File {}

/// Where an import is read from: a file, or a body that has been spooled.
pub type ImportSource = Box<dyn ImportFile>;

/// Opens a picture; `None` where no decoder can read it.
pub type Look = Arc<dyn Fn(&[u8]) -> Option<PictureSize> + Send + Sync>;

/// How large a picture is shown, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PictureSize {
    pub width: u32,
    pub height: u32,
}

/// What an import has added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// Conversations added.
    pub conversations: u64,
    /// Rounds added.
    pub rounds: u64,
    /// Answers added.
    pub answers: u64,
    /// Pictures added.
    pub pictures: u64,
    /// Conversations that were here already.
    pub skipped: u64,
    /// Pictures among those added that cannot be read; they are left out.
    pub damaged_pictures: u64,
    /// The first hundred of them.
    pub damaged: Vec<DamagedPicture>,
}

/// A picture of an import that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DamagedPicture {
    /// Its name.
    pub id: PictureId,
    /// A conversation that shows it.
    pub conversation: Option<ConversationId>,
    /// What that conversation is called.
    pub title: Option<String>,
}

/// What a sweep has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Conversations that lay in the bin for a day.
    pub from_bin: u64,
    /// Conversations older than the records are kept.
    pub too_old: u64,
    /// Pictures that nothing used any more.
    pub pictures: u64,
}
