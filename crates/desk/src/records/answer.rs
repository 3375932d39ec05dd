//! An answer as the records keep it: the words, how sure the model was of them, and what people
//! made of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AnswerId, EvidenceId, ReadingId, named};
use crate::{AskedSettings, Code, FinishReason, PictureId, Timings, TokenPiece, Usage};

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerState {
    /// Being written.
    Running,
    /// Complete.
    Done,
    /// Somebody stopped it.
    Cancelled,
    /// It broke off; `problem` says why.
    Failed,
    /// Nobody was listening any more: the page was closed, or the connection broke.
    Left,
    /// The program ended while it was being written.
    Interrupted,
}

/// One reply to a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// Its name.
    pub id: AnswerId,
    /// When it was asked for.
    pub created_at: i64,
    /// How far it has come.
    pub state: AnswerState,
    /// The words so far.
    pub text: String,
    /// Strings of `text` that must be right to the character, in order.
    pub marks: Vec<TextMark>,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// What it took in and gave out.
    pub usage: Option<Usage>,
    /// Where the time went.
    pub timings: Option<Timings>,
    /// Why it failed.
    pub problem: Option<AnswerProblem>,
    /// What people made of it.
    pub feedback: Feedback,
    /// Where on the pictures it stands.
    pub evidence: Vec<Evidence>,
    /// Closer looks, oldest first.
    pub readings: Vec<Reading>,
    /// Where they differ from the round's: the settings of an answer asked for again.
    pub settings: Option<AskedSettings>,
}

/// How sure the model was of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Nothing speaks against it.
    Certain,
    /// Compare it with the picture.
    Check,
    /// Do not rely on it.
    Doubtful,
}

/// A string of an answer that must be right to the character.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextMark {
    /// Where it starts, in UTF-16 code units of the text.
    pub start: u32,
    /// Where it ends, in UTF-16 code units of the text.
    pub end: u32,
    /// How sure the model was of it.
    pub certainty: Certainty,
    /// The product of its tokens' probabilities.
    pub probability: f32,
}

/// Why an answer failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerProblem {
    /// The case.
    pub code: Code,
    /// What happened and what to do, in English.
    pub message: String,
}

/// What people made of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Good or bad.
    pub thumb: Option<Thumb>,
    /// What it should have said.
    pub correction: Option<String>,
}

/// What to change of what people made of an answer. What is left out stays; null clears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackChange {
    /// Good or bad.
    #[serde(
        default,
        deserialize_with = "named",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Thumb>)]
    pub thumb: Option<Option<Thumb>>,
    /// What it should have said.
    #[serde(
        default,
        deserialize_with = "named",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub correction: Option<Option<String>>,
}

/// Good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thumb {
    /// Good.
    Up,
    /// Bad.
    Down,
}

/// A place on a picture that an answer rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its name.
    pub id: EvidenceId,
    /// On which picture.
    pub picture: PictureId,
    /// What stands there.
    pub label: String,
    /// Left, top, right, bottom; 0 to 1000 of the picture as shown.
    #[serde(rename = "box")]
    pub area: [u16; 4],
}

/// A closer look at a place of a picture, at full resolution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Its name.
    pub id: ReadingId,
    /// On which picture.
    pub picture: PictureId,
    /// Left, top, right, bottom; 0 to 1000 of the picture as shown.
    #[serde(rename = "box")]
    pub area: [u16; 4],
    /// The string in doubt.
    pub was: String,
    /// Where it starts, in UTF-16 code units of the answer's text; null where nobody said so. The same
    /// string may stand there more than once.
    #[serde(default)]
    pub start: Option<u32>,
    /// What was read now.
    pub text: String,
    /// Whether both say the same.
    pub agrees: bool,
    /// How sure the model was of what it read now.
    pub probability: f32,
}

impl Reading {
    /// Whether the string in doubt stands in this text where the reading says, if it says so.
    pub fn stands_in(&self, text: &str) -> bool {
        let Some(start) = self.start else {
            return true;
        };
        let mut units = text.encode_utf16().skip(start as usize);
        !self.was.is_empty()
            && self
                .was
                .encode_utf16()
                .all(|unit| units.next() == Some(unit))
    }
}

/// Words to append to a running answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewWords<'a> {
    /// What was added to the text.
    pub text: &'a str,
    /// The tokens that made it.
    pub tokens: &'a [TokenPiece],
    /// All marks of the text so far.
    pub marks: &'a [TextMark],
}

/// How a running answer ended.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerEnd {
    /// Anything but running.
    pub state: AnswerState,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// What it took in and gave out.
    pub usage: Option<Usage>,
    /// Where the time went.
    pub timings: Option<Timings>,
    /// Why it failed.
    pub problem: Option<AnswerProblem>,
}
