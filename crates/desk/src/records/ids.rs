//! Names of records: UUIDs of version 7, so that a later one sorts after an earlier one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Text that cannot be the name of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID such as 0199f3c2-5f7e-7c1a-8a44-0d2f6c1b9e57")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// A name that nothing had before.
            #[expect(clippy::new_without_default, reason = "each one is another")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // Other spellings of a UUID would be other names of the same record.
                let id: Uuid = match text.len() {
                    36 => text.parse().map_err(|_| NotAnId)?,
                    _ => return Err(NotAnId),
                };
                Ok(Self(id))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    )*};
}

ids! {
    /// The name of a conversation.
    ConversationId
    /// The name of a round.
    RoundId
    /// The name of an answer.
    AnswerId
    /// The name of a piece of evidence.
    EvidenceId
    /// The name of a closer look.
    ReadingId
    /// The name of a role preset.
    RoleId
    /// The name of a group of questions that mean the same.
    GroupId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_id_sorts_after_an_earlier_one() {
        let ids: Vec<_> = (0..1000).map(|_| RoundId::new()).collect();
        assert!(ids.is_sorted());
        let texts: Vec<_> = ids.iter().map(RoundId::to_string).collect();
        assert!(texts.is_sorted());
    }

    #[test]
    fn only_the_usual_spelling_is_an_id() {
        let id = RoundId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        let bare = id.to_string().replace('-', "");
        for text in ["", "1", "../../etc/passwd", &bare, &format!("{{{id}}}")] {
            assert_eq!(text.parse::<RoundId>(), Err(NotAnId), "{text}");
        }
    }
}
