//! Rounds and answers as they happen: begun, appended to, ended.
//!
//! A running answer is known twice: as a row in the state `running`, and in this process as somebody
//! who writes it. A row that nobody writes any more (its writer failed, the program died) is
//! interrupted, and stands in nobody's way.

use std::sync::Arc;

use futures_util::future::join_all;
use sqlx::AnyConnection;

use super::conversations::{index_title, title_from};
use super::database::Kind;
use super::files::{Name, aside};
use super::found;
use super::rows::{Columns, bounded, document, limits, storable, word};
use super::whole;
use crate::records::meaning::Meaning;
use crate::records::{
    AnswerEnd, AnswerId, AnswerState, BegunRound, Certainty, NewRound, NewWords, Records, RoundId,
    TextMark, Thumb, clock,
};
use crate::{AskedSettings, Picture, Refusal, Timings, TokenPiece};

impl Records {
    /// Stores a round, its pictures and a running answer, all or nothing. A conversation without a
    /// title takes the beginning of the question.
    ///
    /// Refuses with `answer_running` while an answer of the conversation runs.
    pub async fn begin_round(&self, new: NewRound) -> Result<BegunRound, Refusal> {
        bounded("question", &new.question, limits::QUESTION)?;
        bounded("role", &new.role, limits::ROLE)?;
        bounded(
            "asker",
            new.asker.as_deref().unwrap_or_default(),
            limits::ASKER,
        )?;
        let kind = self.database().kind();
        let groups = self.groups().await?;
        let meaning = Meaning::of(&storable(&new.question));
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let (conversation, known) = whole::find(connection, new.conversation).await?;
        if known.deleted_at.is_some() {
            return Err(Refusal::conversation_deleted());
        }
        self.settle(connection, conversation).await?;
        self.store_files(&new.pictures).await?;
        let question = storable(&new.question);
        let (id, answer) = (RoundId::new(), AnswerId::new());
        let now = clock::now();
        if let Some(replaced) = new.replaces {
            replace(connection, conversation, replaced, id).await?;
        }
        let position = next_position(connection, conversation).await?;
        let round: i64 = sqlx::query_scalar(
            "INSERT INTO rounds (id, conversation, position, asked_at, question, role, settings, \
                 remembered_rounds, asker) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING number",
        )
        .bind(id.to_string())
        .bind(conversation)
        .bind(position)
        .bind(now)
        .bind(question.clone())
        .bind(storable(&new.role))
        .bind(document(&new.settings))
        .bind(i64::from(new.remembered_rounds))
        .bind(new.asker.as_deref().map(storable))
        .fetch_one(&mut *connection)
        .await?;
        store_pictures(connection, round, &new.pictures).await?;
        let title = match known.title.is_empty() {
            true => title_from(&question),
            false => known.title,
        };
        insert_answer(connection, round, answer, now, None).await?;
        sqlx::query("UPDATE conversations SET title = $2 WHERE number = $1")
            .bind(conversation)
            .bind(title.clone())
            .execute(&mut *connection)
            .await?;
        touch(connection, conversation, now).await?;
        index_title(connection, kind, new.conversation).await?;
        found::index(
            connection,
            kind,
            conversation,
            position,
            [question.as_str()],
        )
        .await?;
        let placed = groups.place(connection, round, meaning).await?;
        // Others see the rows only once this is known of them.
        let turn = turn.keep_and_hold().await?;
        groups.learn(placed);
        self.writers().insert(answer);
        drop(turn);
        Ok(BegunRound {
            round: id,
            answer,
            title,
        })
    }

