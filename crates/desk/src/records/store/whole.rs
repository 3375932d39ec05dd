//! Conversations read whole: their rounds, pictures and answers.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::rows::Columns;
use crate::Refusal;
use crate::records::{
    Answer, AnswerId, Conversation, ConversationId, ConversationSummary, Feedback, FoundAnswer,
    FoundRound, Records, Round, RoundId, RoundPicture,
};

/// The columns that [`summary`] reads, of `conversations c`.
pub const SUMMARY: &str = "c.number, c.id, c.title, c.customer, c.verdict, c.pinned, c.follows, \
    c.created_at, c.updated_at, c.rounds, c.picture, c.interrupted, c.deleted_at";

/// A round as the records hold it, with what only they know.
#[derive(Debug)]
pub struct StoredRound {
    pub number: i64,
    pub replaced_by: Option<RoundId>,
    pub round: Round,
    /// Of each answer, in the same order; see the schema.
    pub tokens: Vec<String>,
}

/// A row of the list.
pub fn summary(row: &AnyRow) -> Result<ConversationSummary, Refusal> {
    Ok(ConversationSummary {
        id: row.id("id")?,
        title: row.text("title")?,
        customer: row.maybe_text("customer")?,
        verdict: row.maybe_word("verdict")?,
        pinned: row.flag("pinned")?,
        follows: row.maybe_id("follows")?,
        created_at: row.whole("created_at")?,
        updated_at: row.whole("updated_at")?,
        round_count: row.count("rounds")?,
        picture: row.maybe_id("picture")?,
        snippet: None,
        interrupted: row.flag("interrupted")?,
        deleted_at: row.maybe_whole("deleted_at")?,
    })
}

/// A conversation's number and summary.
pub async fn find(
    connection: &mut AnyConnection,
    id: ConversationId,
) -> Result<(i64, ConversationSummary), Refusal> {
    let sql = format!("SELECT {SUMMARY} FROM conversations c WHERE c.id = $1");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    let row = row.ok_or_else(|| Refusal::conversation_unknown(id))?;
    Ok((row.whole("number")?, summary(&row)?))
}

/// All rounds of a conversation, replaced ones too, in order.
pub async fn rounds(
    connection: &mut AnyConnection,
    conversation: i64,
) -> Result<Vec<StoredRound>, Refusal> {
    let rows = sqlx::query(
        "SELECT number, id, asked_at, question, role, settings, remembered_rounds, asker, \
             replaced_by \
         FROM rounds WHERE conversation = $1 ORDER BY position",
    )
    .bind(conversation)
    .fetch_all(&mut *connection)
    .await?;
    let mut rounds = rows.iter().map(round).collect::<Result<Vec<_>, _>>()?;
    let numbers = rounds.iter().enumerate();
    let places: HashMap<i64, usize> = numbers.map(|(at, round)| (round.number, at)).collect();
    let of = |row: &AnyRow| -> Result<Option<usize>, Refusal> {
        Ok(places.get(&row.whole("round")?).copied())
    };
    let rows = sqlx::query(
        "SELECT rp.round, p.id, p.media_type, p.width, p.height, p.tokens, p.bytes \
         FROM rounds r JOIN round_pictures rp ON rp.round = r.number \
             JOIN pictures p ON p.id = rp.picture \
         WHERE r.conversation = $1 ORDER BY rp.round, rp.position",
    )
    .bind(conversation)
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        if let Some(stored) = of(row)?.and_then(|at| rounds.get_mut(at)) {
            stored.round.pictures.push(picture(row)?);
        }
    }
    let rows = sqlx::query(
        "SELECT a.round, a.id, a.created_at, a.state, a.text, a.tokens, a.marks, a.finish_reason, \
             a.usage, a.timings, a.problem, a.thumb, a.correction, a.evidence, a.readings, a.settings \
         FROM rounds r JOIN answers a ON a.round = r.number \
         WHERE r.conversation = $1 ORDER BY a.number",
    )
    .bind(conversation)
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        if let Some(stored) = of(row)?.and_then(|at| rounds.get_mut(at)) {
            stored.round.answers.push(answer(row)?);
            stored.tokens.push(row.text("tokens")?);
        }
    }
    Ok(rounds)
}

