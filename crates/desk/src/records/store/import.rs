//! Records brought in from an export: all or nothing, and what is here already stays as it is.
//!
//! The file is read on a thread of its own, part by part, into one transaction. Pictures become files
//! as they come; those of an import that fails are removed again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sqlx::AnyConnection;
use tokio::sync::mpsc;

use super::conversations::{index_title, title};
use super::database::Kind;
use super::files::{Name, aside};
use super::fitness::{check_round, instant};
use super::grouping::{Begun, Groups};
use super::log::enter;
use super::rows::{Columns, bounded, document, limits, storable, word};
use super::writing::{Weight, refresh, weigh};
use super::{found, roles};
use crate::records::exported::{
    ExportedAnswer, ExportedConversation, ExportedPicture, ExportedRound,
};
use crate::records::incoming::{self, Part, media_type};
use crate::records::{AnswerState, AuditAction, ImportSource, Imported, Records, cut};
use crate::{Code, PictureId, Refusal};

/// Parts read ahead.
const PARTS: usize = 2;
/// The largest picture file.
const PICTURE_BYTES: usize = 20 * 1024 * 1024;
/// The longest edge of a picture.
const PIXELS: u32 = 100_000;
/// Rounds that are grouped at a time.
const PAGE: i64 = 500;

impl Records {
    /// Brings an exported JSON file in, all or nothing. What is here already stays as it is.
    pub async fn import(
        &self,
        source: ImportSource,
        asker: Option<&str>,
    ) -> Result<Imported, Refusal> {
        Ok(self.bring(source, asker).await?.0)
    }

    /// The same, with the pictures whose files were not here before.
    pub(super) async fn bring(
        &self,
        source: ImportSource,
        asker: Option<&str>,
    ) -> Result<(Imported, Vec<PictureId>), Refusal> {
        let groups = self.groups().await?;
        let mut turn = self.database().write().await?;
        let mut import = Import {
            records: self,
            kind: self.database().kind(),
            imported: Imported::default(),
            files: Vec::new(),
            begun: Vec::new(),
        };
        let done = import.run(turn.connection(), groups, source, asker).await;
        let kept = match done {
            Ok(()) => turn.keep().await,
            Err(refusal) => {
                drop(turn);
                Err(refusal)
            }
        };
        if let Err(refusal) = kept {
            groups.unlearn(import.begun);
            import.records.remove_unknown(import.files).await;
            return Err(of_file(refusal));
        }
        let imported = import.imported;
        if imported.rounds > 0 {
            self.database().take_stock().await?;
        }
        Ok((imported, import.files))
    }

    /// Removes files that an import has written and that no row knows.
    async fn remove_unknown(&self, written: Vec<PictureId>) {
        let removed = async {
            // Holding the turn: nobody may begin to use one of them meanwhile.
            let mut turn = self.database().write().await?;
            for id in written {
                let known = sqlx::query("SELECT id FROM pictures WHERE id = $1")
                    .bind(id.to_string())
                    .fetch_optional(turn.connection())
                    .await?;
                if known.is_none() {
                    let files = self.files().clone();
                    aside(move || files.remove(id)).await?;
                }
            }
            turn.keep().await
        };
        if let Err(refusal) = removed.await {
            tracing::warn!(%refusal, "files of a failed import are left to the next sweep");
        }
    }
}

/// What a field of the file may not hold is a fault of the file.
fn of_file(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::FieldOutOfRange => Refusal::import_unfit(refusal.message.trim_end_matches('.')),
        _ => refusal,
    }
}

struct Import<'a> {
    records: &'a Records,
    kind: Kind,
    imported: Imported,
    /// Files that were not here before.
    files: Vec<PictureId>,
    /// Groups of questions that were not here before.
    begun: Vec<Begun>,
}