    /// Stores another running answer to the newest round. `settings` where they are not the
    /// round's.
    pub async fn begin_answer(
        &self,
        round: RoundId,
        settings: Option<AskedSettings>,
    ) -> Result<AnswerId, Refusal> {
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let row = sqlx::query(
            "SELECT r.number, r.conversation, c.deleted_at, r.replaced_by, \
                 (SELECT MAX(o.position) FROM rounds o \
                  WHERE o.conversation = r.conversation AND o.replaced_by IS NULL) - r.position \
                     AS later \
             FROM rounds r JOIN conversations c ON c.number = r.conversation WHERE r.id = $1",
        )
        .bind(round.to_string())
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| Refusal::round_unknown(round))?;
        if row.maybe_whole("deleted_at")?.is_some() {
            return Err(Refusal::conversation_deleted());
        }
        if row.maybe_text("replaced_by")?.is_some() || row.maybe_whole("later")? != Some(0) {
            return Err(Refusal::round_not_newest());
        }
        let conversation = row.whole("conversation")?;
        self.settle(connection, conversation).await?;
        let answer = AnswerId::new();
        let now = clock::now();
        insert_answer(
            connection,
            row.whole("number")?,
            answer,
            now,
            settings.as_ref(),
        )
        .await?;
        touch(connection, conversation, now).await?;
        let turn = turn.keep_and_hold().await?;
        self.writers().insert(answer);
        drop(turn);
        Ok(answer)
    }

    /// Appends words to a running answer. Call it a few times a second at most.
    pub async fn append(&self, answer: AnswerId, words: NewWords<'_>) -> Result<(), Refusal> {
        let mut turn = self.database().write().await?;
        append(turn.connection(), answer, words).await?;
        turn.keep().await
    }

    /// Ends a running answer, with its last words.
    ///
    /// Whatever comes of it, the answer has no writer any more: should the end not be stored, the
    /// next round of the conversation finds it interrupted.
    pub async fn finish_answer(
        &self,
        answer: AnswerId,
        words: NewWords<'_>,
        end: AnswerEnd,
    ) -> Result<(), Refusal> {
        self.writers().remove(&answer);
        let kind = self.database().kind();
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        append(connection, answer, words).await?;
        let row = sqlx::query(
            "UPDATE answers SET state = $2, finish_reason = $3, usage = $4, timings = $5, \
                 problem = $6 \
             WHERE id = $1 RETURNING round",
        )
        .bind(answer.to_string())
        .bind(word(end.state))
        .bind(end.finish_reason.map(word))
        .bind(end.usage.as_ref().map(document))
        .bind(end.timings.as_ref().map(document))
        .bind(end.problem.as_ref().map(document))
        .fetch_one(&mut *connection)
        .await?;
        let round = row.whole("round")?;
        weigh(connection, round).await?;
        let row = sqlx::query("SELECT conversation FROM rounds WHERE number = $1")
            .bind(round)
            .fetch_one(&mut *connection)
            .await?;
        touch(connection, row.whole("conversation")?, clock::now()).await?;
        found::index_round(connection, kind, round).await?;
        turn.keep().await
    }

    /// Interrupts what nobody writes any more; refuses where somebody does.
    async fn settle(
        &self,
        connection: &mut AnyConnection,
        conversation: i64,
    ) -> Result<(), Refusal> {
        let rows = sqlx::query(
            "SELECT a.id, a.round FROM rounds r JOIN answers a ON a.round = r.number \
             WHERE r.conversation = $1 AND a.state = 'running'",
        )
        .bind(conversation)
        .fetch_all(&mut *connection)
        .await?;
        for row in rows {
            let id: AnswerId = row.id("id")?;
            if self.writers().contains(&id) {
                return Err(Refusal::answer_running());
            }
            interrupt(connection, self.database().kind(), row.whole("round")?).await?;
        }
        Ok(())
    }

    /// Stores the files of pictures that are not stored yet, all at once: each waits for the disk twice, and
    /// the first word waits for them.
    async fn store_files(&self, pictures: &[Arc<Picture>]) -> Result<(), Refusal> {
        let stored = pictures.iter().cloned().map(|picture| {
            let files = self.files().clone();
            aside(move || files.put(Name::Picture(picture.id()), picture.bytes()))
        });
        // All of them have ended before the turn goes on, or is undone.
        let stored = join_all(stored).await;
        stored.into_iter().try_for_each(|new| new.map(drop))
    }
}

/// Interrupts every running answer: called when nobody can be writing.
pub async fn recover(connection: &mut AnyConnection, kind: Kind) -> Result<u64, Refusal> {
    let rows = sqlx::query("SELECT DISTINCT round FROM answers WHERE state = 'running'")
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        interrupt(connection, kind, row.whole("round")?).await?;
    }
    Ok(rows.len() as u64)
}

