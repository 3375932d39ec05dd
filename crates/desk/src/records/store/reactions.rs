//! What people made of an answer, and where on the pictures it stands.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::found;
use super::rows::{Columns, bounded, document, limits, storable, word};
use super::writing::weigh;
use crate::Refusal;
use crate::records::{AnswerId, Evidence, Feedback, FeedbackChange, Reading, Records};

impl Records {
    /// Changes what people made of an answer; says what they make of it now.
    pub async fn judge(
        &self,
        answer: AnswerId,
        change: FeedbackChange,
    ) -> Result<Feedback, Refusal> {
        let new_correction = change
            .correction
            .map(|words| words.as_deref().map(correction).transpose());
        let new_correction = new_correction.transpose()?.map(Option::flatten);
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let row = find(connection, answer).await?;
        // What the request does not name is what somebody else may have said meanwhile.
        let feedback = Feedback {
            thumb: match change.thumb {
                Some(thumb) => thumb,
                None => row.maybe_word("thumb")?,
            },
            correction: match new_correction {
                Some(correction) => correction,
                None => row.maybe_text("correction")?,
            },
        };
        sqlx::query("UPDATE answers SET thumb = $2, correction = $3 WHERE number = $1")
            .bind(row.whole("number")?)
            .bind(feedback.thumb.map(word))
            .bind(feedback.correction.clone())
            .execute(&mut *connection)
            .await?;
        let (kind, round) = (self.database().kind(), row.whole("round")?);
        weigh(connection, round).await?;
        found::index_round(connection, kind, round).await?;
        turn.keep().await?;
        Ok(feedback)
    }

    /// Replaces the evidence of an answer.
    pub async fn set_evidence(
        &self,
        answer: AnswerId,
        evidence: &[Evidence],
    ) -> Result<(), Refusal> {
        let mut evidence = evidence.to_vec();
        for piece in &mut evidence {
            piece.label = storable(&piece.label);
            bounded("label", &piece.label, limits::LABEL)?;
        }
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let row = find(connection, answer).await?;
        sqlx::query("UPDATE answers SET evidence = $2 WHERE number = $1")
            .bind(row.whole("number")?)
            .bind(document(&evidence))
            .execute(connection)
            .await?;
        turn.keep().await
    }

    /// Adds a closer look to an answer; says what is kept of it. A place where the string does not stand
    /// is none.
    pub async fn add_reading(
        &self,
        answer: AnswerId,
        mut reading: Reading,
    ) -> Result<Reading, Refusal> {
        for text in [&mut reading.was, &mut reading.text] {
            *text = storable(text);
            bounded("text", text, limits::READING)?;
        }
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let row = find(connection, answer).await?;
        if !reading.stands_in(&row.text("text")?) {
            reading.start = None;
        }
        let mut readings: Vec<Reading> = row.json("readings")?;
        readings.push(reading.clone());
        sqlx::query("UPDATE answers SET readings = $2 WHERE number = $1")
            .bind(row.whole("number")?)
            .bind(document(&readings))
            .execute(connection)
            .await?;
        turn.keep().await?;
        Ok(reading)
    }
}

async fn find(connection: &mut AnyConnection, id: AnswerId) -> Result<AnyRow, Refusal> {
    let row = sqlx::query(
        "SELECT number, round, text, thumb, correction, readings FROM answers WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.ok_or_else(|| Refusal::answer_unknown(id))
}

/// A correction as it is stored; an empty one is none.
fn correction(words: &str) -> Result<Option<String>, Refusal> {
    let words = storable(words);
    bounded("correction", &words, limits::CORRECTION)?;
    Ok(Some(words).filter(|words| !words.trim().is_empty()))
}
