//! What the records say no to, and in which words.

use std::fmt::Display;

use serde_json::{Value, json};

use super::{ConversationId, CustomerAlike, Imported};
use crate::{Code, Refusal};

/// How long to wait for a database that somebody else keeps busy.
const BUSY_RETRY_S: u64 = 5;

/// What a record is called where it is missing.
fn unknown(code: Code, what: &str, id: &dyn Display) -> Refusal {
    let message = format!("There is no {what} {id}; it may have been deleted. Reload the page.");
    Refusal::new(code, message, json!({"id": id.to_string()}))
}

impl Refusal {
    /// No such conversation.
    pub fn conversation_unknown(id: impl Display) -> Self {
        unknown(Code::ConversationUnknown, "conversation", &id)
    }

    /// No such round.
    pub fn round_unknown(id: impl Display) -> Self {
        unknown(Code::RoundUnknown, "round", &id)
    }

    /// No such answer.
    pub fn answer_unknown(id: impl Display) -> Self {
        unknown(Code::AnswerUnknown, "answer", &id)
    }

    /// No such role preset.
    pub fn role_unknown(id: impl Display) -> Self {
        unknown(Code::RoleUnknown, "role", &id)
    }

    /// No conversation names this customer; these look alike.
    pub fn customer_unknown(alike: &[CustomerAlike]) -> Self {
        let message = "No conversation names this customer to the letter. Look at the names that \
                       are alike, and at the list of customers.";
        let names: Vec<_> = alike.iter().map(|one| one.name.as_str()).collect();
        Self::new(Code::CustomerUnknown, message, json!({"alike": names}))
    }

    /// What is linked with a customer is not what somebody has seen; this is linked now, and names nobody.
    pub fn linked_changed(now: impl IntoIterator<Item = ConversationId>) -> Self {
        let message = "Other conversations are linked with this customer's than when they were shown. \
                       Nothing was deleted. Look at them again, and decide anew.";
        let mut now: Vec<_> = now.into_iter().map(|id| id.to_string()).collect();
        now.sort();
        Self::new(Code::LinkedChanged, message, json!({"linked": now}))
    }

    /// A role that comes with the desk cannot be deleted.
    pub fn role_standard() -> Self {
        let message = "This role comes with the desk and cannot be deleted. Change its words, or \
                       add a role of your own.";
        Self::new(Code::RoleStandard, message, Value::Null)
    }

    /// A field of a record is outside what it may hold; `allowed` says that in words.
    pub fn field_out_of_range(field: &str, allowed: &str) -> Self {
        let message = format!("`{field}` must be {allowed}.");
        let details = json!({"field": field, "allowed": allowed});
        Self::new(Code::FieldOutOfRange, message, details)
    }

    /// The conversation lies in the bin.
    pub fn conversation_deleted() -> Self {
        let message = "This conversation lies in the bin. Take it out before asking in it.";
        Self::new(Code::ConversationDeleted, message, Value::Null)
    }

    /// Only the newest round of a conversation can be answered again.
    pub fn round_not_newest() -> Self {
        let message =
            "Only the newest question can be answered again. Edit this one to ask it anew.";
        Self::new(Code::RoundNotNewest, message, Value::Null)
    }

    /// An answer in this conversation is still being written.
    pub fn answer_running() -> Self {
        let message = "An answer in this conversation is still being written. Stop it, or wait.";
        Self::new(Code::AnswerRunning, message, Value::Null)
    }

    /// The model found no place on the pictures for what was asked.
    pub fn no_place() -> Self {
        let message =
            "The model cannot say where on the picture this stands. Mark the place by hand.";
        Self::new(Code::NoPlace, message, Value::Null)
    }

    /// The disk has no room for the records.
    pub fn records_full() -> Self {
        let message = "The disk that holds the records is full; nothing was stored. Make room on \
                       it, then try again.";
        Self::new(Code::RecordsFull, message, Value::Null)
    }

    /// Somebody else keeps the database busy, or it does not answer.
    pub fn records_busy() -> Self {
        let message = format!(
            "The database of the records is busy or cannot be reached; nothing was stored. Try \
             again in {BUSY_RETRY_S} s."
        );
        let details = json!({"retry_after_s": BUSY_RETRY_S});
        Self::new(Code::RecordsBusy, message, details)
    }

    /// Something broke in the records; the log says what.
    pub fn records_failed() -> Self {
        let message = "The records could not be read or written because of a fault; the log of \
                       Lookdesk says more.";
        Self::new(Code::RecordsFailed, message, Value::Null)
    }

    /// A file that cannot be imported. Nothing was changed.
    pub fn import_unfit(reason: impl Display) -> Self {
        let reason = reason.to_string();
        let message = format!("This file cannot be imported: {reason}. Nothing was changed.");
        Self::new(Code::ImportUnfit, message, json!({"reason": reason}))
    }

    /// An import that ended half-way, after it had begun to store.
    pub fn import_cut_short(kept: &Imported, why: &Self) -> Self {
        if kept.conversations + kept.rounds + kept.answers == 0 {
            // Nothing of it is here: what stood in the way says it all.
            return why.clone();
        }
        let message = format!(
            "The import was cut short: {} conversations and {} questions came in, the rest did not. \
             Import the same file again; what is here already stays as it is. {}",
            kept.conversations, kept.rounds, why.message
        );
        let details = json!({
            "conversations": kept.conversations,
            "rounds": kept.rounds,
            "reason": why.code,
        });
        Self::new(Code::ImportCutShort, message, details)
    }
}