/// Interrupts the running answers of a round; their words become searchable.
async fn interrupt(connection: &mut AnyConnection, kind: Kind, round: i64) -> Result<(), Refusal> {
    sqlx::query("UPDATE answers SET state = 'interrupted' WHERE round = $1 AND state = 'running'")
        .bind(round)
        .execute(&mut *connection)
        .await?;
    let conversation: i64 = sqlx::query_scalar("SELECT conversation FROM rounds WHERE number = $1")
        .bind(round)
        .fetch_one(&mut *connection)
        .await?;
    refresh(connection, conversation).await?;
    found::index_round(connection, kind, round).await
}

async fn append(
    connection: &mut AnyConnection,
    answer: AnswerId,
    words: NewWords<'_>,
) -> Result<(), Refusal> {
    let written = sqlx::query(
        "UPDATE answers SET text = text || $2, tokens = tokens || $3, marks = $4 \
         WHERE id = $1 AND state = 'running'",
    )
    .bind(answer.to_string())
    .bind(storable(words.text))
    .bind(written_tokens(words.tokens))
    .bind(document(&words.marks))
    .execute(connection)
    .await?;
    match written.rows_affected() {
        0 => Err(Refusal::answer_unknown(answer)),
        _ => Ok(()),
    }
}

/// Tokens as the records keep them: length in UTF-16 code units, log probability in thousandths.
fn written_tokens(tokens: &[TokenPiece]) -> String {
    let mut written = String::new();
    for token in tokens {
        let length = token.text.encode_utf16().count();
        // A probability of zero, or none at all, is as low as the number goes.
        let thousandths = (f64::from(token.logprob) * 1000.0).round().max(-999_999.0);
        let thousandths = if thousandths.is_nan() {
            -999_999.0
        } else {
            thousandths.min(0.0)
        };
        written.push_str(&format!("{length},{} ", thousandths as i64));
    }
    written
}

async fn next_position(connection: &mut AnyConnection, conversation: i64) -> Result<i64, Refusal> {
    Ok(sqlx::query_scalar(
        "SELECT COALESCE(MAX(position), 0) + 1 FROM rounds WHERE conversation = $1",
    )
    .bind(conversation)
    .fetch_one(connection)
    .await?)
}

/// Replaces a round and all that followed it.
async fn replace(
    connection: &mut AnyConnection,
    conversation: i64,
    replaced: RoundId,
    by: RoundId,
) -> Result<(), Refusal> {
    let unknown = || Refusal::round_unknown(replaced);
    let row = sqlx::query(
        "SELECT position FROM rounds \
         WHERE id = $1 AND conversation = $2 AND replaced_by IS NULL",
    )
    .bind(replaced.to_string())
    .bind(conversation)
    .fetch_optional(&mut *connection)
    .await?
    .ok_or_else(unknown)?;
    let rows = sqlx::query(
        "UPDATE rounds SET replaced_by = $3, counts = 0 \
         WHERE conversation = $1 AND position >= $2 AND replaced_by IS NULL RETURNING position",
    )
    .bind(conversation)
    .bind(row.whole("position")?)
    .bind(by.to_string())
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        found::forget(connection, conversation, row.whole("position")?).await?;
    }
    Ok(())
}

