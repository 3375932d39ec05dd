//! A customer: what there is of one, and what else may be theirs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ConversationId;

/// What there is of a customer. Deleting a customer deletes what names them to the letter; what looks
/// alike is for people to judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Customer {
    /// As asked.
    pub name: String,
    /// Conversations that name them to the letter, those in the bin too.
    pub conversations: u64,
    /// Names that may mean the same customer: other capitals, widths, accents or spaces, or one within
    /// the other. At most 50, the likeliest first.
    pub alike: Vec<CustomerAlike>,
    /// Conversations linked with theirs that name nobody, or somebody else.
    pub linked: Vec<LinkedConversation>,
    /// An import is under way and may still bring some of theirs. Deleted now, they are left out of it,
    /// also where there are none yet.
    pub importing: bool,
}

/// A name that may mean the same customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustomerAlike {
    /// As it is written.
    pub name: String,
    /// Conversations that name them, those in the bin too.
    pub conversations: u64,
}

/// A conversation that continues one of the customer's, or is continued by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkedConversation {
    /// Its name.
    pub id: ConversationId,
    /// What people call it.
    pub title: String,
    /// Whom it names, where it names anybody.
    pub customer: Option<String>,
}
