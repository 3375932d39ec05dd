//! The second reading of an import: its parts become rows and files, a few at a time.

use std::collections::{HashMap, HashSet};

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::check::{Seen, fit};
use super::turns::Turns;
use crate::records::exported::{
    ExportedAnswer, ExportedConversation, ExportedPicture, ExportedRound,
};
use crate::records::store::conversations::{index_title, one_line, title};
use crate::records::store::database::Kind;
use crate::records::store::files::{Name, aside};
use crate::records::store::found::{self, Words};
use crate::records::store::rows::{Columns, document, storable, word};
use crate::records::store::writing::{Weight, refresh, weigh};
use crate::records::store::{fitness, roles};
use crate::records::{AnswerState, ConversationId, Imported, Records, RolePreset, RoundId, cut};
use crate::{PictureId, Refusal};

/// An import that runs.
pub struct Bringing<'a> {
    records: &'a Records,
    kind: Kind,
    /// What the first reading has found out about the pictures.
    seen: &'a HashMap<PictureId, Seen>,
    pub turns: Turns<'a>,
    /// What has been added, the present turn included.
    added: Imported,
    /// What has been added and kept.
    pub kept: Imported,
    /// Roles added or changed.
    pub roles: u64,
    /// Conversations left out because they, or their customer, were deleted for good meanwhile.
    pub left_out: u64,
    /// Conversations that continue one which was not here when they came, each with that one.
    unlinked: Vec<(ConversationId, ConversationId)>,
}

/// A conversation that rounds are added to.
struct Place {
    id: ConversationId,
    number: i64,
    /// Outside the bin, where rounds count.
    counts: bool,
    /// Of its last round.
    position: i64,
    /// Whether it continues a conversation that is here.
    is_linked: bool,
}

impl<'a> Bringing<'a> {
    pub fn new(records: &'a Records, seen: &'a HashMap<PictureId, Seen>) -> Self {
        Self {
            records,
            kind: records.database().kind(),
            seen,
            turns: Turns::new(records.database()),
            added: Imported::default(),
            kept: Imported::default(),
            roles: 0,
            left_out: 0,
            unlinked: Vec::new(),
        }
    }

    /// Keeps what was written and lets others write.
    pub async fn keep(&mut self) -> Result<(), Refusal> {
        self.turns.keep().await?;
        self.kept = self.added.clone();
        Ok(())
    }

    /// Undoes what was not kept.
    pub fn undo(&mut self) {
        self.turns.undo();
        self.added = self.kept.clone();
    }

    /// Lets others write, where they have waited long enough. Says whether they could.
    async fn breathe(&mut self) -> Result<bool, Refusal> {
        let is_over = self.turns.is_over();
        if is_over {
            self.keep().await?;
        }
        Ok(is_over)
    }