async fn store_pictures(
    connection: &mut AnyConnection,
    round: i64,
    pictures: &[Arc<Picture>],
) -> Result<(), Refusal> {
    for (position, picture) in (0_i64..).zip(pictures) {
        let facts = picture.facts();
        sqlx::query(
            "INSERT INTO pictures (id, media_type, width, height, tokens, bytes) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(picture.id().to_string())
        .bind(facts.media_type.clone())
        .bind(i64::from(facts.width))
        .bind(i64::from(facts.height))
        .bind(i64::from(facts.tokens))
        .bind(i64::try_from(picture.bytes().len()).unwrap_or(i64::MAX))
        .execute(&mut *connection)
        .await?;
        sqlx::query("INSERT INTO round_pictures (round, position, picture) VALUES ($1, $2, $3)")
            .bind(round)
            .bind(position)
            .bind(picture.id().to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn insert_answer(
    connection: &mut AnyConnection,
    round: i64,
    id: AnswerId,
    created_at: i64,
    settings: Option<&AskedSettings>,
) -> Result<(), Refusal> {
    sqlx::query(
        "INSERT INTO answers (id, round, created_at, state, settings) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.to_string())
    .bind(round)
    .bind(created_at)
    .bind(word(AnswerState::Running))
    .bind(settings.map(document))
    .execute(connection)
    .await?;
    Ok(())
}

/// Something was said in a conversation.
async fn touch(connection: &mut AnyConnection, conversation: i64, at: i64) -> Result<(), Refusal> {
    sqlx::query("UPDATE conversations SET updated_at = $2 WHERE number = $1")
        .bind(conversation)
        .bind(at)
        .execute(&mut *connection)
        .await?;
    refresh(connection, conversation).await
}

/// Brings what the list says of a conversation's rounds up to date.
pub async fn refresh(connection: &mut AnyConnection, conversation: i64) -> Result<(), Refusal> {
    sqlx::query(
        "UPDATE conversations SET \
             rounds = (SELECT COUNT(*) FROM rounds r \
                 WHERE r.conversation = $1 AND r.replaced_by IS NULL), \
             picture = (SELECT p.picture FROM rounds r \
                 JOIN round_pictures p ON p.round = r.number \
                 WHERE r.conversation = $1 AND r.replaced_by IS NULL \
                 ORDER BY r.position, p.position LIMIT 1), \
             interrupted = CASE (SELECT a.state FROM rounds r JOIN answers a ON a.round = r.number \
                 WHERE r.conversation = $1 AND r.replaced_by IS NULL \
                 ORDER BY r.position DESC, a.number DESC LIMIT 1) \
                 WHEN 'interrupted' THEN 1 WHEN 'left' THEN 1 ELSE 0 END \
         WHERE number = $1",
    )
    .bind(conversation)
    .execute(connection)
    .await?;
    Ok(())
}

/// Brings what insights say of a round up to date: the newest answer that is done counts, and every
/// thumb does.
pub async fn weigh(connection: &mut AnyConnection, round: i64) -> Result<(), Refusal> {
    let rows = sqlx::query(
        "SELECT state, marks, timings, thumb FROM answers WHERE round = $1 ORDER BY number DESC",
    )
    .bind(round)
    .fetch_all(&mut *connection)
    .await?;
    let mut weight = Weight::default();
    for row in &rows {
        weight.thumb(row.maybe_word("thumb")?);
        if row.word::<AnswerState>("state")? == AnswerState::Done && !weight.answered {
            let marks: Vec<TextMark> = row.json("marks")?;
            let timings: Option<Timings> = row.maybe_json("timings")?;
            weight.answer(&marks, timings.as_ref());
        }
    }
    sqlx::query(
        "UPDATE rounds SET answered = $2, ttft_us = $3, doubtful = $4, thumbs_up = $5, \
             thumbs_down = $6 \
         WHERE number = $1",
    )
    .bind(round)
    .bind(i64::from(weight.answered))
    .bind(weight.ttft_us)
    .bind(weight.doubtful)
    .bind(weight.thumbs_up)
    .bind(weight.thumbs_down)
    .execute(connection)
    .await?;
    Ok(())
}

/// What insights say of a round.
#[derive(Debug, Default)]
pub struct Weight {
    pub answered: bool,
    pub ttft_us: Option<i64>,
    pub doubtful: i64,
    pub thumbs_up: i64,
    pub thumbs_down: i64,
}

impl Weight {
    /// The answer that counts.
    pub fn answer(&mut self, marks: &[TextMark], timings: Option<&Timings>) {
        let doubtful = marks
            .iter()
            .filter(|mark| mark.certainty == Certainty::Doubtful);
        self.answered = true;
        // A whole number sums up alike in every database; casting saturates.
        self.ttft_us = timings.map(|timings| (timings.ttft_ms * 1000.0).round().max(0.0) as i64);
        self.doubtful = i64::try_from(doubtful.count()).unwrap_or(i64::MAX);
    }

    /// What people made of one of the answers.
    pub fn thumb(&mut self, thumb: Option<Thumb>) {
        match thumb {
            Some(Thumb::Up) => self.thumbs_up += 1,
            Some(Thumb::Down) => self.thumbs_down += 1,
            None => {}
        }
    }
}