fn round(row: &AnyRow) -> Result<StoredRound, Refusal> {
    Ok(StoredRound {
        number: row.whole("number")?,
        replaced_by: row.maybe_id("replaced_by")?,
        tokens: Vec::new(),
        round: Round {
            id: row.id("id")?,
            asked_at: row.whole("asked_at")?,
            question: row.text("question")?,
            pictures: Vec::new(),
            answers: Vec::new(),
            role: row.text("role")?,
            settings: row.json("settings")?,
            remembered_rounds: row.count("remembered_rounds")?,
            asker: row.maybe_text("asker")?,
        },
    })
}

/// A row of `pictures`.
pub fn picture(row: &AnyRow) -> Result<RoundPicture, Refusal> {
    Ok(RoundPicture {
        id: row.id("id")?,
        width: row.count("width")?,
        height: row.count("height")?,
        bytes: row.count("bytes")?,
        tokens: row.count("tokens")?,
        media_type: row.text("media_type")?,
    })
}

fn answer(row: &AnyRow) -> Result<Answer, Refusal> {
    Ok(Answer {
        id: row.id("id")?,
        created_at: row.whole("created_at")?,
        state: row.word("state")?,
        text: row.text("text")?,
        marks: row.json("marks")?,
        finish_reason: row.maybe_word("finish_reason")?,
        usage: row.maybe_json("usage")?,
        timings: row.maybe_json("timings")?,
        problem: row.maybe_json("problem")?,
        feedback: Feedback {
            thumb: row.maybe_word("thumb")?,
            correction: row.maybe_text("correction")?,
        },
        evidence: row.json("evidence")?,
        readings: row.json("readings")?,
        settings: row.maybe_json("settings")?,
    })
}

/// A conversation whole, as the desk shows it.
pub async fn conversation(
    connection: &mut AnyConnection,
    id: ConversationId,
) -> Result<Conversation, Refusal> {
    let (number, summary) = find(connection, id).await?;
    let rows = sqlx::query(
        "SELECT id FROM conversations WHERE follows = $1 AND deleted_at IS NULL \
         ORDER BY created_at, id",
    )
    .bind(id.to_string())
    .fetch_all(&mut *connection)
    .await?;
    let followed_by = rows.iter().map(|row| row.id("id"));
    let stored = rounds(connection, number).await?.into_iter();
    let shown = stored.filter(|stored| stored.replaced_by.is_none());
    Ok(Conversation {
        summary,
        followed_by: followed_by.collect::<Result<_, _>>()?,
        rounds: shown.map(|stored| stored.round).collect(),
    })
}

impl Records {
    /// A conversation with all that was said; also one in the bin.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, Refusal> {
        let mut snapshot = self.database().snapshot().await?;
        conversation(&mut snapshot, id).await
    }

    /// What the list says of a conversation; also of one in the bin.
    pub async fn summary(&self, id: ConversationId) -> Result<ConversationSummary, Refusal> {
        let mut connection = self.database().read().await?;
        Ok(find(&mut connection, id).await?.1)
    }

    /// A round and where it stands.
    pub async fn round(&self, id: RoundId) -> Result<FoundRound, Refusal> {
        let unknown = || Refusal::round_unknown(id);
        let mut snapshot = self.database().snapshot().await?;
        let row = sqlx::query(
            "SELECT c.number, c.id FROM rounds r JOIN conversations c ON c.number = r.conversation \
             WHERE r.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *snapshot)
        .await?
        .ok_or_else(unknown)?;
        let stored = rounds(&mut snapshot, row.whole("number")?).await?;
        let mut stored = stored.into_iter();
        let found = stored.find(|stored| stored.round.id == id);
        let found = found.ok_or_else(unknown)?;
        Ok(FoundRound {
            conversation: row.id("id")?,
            round: found.round,
            replaced_by: found.replaced_by,
        })
    }

    /// An answer and where it stands.
    pub async fn answer(&self, id: AnswerId) -> Result<FoundAnswer, Refusal> {
        let unknown = || Refusal::answer_unknown(id);
        let mut connection = self.database().read().await?;
        let row = sqlx::query(
            "SELECT r.id FROM answers a JOIN rounds r ON r.number = a.round WHERE a.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(unknown)?;
        drop(connection);
        let found = self.round(row.id("id")?).await?;
        let mut answers = found.round.answers.iter();
        let answer = answers.find(|answer| answer.id == id).cloned();
        Ok(FoundAnswer {
            conversation: found.conversation,
            answer: answer.ok_or_else(unknown)?,
            round: found.round,
        })
    }
}