    /// Stores a picture: its file before its row, so that a row's file is there.
    pub async fn picture(&mut self, picture: ExportedPicture) -> Result<(), Refusal> {
        let id = picture.id;
        let bytes = fit(&picture)?;
        let is_brought = bytes.is_some();
        let seen = self.seen.get(&id).copied().unwrap_or(Seen::Damaged);
        if let Some(bytes) = bytes.filter(|_| seen != Seen::Damaged) {
            // The disk is slow, and needs nobody's turn.
            self.keep().await?;
            let files = self.records.files().clone();
            aside(move || files.put(Name::Picture(id), &bytes)).await?;
        }
        let (width, height) = match seen {
            Seen::Readable(size) => (size.width, size.height),
            Seen::Unopened | Seen::Damaged => (picture.width, picture.height),
        };
        let added = sqlx::query(
            "INSERT INTO pictures (id, media_type, width, height, tokens, bytes) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.to_string())
        .bind(picture.media_type)
        .bind(i64::from(width))
        .bind(i64::from(height))
        .bind(i64::from(picture.tokens))
        .bind(i64::try_from(picture.bytes).unwrap_or(i64::MAX))
        .execute(self.turns.connection().await?)
        .await?;
        // One that is only spoken of does not come in.
        if is_brought {
            self.added.pictures += added.rows_affected();
        }
        self.breathe().await.map(drop)
    }

    /// Brings the team's roles in.
    pub async fn roles(&mut self, presets: &[RolePreset]) -> Result<(), Refusal> {
        self.roles = roles::bring(self.turns.connection().await?, presets).await?;
        Ok(())
    }

    /// Links what came before the conversation that it continues. Where that one is not here (it was
    /// deleted, is not in the file, or never was), there is no link, and everything else stays.
    pub async fn links(&mut self) -> Result<(), Refusal> {
        for (id, before) in std::mem::take(&mut self.unlinked) {
            sqlx::query(
                "UPDATE conversations SET follows = $2 WHERE id = $1 AND follows IS NULL \
                     AND EXISTS (SELECT 1 FROM conversations b WHERE b.id = $2)",
            )
            .bind(id.to_string())
            .bind(before.to_string())
            .execute(self.turns.connection().await?)
            .await?;
            self.breathe().await?;
        }
        Ok(())
    }

    /// Stores a conversation, or what a known one has gained. Between its rounds others may write.
    pub async fn conversation(
        &mut self,
        conversation: ExportedConversation,
    ) -> Result<(), Refusal> {
        let Some(mut place) = self.place(&conversation).await? else {
            self.left_out += 1;
            return Ok(());
        };
        let inside: HashSet<RoundId> = conversation.rounds.iter().map(|round| round.id).collect();
        for mut round in conversation.rounds {
            // A round that nothing here replaces is shown.
            round.replaced_by = round.replaced_by.filter(|id| inside.contains(id));
            self.round(&mut place, round).await?;
            if self.turns.is_over() {
                self.finish(&place).await?;
                self.breathe().await?;
                // It may have been asked in, laid into the bin, or deleted for good meanwhile.
                let connection = self.turns.connection().await?;
                match known(connection, place.id).await? {
                    Some(found) => place = found,
                    None => {
                        self.left_out += 1;
                        return Ok(());
                    }
                }
            }
        }
        self.finish(&place).await
    }

    /// Where its rounds belong; nowhere if it was deleted for good since the import began. A deletion
    /// notes what it takes in its turn: what is asked in ours stays true for its length.
    async fn place(
        &mut self,
        conversation: &ExportedConversation,
    ) -> Result<Option<Place>, Refusal> {
        let connection = self.turns.connection().await?;
        if self.records.has_gone(conversation.id) {
            return Ok(None);
        }
        let place = match known(connection, conversation.id).await? {
            Some(place) => {
                self.added.skipped += 1;
                place
            }
            None => {
                let customer = conversation.customer.as_deref();
                if customer.is_some_and(|name| self.records.has_gone_customer(name)) {
                    return Ok(None);
                }
                begin(connection, conversation).await?;
                self.added.conversations += 1;
                let begun = known(connection, conversation.id).await?;
                begun.ok_or_else(Refusal::records_failed)?
            }
        };
        let before = conversation.follows.filter(|id| *id != conversation.id);
        if let Some(before) = before.filter(|_| !place.is_linked) {
            self.unlinked.push((conversation.id, before));
        }
        Ok(Some(place))
    }

    /// Brings what the list says of a conversation up to date.
    async fn finish(&mut self, place: &Place) -> Result<(), Refusal> {
        let kind = self.kind;
        let connection = self.turns.connection().await?;
        refresh(connection, place.number).await?;
        index_title(connection, kind, place.id).await
    }

    async fn round(&mut self, place: &mut Place, round: ExportedRound) -> Result<(), Refusal> {
        fitness::check_round(&round)?;
        let row = sqlx::query("SELECT number, replaced_by FROM rounds WHERE id = $1")
            .bind(round.id.to_string())
            .fetch_optional(self.turns.connection().await?)
            .await?;
        if let Some(row) = row {
            return self.more(&row, round).await;
        }
        place.position += 1;
        let number = insert(self.turns.connection().await?, place, &round).await?;
        self.added.rounds += 1;
        for (at, picture) in (0_i64..).zip(&round.pictures) {
            let added = sqlx::query(
                "INSERT INTO round_pictures (round, position, picture) \
                 SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), id FROM pictures WHERE id = $3",
            )
            .bind(number)
            .bind(at)
            .bind(picture.to_string())
            .execute(self.turns.connection().await?)
            .await?;
            if added.rows_affected() == 0 {
                return Err(Refusal::import_unfit(format_args!(
                    "a question shows the picture {picture}, which is not in the file"
                )));
            }
        }
        for answer in &round.answers {
            self.answer(number, answer).await?;
        }
        if round.replaced_by.is_some() {
            return Ok(());
        }
        let mut texts = vec![round.question.as_str()];
        for answer in &round.answers {
            texts.push(&answer.text);
            texts.extend(answer.feedback.correction.as_deref());
        }
        let words = Words::of(self.kind, texts);
        let connection = self.turns.connection().await?;
        found::put(connection, place.number, place.position, words).await
    }

    /// Adds what a known round has gained: answers, and the edit that replaced it.
    async fn more(&mut self, row: &AnyRow, from: ExportedRound) -> Result<(), Refusal> {
        let number = row.whole("number")?;
        let before = self.added.answers;
        for answer in &from.answers {
            self.answer(number, answer).await?;
        }
        let is_replaced = from.replaced_by.filter(|_| {
            // What happened here stays as it is.
            matches!(row.maybe_text("replaced_by"), Ok(None))
        });
        let kind = self.kind;
        let has_gained = self.added.answers > before;
        let connection = self.turns.connection().await?;
        if let Some(by) = is_replaced {
            sqlx::query("UPDATE rounds SET replaced_by = $2, counts = 0 WHERE number = $1")
                .bind(number)
                .bind(by.to_string())
                .execute(&mut *connection)
                .await?;
        }
        if has_gained {
            weigh(connection, number).await?;
        }
        if has_gained || is_replaced.is_some() {
            found::index_round(connection, kind, number).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, round: i64, answer: &ExportedAnswer) -> Result<(), Refusal> {
        // Nobody writes it here.
        let state = match answer.state {
            AnswerState::Running => AnswerState::Interrupted,
            state => state,
        };
        let added = sqlx::query(
            "INSERT INTO answers (id, round, created_at, state, text, tokens, marks, finish_reason, \
                 usage, timings, problem, thumb, correction, evidence, readings, settings) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(answer.id.to_string())
        .bind(round)
        .bind(answer.created_at)
        .bind(word(state))
        .bind(storable(&answer.text))
        .bind(answer.written_tokens())
        .bind(document(&answer.marks))
        .bind(answer.finish_reason.map(word))
        .bind(answer.usage.as_ref().map(document))
        .bind(answer.timings.as_ref().map(document))
        .bind(answer.problem.as_ref().map(document))
        .bind(answer.feedback.thumb.map(word))
        .bind(answer.feedback.correction.as_deref().map(storable))
        .bind(document(&answer.evidence))
        .bind(document(&answer.readings))
        .bind(answer.settings.as_ref().map(document))
        .execute(self.turns.connection().await?)
        .await?;
        self.added.answers += added.rows_affected();
        Ok(())
    }
}

/// A conversation that is here.
async fn known(
    connection: &mut AnyConnection,
    id: ConversationId,
) -> Result<Option<Place>, Refusal> {
    let row = sqlx::query(
        "SELECT number, deleted_at, follows, \
             (SELECT COALESCE(MAX(r.position), 0) FROM rounds r \
              WHERE r.conversation = conversations.number) AS position \
         FROM conversations WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Place {
        id,
        number: row.whole("number")?,
        counts: row.maybe_whole("deleted_at")?.is_none(),
        position: row.whole("position")?,
        is_linked: row.maybe_text("follows")?.is_some(),
    }))
}

/// Begins a conversation that was not here, linked with the one it continues if that is.
async fn begin(
    connection: &mut AnyConnection,
    conversation: &ExportedConversation,
) -> Result<(), Refusal> {
    let customer = conversation.customer.as_deref().map(one_line);
    let customer = customer.filter(|name| !name.is_empty());
    sqlx::query(
        "INSERT INTO conversations (id, title, customer, customer_folded, verdict, pinned, follows, \
             created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, (SELECT b.id FROM conversations b WHERE b.id = $7), $8, $9)",
    )
    .bind(conversation.id.to_string())
    .bind(title(&conversation.title)?)
    .bind(customer.clone())
    .bind(customer.as_deref().map(cut::folded))
    .bind(conversation.verdict.map(word))
    .bind(i64::from(conversation.pinned))
    .bind(conversation.follows.map(|id| id.to_string()))
    .bind(conversation.created_at)
    .bind(conversation.updated_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a round that was not here.
async fn insert(
    connection: &mut AnyConnection,
    place: &Place,
    round: &ExportedRound,
) -> Result<i64, Refusal> {
    let mut weight = Weight::default();
    for answer in round.answers.iter().rev() {
        weight.thumb(answer.feedback.thumb);
        if answer.state == AnswerState::Done && !weight.answered {
            weight.answer(&answer.marks, answer.timings.as_ref());
        }
    }
    Ok(sqlx::query_scalar(
        "INSERT INTO rounds (id, conversation, position, asked_at, question, role, settings, \
             remembered_rounds, asker, replaced_by, counts, answered, ttft_us, doubtful, \
             thumbs_up, thumbs_down) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
             $16) RETURNING number",
    )
    .bind(round.id.to_string())
    .bind(place.number)
    .bind(place.position)
    .bind(round.asked_at)
    .bind(storable(&round.question))
    .bind(storable(&round.role))
    .bind(document(&round.settings))
    .bind(i64::from(round.remembered_rounds))
    .bind(round.asker.as_deref().map(storable))
    .bind(round.replaced_by.map(|id| id.to_string()))
    .bind(i64::from(place.counts && round.replaced_by.is_none()))
    .bind(i64::from(weight.answered))
    .bind(weight.ttft_us)
    .bind(weight.doubtful)
    .bind(weight.thumbs_up)
    .bind(weight.thumbs_down)
    .fetch_one(connection)
    .await?)
}