impl Import<'_> {
    async fn run(
        &mut self,
        connection: &mut AnyConnection,
        groups: &Groups,
        source: ImportSource,
        asker: Option<&str>,
    ) -> Result<(), Refusal> {
        let before: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM rounds")
            .fetch_one(&mut *connection)
            .await?;
        let (sender, mut parts) = mpsc::channel(PARTS);
        let reading = tokio::task::spawn_blocking(move || {
            incoming::read(source, &mut |part| sender.blocking_send(part).is_ok())
        });
        let mut roles = Vec::new();
        while let Some(part) = parts.recv().await {
            match part {
                Part::Picture(picture) => self.picture(connection, picture).await?,
                Part::Role(role) => roles.push(role),
                Part::Conversation(conversation) => {
                    self.conversation(connection, *conversation).await?;
                }
            }
        }
        let read = reading.await.map_err(|error| {
            tracing::error!(%error, "an import could not be read");
            Refusal::records_failed()
        })?;
        read?;
        roles::bring(connection, &roles).await?;
        self.group(connection, groups, before).await?;
        let imported = &self.imported;
        let detail = format!(
            "{} conversations, {} rounds, {} answers, {} pictures",
            imported.conversations, imported.rounds, imported.answers, imported.pictures
        );
        enter(connection, AuditAction::Import, "", &detail, asker).await
    }

    async fn picture(
        &mut self,
        connection: &mut AnyConnection,
        picture: ExportedPicture,
    ) -> Result<(), Refusal> {
        let id = picture.id;
        let unfit = |why: &str| Refusal::import_unfit(format_args!("the picture {id} {why}"));
        if !(1..=PIXELS).contains(&picture.width) || !(1..=PIXELS).contains(&picture.height) {
            return Err(unfit("has no size that a picture can have"));
        }
        let kinds = [
            "image/png",
            "image/jpeg",
            "image/webp",
            "image/bmp",
            "image/gif",
        ];
        if !kinds.contains(&picture.media_type.as_str()) {
            return Err(unfit("is of a kind that the desk does not show"));
        }
        if picture.bytes > PICTURE_BYTES as u64 {
            return Err(unfit("is larger than 20 MB"));
        }
        if let Some(data) = picture.data {
            let bytes = STANDARD
                .decode(data)
                .map_err(|_| unfit("is not written in base64"))?;
            if PictureId::of(&bytes) != id || bytes.len() as u64 != picture.bytes {
                return Err(unfit("has other bytes than its hash says"));
            }
            if media_type(&bytes) != Some(picture.media_type.as_str()) {
                return Err(unfit("is not of the kind it says"));
            }
            let files = self.records.files().clone();
            if aside(move || files.put(Name::Picture(id), &bytes)).await? {
                self.files.push(id);
            }
        }
        let added = sqlx::query(
            "INSERT INTO pictures (id, media_type, width, height, tokens, bytes) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.to_string())
        .bind(picture.media_type)
        .bind(i64::from(picture.width))
        .bind(i64::from(picture.height))
        .bind(i64::from(picture.tokens))
        .bind(i64::try_from(picture.bytes).unwrap_or(i64::MAX))
        .execute(connection)
        .await?;
        self.imported.pictures += added.rows_affected();
        Ok(())
    }

    async fn conversation(
        &mut self,
        connection: &mut AnyConnection,
        conversation: ExportedConversation,
    ) -> Result<(), Refusal> {
        let id = conversation.id;
        let known = sqlx::query("SELECT number, deleted_at FROM conversations WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        let (number, counts) = match known {
            Some(row) => {
                self.imported.skipped += 1;
                (
                    row.whole("number")?,
                    row.maybe_whole("deleted_at")?.is_none(),
                )
            }
            None => {
                self.imported.conversations += 1;
                (begin(connection, &conversation).await?, true)
            }
        };
        let mut position: i64 = sqlx::query_scalar(
            "SELECT COALESCE(MAX(position), 0) FROM rounds WHERE conversation = $1",
        )
        .bind(number)
        .fetch_one(&mut *connection)
        .await?;
        for round in conversation.rounds {
            position += 1;
            self.round(connection, number, position, counts, round)
                .await?;
        }
        refresh(connection, number).await?;
        index_title(connection, self.kind, id).await
    }

    async fn round(
        &mut self,
        connection: &mut AnyConnection,
        conversation: i64,
        position: i64,
        counts: bool,
        round: ExportedRound,
    ) -> Result<(), Refusal> {
        check_round(&round)?;
        let known = sqlx::query("SELECT number FROM rounds WHERE id = $1")
            .bind(round.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(row) = known {
            return self
                .more_answers(connection, row.whole("number")?, round)
                .await;
        }
        let mut weight = Weight::default();
        for answer in round.answers.iter().rev() {
            weight.thumb(answer.feedback.thumb);
            if answer.state == AnswerState::Done && !weight.answered {
                weight.answer(&answer.marks, answer.timings.as_ref());
            }
        }
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO rounds (id, conversation, position, asked_at, question, role, settings, \
                 remembered_rounds, asker, replaced_by, counts, answered, ttft_us, doubtful, \
                 thumbs_up, thumbs_down) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                 $16) RETURNING number",
        )
        .bind(round.id.to_string())
        .bind(conversation)
        .bind(position)
        .bind(round.asked_at)
        .bind(storable(&round.question))
        .bind(storable(&round.role))
        .bind(document(&round.settings))
        .bind(i64::from(round.remembered_rounds))
        .bind(round.asker.as_deref().map(storable))
        .bind(round.replaced_by.map(|id| id.to_string()))
        .bind(i64::from(counts && round.replaced_by.is_none()))
        .bind(i64::from(weight.answered))
        .bind(weight.ttft_us)
        .bind(weight.doubtful)
        .bind(weight.thumbs_up)
        .bind(weight.thumbs_down)
        .fetch_one(&mut *connection)
        .await?;
        self.imported.rounds += 1;
        for (place, picture) in (0_i64..).zip(&round.pictures) {
            let added = sqlx::query(
                "INSERT INTO round_pictures (round, position, picture) \
                 SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), id FROM pictures WHERE id = $3",
            )
            .bind(number)
            .bind(place)
            .bind(picture.to_string())
            .execute(&mut *connection)
            .await?;
            if added.rows_affected() == 0 {
                return Err(Refusal::import_unfit(format_args!(
                    "a question shows the picture {picture}, which is not in the file"
                )));
            }
        }
        for answer in &round.answers {
            self.answer(connection, number, answer).await?;
        }
        if round.replaced_by.is_some() {
            return Ok(());
        }
        let mut texts = vec![round.question.as_str()];
        for answer in &round.answers {
            texts.push(&answer.text);
            texts.extend(answer.feedback.correction.as_deref());
        }
        found::index(connection, self.kind, conversation, position, texts).await
    }

    /// Adds the answers of a known round that are not known.
    async fn more_answers(
        &mut self,
        connection: &mut AnyConnection,
        round: i64,
        from: ExportedRound,
    ) -> Result<(), Refusal> {
        let before = self.imported.answers;
        for answer in &from.answers {
            self.answer(connection, round, answer).await?;
        }
        if self.imported.answers > before {
            weigh(connection, round).await?;
            found::index_round(connection, self.kind, round).await?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        connection: &mut AnyConnection,
        round: i64,
        answer: &ExportedAnswer,
    ) -> Result<(), Refusal> {
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
        .execute(connection)
        .await?;
        self.imported.answers += added.rows_affected();
        Ok(())
    }

    /// Groups the questions that came in, in the order in which they were asked.
    async fn group(
        &mut self,
        connection: &mut AnyConnection,
        groups: &Groups,
        before: i64,
    ) -> Result<(), Refusal> {
        let mut after = (i64::MIN, 0_i64);
        loop {
            let rows = sqlx::query(
                "SELECT number, asked_at, question FROM rounds \
                 WHERE number > $1 AND (asked_at, number) > ($2, $3) \
                 ORDER BY asked_at, number LIMIT $4",
            )
            .bind(before)
            .bind(after.0)
            .bind(after.1)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
            for row in &rows {
                after = (row.whole("asked_at")?, row.whole("number")?);
                let begun = groups
                    .place(connection, after.1, &row.text("question")?)
                    .await?;
                groups.learn(begun.again());
                self.begun.push(begun);
            }
            if rows.len() < PAGE as usize {
                return Ok(());
            }
        }
    }
}

/// Begins a conversation that was not here.
async fn begin(
    connection: &mut AnyConnection,
    conversation: &ExportedConversation,
) -> Result<i64, Refusal> {
    instant("created_at", conversation.created_at)?;
    instant("updated_at", conversation.updated_at)?;
    let customer = conversation.customer.as_deref().map(storable);
    bounded(
        "customer",
        customer.as_deref().unwrap_or_default(),
        limits::CUSTOMER,
    )?;
    Ok(sqlx::query_scalar(
        "INSERT INTO conversations (id, title, customer, customer_folded, verdict, pinned, follows, \
             created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING number",
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
    .fetch_one(connection)
    .await?)
}
