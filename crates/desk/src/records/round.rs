//! A round: one question with its pictures, and the answers it got.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, AnswerId, ConversationId, RoundId};
use crate::{AskedSettings, Picture, PictureId};

/// A question and its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Round {
    /// Its name.
    pub id: RoundId,
    /// When it was asked.
    pub asked_at: i64,
    /// The words; may be empty where a picture says it all.
    pub question: String,
    /// In the order they were laid beside the question.
    pub pictures: Vec<RoundPicture>,
    /// Oldest first; the newest finished one counts.
    pub answers: Vec<Answer>,
    /// The system text as it was sent.
    pub role: String,
    /// As asked; what was left open took the desk's default.
    pub settings: AskedSettings,
    /// How many earlier rounds were sent along.
    pub remembered_rounds: u32,
    /// Who asked, where keys have names.
    pub asker: Option<String>,
}

/// A picture of a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoundPicture {
    /// Its name.
    pub id: PictureId,
    /// Pixels, as the picture is shown.
    pub width: u32,
    /// Pixels, as the picture is shown.
    pub height: u32,
    /// The size of its file.
    pub bytes: u64,
    /// How many tokens it takes in a question.
    pub tokens: u32,
    /// Read from the bytes, never from a name or a header.
    pub media_type: String,
}

/// A round to begin; see [`Round`] for its fields.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the round documents the same names")]
pub struct NewRound {
    pub conversation: ConversationId,
    pub question: String,
    pub pictures: Vec<Arc<Picture>>,
    pub role: String,
    pub settings: AskedSettings,
    pub remembered_rounds: u32,
    /// The round that this one replaces, with all that followed it.
    pub replaces: Option<RoundId>,
    pub asker: Option<String>,
}

/// What [`super::Records::begin_round`] has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunRound {
    /// The new round.
    pub round: RoundId,
    /// Its answer, running and empty.
    pub answer: AnswerId,
    /// The conversation's title, which the first question may just have given.
    pub title: String,
}

/// A round and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRound {
    /// Whose it is.
    pub conversation: ConversationId,
    /// The round.
    pub round: Round,
    /// The round that replaced it.
    pub replaced_by: Option<RoundId>,
}

/// An answer and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundAnswer {
    /// Whose it is.
    pub conversation: ConversationId,
    /// The round that it answers, with all its answers.
    pub round: Round,
    /// The answer.
    pub answer: Answer,
}
