//! The shape of an export, version 2; `docs/records.md` describes it for people, and what was added since
//! version 1, which is read too.
//!
//! Objects refuse fields they do not know: an import must not lose silently what a later version
//! wrote.

use serde::{Deserialize, Serialize};

use super::{
    Answer, AnswerId, AnswerProblem, AnswerState, ConversationId, ConversationSummary, Evidence,
    Feedback, Reading, Round, RoundId, RoundPicture, TextMark, Verdict,
};
use crate::{AskedSettings, FinishReason, PictureId, Refusal, Timings, Usage};

/// The name of the shape.
pub const SCHEMA: &str = "lookdesk-records";
/// Its version. Earlier ones lack fields, and no more.
pub const VERSION: u64 = 2;

/// A picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedPicture {
    pub id: PictureId,
    pub media_type: String,
    pub width: u32,
    pub height: u32,
    pub tokens: u32,
    pub bytes: u64,
    /// The file in base64; null where only its hash was wanted.
    pub data: Option<String>,
}

impl ExportedPicture {
    pub fn new(picture: RoundPicture, data: Option<String>) -> Self {
        Self {
            id: picture.id,
            media_type: picture.media_type,
            width: picture.width,
            height: picture.height,
            tokens: picture.tokens,
            bytes: picture.bytes,
            data,
        }
    }
}

/// A conversation with everything in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedConversation {
    pub id: ConversationId,
    pub title: String,
    pub customer: Option<String>,
    pub verdict: Option<Verdict>,
    pub pinned: bool,
    pub follows: Option<ConversationId>,
    pub created_at: i64,
    pub updated_at: i64,
    pub rounds: Vec<ExportedRound>,
}

impl ExportedConversation {
    pub fn new(summary: ConversationSummary, rounds: Vec<ExportedRound>) -> Self {
        Self {
            id: summary.id,
            title: summary.title,
            customer: summary.customer,
            verdict: summary.verdict,
            pinned: summary.pinned,
            follows: summary.follows,
            created_at: summary.created_at,
            updated_at: summary.updated_at,
            rounds,
        }
    }
}

/// A round, also one that an edit replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedRound {
    pub id: RoundId,
    pub asked_at: i64,
    pub question: String,
    pub pictures: Vec<PictureId>,
    pub role: String,
    pub settings: AskedSettings,
    pub remembered_rounds: u32,
    pub asker: Option<String>,
    pub replaced_by: Option<RoundId>,
    pub answers: Vec<ExportedAnswer>,
}

impl ExportedRound {
    pub fn new(
        round: Round,
        replaced_by: Option<RoundId>,
        tokens: &[String],
    ) -> Result<Self, Refusal> {
        let answers = round.answers.into_iter().zip(tokens);
        let answers = answers.map(|(answer, tokens)| ExportedAnswer::new(answer, tokens));
        Ok(Self {
            id: round.id,
            asked_at: round.asked_at,
            question: round.question,
            pictures: round
                .pictures
                .into_iter()
                .map(|picture| picture.id)
                .collect(),
            role: round.role,
            settings: round.settings,
            remembered_rounds: round.remembered_rounds,
            asker: round.asker,
            replaced_by,
            answers: answers.collect::<Result<_, _>>()?,
        })
    }
}

/// An answer with how sure the model was of each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedAnswer {
    pub id: AnswerId,
    pub created_at: i64,
    pub state: AnswerState,
    pub text: String,
    /// Of each token its length in UTF-16 code units and its log probability in thousandths.
    pub tokens: Vec<(u32, i32)>,
    pub marks: Vec<TextMark>,
    pub finish_reason: Option<FinishReason>,
    pub usage: Option<Usage>,
    pub timings: Option<Timings>,
    pub problem: Option<AnswerProblem>,
    pub feedback: Feedback,
    pub evidence: Vec<Evidence>,
    pub readings: Vec<Reading>,
    pub settings: Option<AskedSettings>,
}

impl ExportedAnswer {
    fn new(answer: Answer, tokens: &str) -> Result<Self, Refusal> {
        Ok(Self {
            id: answer.id,
            created_at: answer.created_at,
            state: answer.state,
            text: answer.text,
            tokens: read_tokens(tokens)?,
            marks: answer.marks,
            finish_reason: answer.finish_reason,
            usage: answer.usage,
            timings: answer.timings,
            problem: answer.problem,
            feedback: answer.feedback,
            evidence: answer.evidence,
            readings: answer.readings,
            settings: answer.settings,
        })
    }

    /// The tokens as the records keep them.
    pub fn written_tokens(&self) -> String {
        let tokens = self.tokens.iter();
        tokens
            .map(|(length, sure)| format!("{length},{sure} "))
            .collect()
    }
}

fn read_tokens(written: &str) -> Result<Vec<(u32, i32)>, Refusal> {
    let token = |token: &str| {
        let (length, sure) = token.split_once(',')?;
        Some((length.parse().ok()?, sure.parse().ok()?))
    };
    let tokens = written.split_ascii_whitespace().map(token);
    tokens.collect::<Option<_>>().ok_or_else(|| {
        tracing::error!("the tokens of an answer cannot be read");
        Refusal::records_failed()
    })
}
