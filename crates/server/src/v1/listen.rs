//! Hears answers to their end, for clients that want them whole.

use desk::{AnswerEvent, AnswerStream, Code, FinishReason, Refusal, TokenPiece, Usage};
use futures_util::StreamExt;
use futures_util::future::try_join_all;

use super::question::Places;
use crate::error::ApiError;
use crate::meter;
use crate::shared::Shared;

/// A whole answer.
pub(super) struct Heard {
    pub text: String,
    pub tokens: Vec<TokenPiece>,
    pub finish_reason: FinishReason,
    pub usage: Usage,
}

impl Heard {
    /// An answer whose time was over before its first word, beside others that have words.
    fn wordless() -> Self {
        Self {
            text: String::new(),
            tokens: Vec::new(),
            finish_reason: FinishReason::TimedOut,
            usage: Usage::default(),
        }
    }
}

/// All of these answers, once the last has ended. One that fails ends the others, unless its time was over before
/// its first word and not theirs.
pub(super) async fn to_all(
    shared: &Shared,
    answers: Vec<AnswerStream>,
    places: Places,
) -> Result<Vec<Heard>, ApiError> {
    let one = async |answer| match to_one(shared, answer, places).await {
        Ok(heard) => Ok(Some(heard)),
        Err(ApiError::Refused(refusal)) if refusal.code == Code::TimedOut => Ok(None),
        Err(error) => Err(error),
    };
    let heard = try_join_all(answers.into_iter().map(one)).await?;
    if heard.iter().all(Option::is_none) {
        return Err(places.refused(Refusal::timed_out()));
    }
    let heard = heard.into_iter();
    Ok(heard
        .map(|heard| heard.unwrap_or_else(Heard::wordless))
        .collect())
}

async fn to_one(shared: &Shared, answer: AnswerStream, places: Places) -> Result<Heard, ApiError> {
    let mut events = std::pin::pin!(meter::events(shared, answer));
    let mut text = String::new();
    let mut tokens = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Delta {
                text: more,
                tokens: new,
            } => {
                text.push_str(&more);
                tokens.extend(new);
            }
            AnswerEvent::Done {
                finish_reason,
                usage,
                ..
            } => {
                return Ok(Heard {
                    text,
                    tokens,
                    finish_reason,
                    usage,
                });
            }
            AnswerEvent::Error(refusal) => return Err(places.refused(refusal)),
            AnswerEvent::Queued { .. }
            | AnswerEvent::Reading { .. }
            | AnswerEvent::Prefill { .. } => {}
        }
    }
    // A stream always has an ending; one without is a fault of ours.
    Err(ApiError::Internal)
}
