//! The doors of the records. A handle is cheap to clone; all of them are the same records.

#![expect(
    clippy::todo,
    unused_variables,
    reason = "the store behind these doors follows"
)]

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::{AskedSettings, Picture, PictureId, Refusal};

/// Where records are kept and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsPlace {
    /// The folder of pictures, and of the database unless one is named. `None` keeps everything in
    /// memory: nothing touches the disk.
    pub data_dir: Option<PathBuf>,
    /// A PostgreSQL database, `postgres://...`.
    pub database: Option<String>,
    /// Delete conversations for good when nothing happened in them for so many days.
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
}

/// The records of the desk.
#[derive(Clone, Debug)]
pub struct Records {}

impl Records {
    /// Opens the records, makes them where there are none, and brings older ones up to date.
    /// Answers that were running when the program ended become interrupted.
    pub async fn open(place: &RecordsPlace) -> Result<Self, OpenError> {
        todo!()
    }

    /// Writes what is pending and closes the database.
    pub async fn close(&self) {
        todo!()
    }

    /// Deletes what is due: the bin after a day, what is older than the records are kept, pictures
    /// that nothing uses. Call it at start and every hour.
    pub async fn sweep(&self) -> Result<Swept, Refusal> {
        todo!()
    }

    /// A page of the list.
    pub async fn list(&self, filter: &ConversationFilter) -> Result<ConversationPage, Refusal> {
        todo!()
    }

    /// Begins a conversation.
    pub async fn create(&self, new: NewConversation) -> Result<Conversation, Refusal> {
        todo!()
    }

    /// A conversation with all that was said; also one in the bin.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, Refusal> {
        todo!()
    }

    /// Changes what people say about a conversation.
    pub async fn change(
        &self,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<Conversation, Refusal> {
        todo!()
    }

    /// Puts a conversation into the bin.
    pub async fn delete(&self, id: ConversationId) -> Result<(), Refusal> {
        todo!()
    }

    /// Takes a conversation out of the bin.
    pub async fn restore(&self, id: ConversationId) -> Result<Conversation, Refusal> {
        todo!()
    }

    /// Deletes a conversation at once: rows, pictures that nobody else uses, search index.
    pub async fn delete_for_good(
        &self,
        id: ConversationId,
        asker: Option<&str>,
    ) -> Result<(), Refusal> {
        todo!()
    }

    /// Stores a round, its pictures and a running answer, all or nothing. A conversation without a
    /// title takes the beginning of the question.
    ///
    /// Refuses with `answer_running` while an answer of the conversation runs.
    pub async fn begin_round(&self, new: NewRound) -> Result<BegunRound, Refusal> {
        todo!()
    }

    /// Stores another running answer to the newest round. `settings` where they are not the
    /// round's.
    pub async fn begin_answer(
        &self,
        round: RoundId,
        settings: Option<AskedSettings>,
    ) -> Result<AnswerId, Refusal> {
        todo!()
    }

    /// Appends words to a running answer. Call it at most every half second.
    pub async fn append(&self, answer: AnswerId, words: NewWords<'_>) -> Result<(), Refusal> {
        todo!()
    }

    /// Ends a running answer, with its last words.
    pub async fn finish_answer(
        &self,
        answer: AnswerId,
        words: NewWords<'_>,
        end: AnswerEnd,
    ) -> Result<(), Refusal> {
        todo!()
    }

    /// A round and where it stands.
    pub async fn round(&self, id: RoundId) -> Result<FoundRound, Refusal> {
        todo!()
    }

    /// An answer and where it stands.
    pub async fn answer(&self, id: AnswerId) -> Result<FoundAnswer, Refusal> {
        todo!()
    }

    /// Replaces what people made of an answer.
    pub async fn set_feedback(
        &self,
        answer: AnswerId,
        feedback: Feedback,
    ) -> Result<Feedback, Refusal> {
        todo!()
    }

    /// Replaces the evidence of an answer.
    pub async fn set_evidence(
        &self,
        answer: AnswerId,
        evidence: &[Evidence],
    ) -> Result<(), Refusal> {
        todo!()
    }

    /// Adds a closer look to an answer.
    pub async fn add_reading(&self, answer: AnswerId, reading: &Reading) -> Result<(), Refusal> {
        todo!()
    }

    /// A picture that a round uses, read from its file.
    pub async fn picture(&self, id: PictureId) -> Result<Option<Arc<Picture>>, Refusal> {
        todo!()
    }

    /// A thumbnail kept before; it leaves with its picture.
    pub async fn thumbnail(&self, id: PictureId, edge: u32) -> Result<Option<Vec<u8>>, Refusal> {
        todo!()
    }

    /// Keeps a thumbnail of a picture that a round uses; of others it keeps none.
    pub async fn keep_thumbnail(
        &self,
        id: PictureId,
        edge: u32,
        bytes: Vec<u8>,
    ) -> Result<(), Refusal> {
        todo!()
    }

    /// All role presets, in their order.
    pub async fn roles(&self) -> Result<Vec<RolePreset>, Refusal> {
        todo!()
    }

    /// Adds a role at the end.
    pub async fn add_role(&self, new: NewRole) -> Result<RolePreset, Refusal> {
        todo!()
    }

    /// Changes a role.
    pub async fn change_role(&self, id: RoleId, change: RoleChange) -> Result<RolePreset, Refusal> {
        todo!()
    }

    /// Deletes a role, unless it comes with the desk.
    pub async fn delete_role(&self, id: RoleId) -> Result<(), Refusal> {
        todo!()
    }

    /// Names of customers that contain these words, at most 200, in order.
    pub async fn customers(&self, query: Option<&str>) -> Result<Vec<String>, Refusal> {
        todo!()
    }

    /// Deletes all conversations of a customer at once, those in the bin too; says how many.
    pub async fn delete_customer(&self, name: &str, asker: Option<&str>) -> Result<u64, Refusal> {
        todo!()
    }

    /// What the records tell about a time.
    pub async fn insights(&self, wish: &InsightsWish) -> Result<Insights, Refusal> {
        todo!()
    }

    /// Takes records out, piece by piece; memory does not grow with their number.
    pub async fn export(
        &self,
        wish: ExportWish,
        asker: Option<&str>,
    ) -> Result<ExportStream, Refusal> {
        todo!()
    }

    /// Brings an exported JSON file in, all or nothing. What is here already stays as it is.
    pub async fn import(
        &self,
        source: ImportSource,
        asker: Option<&str>,
    ) -> Result<Imported, Refusal> {
        todo!()
    }

    /// The newest 500 entries of the audit log, newest first.
    pub async fn audit(&self) -> Result<Vec<AuditEntry>, Refusal> {
        todo!()
    }
}
