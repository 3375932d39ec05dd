//! The audit log: who took records out, brought them in, or deleted them. Its entries hold ids and
//! counts, never a customer's words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Records were taken out.
    Export,
    /// Records were brought in.
    Import,
    /// A conversation was laid into the bin; it is deleted for good after a day.
    Bin,
    /// A conversation was deleted for good.
    DeleteConversation,
    /// All conversations of a customer were deleted for good.
    DeleteCustomer,
    /// A conversation that lay in the bin for a day was deleted for good; who asked is who laid it there.
    EmptyBin,
    /// Conversations older than the records are kept were deleted for good.
    Retention,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When.
    pub at: i64,
    /// What was done.
    pub action: AuditAction,
    /// To which record: an id, or empty.
    pub subject: String,
    /// How much, in a few words.
    pub detail: String,
    /// Who asked for it, where keys have names.
    pub asker: Option<String>,
}
