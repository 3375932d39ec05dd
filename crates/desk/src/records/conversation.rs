//! A conversation: a chain of rounds about the same customer's matter.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConversationId, Round, named};
use crate::PictureId;

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The customer was helped.
    Solved,
    /// A person took over.
    HandedOver,
    /// The answers were wrong.
    Wrong,
}

/// A conversation as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConversationSummary {
    /// Its name.
    pub id: ConversationId,
    /// What people call it; at first the beginning of its first question. May be empty.
    pub title: String,
    /// Whose matter it is.
    pub customer: Option<String>,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Stands above the others.
    pub pinned: bool,
    /// The conversation it continues.
    pub follows: Option<ConversationId>,
    /// When it began.
    pub created_at: i64,
    /// When something was last asked or answered in it.
    pub updated_at: i64,
    /// How many rounds it has.
    pub round_count: u32,
    /// Its first picture.
    pub picture: Option<PictureId>,
    /// Where the searched words stand.
    pub snippet: Option<Snippet>,
    /// Its newest answer was cut short: the program ended, or nobody was listening any more.
    pub interrupted: bool,
    /// When it was put into the bin.
    pub deleted_at: Option<i64>,
}

/// A piece of text with the searched words in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Snippet {
    /// Plain text.
    pub text: String,
    /// Start and end of each hit, in UTF-16 code units of `text`.
    pub hits: Vec<[u32; 2]>,
}

/// A conversation with all that was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// What the list says of it.
    #[serde(flatten)]
    pub summary: ConversationSummary,
    /// Conversations that continue it.
    pub followed_by: Vec<ConversationId>,
    /// Oldest first, without those that an edit replaced.
    pub rounds: Vec<Round>,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConversationPage {
    /// Pinned ones first unless words are searched, then the newest.
    pub conversations: Vec<ConversationSummary>,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
    /// What the `group` of the filter is called: one of its questions, in short. Null where none is
    /// wanted, or none is called so.
    pub group_label: Option<String>,
}

/// A conversation to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    /// Left out, the first question gives one.
    pub title: Option<String>,
    /// Whose matter it is.
    pub customer: Option<String>,
    /// The conversation it continues.
    pub follows: Option<ConversationId>,
}

/// What to change of a conversation. What is left out stays; null clears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationChange {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whose matter it is.
    #[serde(
        default,
        deserialize_with = "named",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub customer: Option<Option<String>>,
    /// Stands above the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// How it ended.
    #[serde(
        default,
        deserialize_with = "named",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Verdict>)]
    pub verdict: Option<Option<Verdict>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_left_out_stays_and_null_clears() {
        let change: ConversationChange = serde_json::from_str(r#"{"verdict":null}"#).expect("fits");
        assert_eq!(change.verdict, Some(None));
        assert_eq!(change.customer, None);
        let change: ConversationChange =
            serde_json::from_str(r#"{"customer":"李"}"#).expect("fits");
        assert_eq!(change.customer, Some(Some("李".into())));
        assert!(serde_json::from_str::<ConversationChange>(r#"{"id":1}"#).is_err());
    }
}
