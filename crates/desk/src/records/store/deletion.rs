//! Deletion for good: rows, the search index, and pictures that nobody else uses; by hand, out of the
//! bin, or because records are kept only so long.

use std::collections::HashSet;

use sqlx::AnyConnection;

use super::database::Turn;
use super::files::aside;
use super::found;
use super::grouping::{Groups, Orphan, bereave};
use super::log::enter;
use super::rows::{Columns, word};
use super::{customers, whole};
use crate::records::{AnswerId, AnswerState, AuditAction, ConversationId, Records, Swept, clock};
use crate::{PictureId, Refusal};

/// Conversations deleted in one transaction of a sweep, so that others can write in between.
const BATCH: i64 = 100;

/// What has left the rows and must leave elsewhere once that is stored.
#[derive(Default)]
struct Removed {
    pictures: Vec<PictureId>,
    orphans: Vec<Orphan>,
    conversations: Vec<ConversationId>,
    /// Those that were still being written.
    answers: Vec<AnswerId>,
}

impl Records {
    /// Deletes a conversation at once: rows, pictures that nobody else uses, search index. Whoever
    /// asked may leave: what was begun is finished.
    pub async fn delete_for_good(
        &self,
        id: ConversationId,
        asker: Option<&str>,
    ) -> Result<(), Refusal> {
        let (this, asker) = (self.clone(), asker.map(str::to_owned));
        to_the_end(async move { this.delete_one(id, asker.as_deref()).await }).await
    }

    async fn delete_one(&self, id: ConversationId, asker: Option<&str>) -> Result<(), Refusal> {
        let groups = self.groups().await?;
        let mut turn = self.database().write().await?;
        let (number, _) = whole::find(turn.connection(), id).await?;
        let action = AuditAction::DeleteConversation;
        enter(turn.connection(), action, &id.to_string(), "", asker).await?;
        let deleted = self.delete_all(turn, groups, &[number], None).await;
        deleted.and(self.scrub().await)
    }

    /// Deletes all conversations of a customer at once, those in the bin too; says how many. The name
    /// is meant to the letter: names that look alike are other customers until somebody says
    /// otherwise, see [`Records::customer`]. `linked` goes too: conversations of the same chain that name
    /// nobody, as [`Records::customer`] showed them. Where those are others by now, nothing is deleted,
    /// and it is refused with `linked_changed`: nobody has seen what would go.
    ///
    /// While an import runs, a customer of whom nothing is here may be one whom it still brings: what the
    /// file holds of them is left out then.
    pub async fn delete_customer(
        &self,
        name: &str,
        linked: &[ConversationId],
        asker: Option<&str>,
    ) -> Result<u64, Refusal> {
        let (this, name, asker) = (self.clone(), name.to_owned(), asker.map(str::to_owned));
        let linked: HashSet<_> = linked.iter().copied().collect();
        let work = async move { this.delete_named(&name, &linked, asker.as_deref()).await };
        to_the_end(work).await
    }

    async fn delete_named(
        &self,
        name: &str,
        linked: &HashSet<ConversationId>,
        asker: Option<&str>,
    ) -> Result<u64, Refusal> {
        let groups = self.groups().await?;
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let (mut numbers, chained) = customers::conversations_of(connection, name).await?;
        if numbers.is_empty() && !self.is_import_under_way() {
            let alike = customers::alike(connection, name).await?;
            return Err(Refusal::customer_unknown(&alike));
        }
        if !linked.is_empty() {
            let now: HashSet<_> = chained.iter().map(|one| one.id).collect();
            if now != *linked {
                return Err(Refusal::linked_changed(now));
            }
            numbers.extend(chained.iter().map(|one| one.number));
        }
        let count = numbers.len() as u64;
        // The customer's name is one of the customer's words.
        let detail = format!("{count} conversations");
        enter(connection, AuditAction::DeleteCustomer, "", &detail, asker).await?;
        let deleted = self.delete_all(turn, groups, &numbers, Some(name)).await;
        deleted.and(self.scrub().await)?;
        Ok(count)
    }

    /// Deletes what is due: the bin after a day, what is older than the records are kept, pictures
    /// that nothing uses. Call it at start and every hour.
    pub async fn sweep(&self) -> Result<Swept, Refusal> {
        self.sweep_at(clock::now()).await
    }

    /// [`Records::sweep`], as if it were that instant. What fails keeps nothing else from being done;
    /// the first fault is told.
    pub async fn sweep_at(&self, now: i64) -> Result<Swept, Refusal> {
        let from_bin = self
            .delete_where(
                "SELECT number, id FROM conversations WHERE deleted_at < $1 LIMIT $2",
                now - clock::DAY_MS,
                AuditAction::EmptyBin,
            )
            .await;
        let too_old = match self.keep_since(now) {
            Some(since) => {
                self.delete_where(
                    "SELECT number, id FROM conversations WHERE updated_at < $1 LIMIT $2",
                    since,
                    AuditAction::Retention,
                )
                .await
            }
            None => Ok(0),
        };
        let scrubbed = self.scrub_if_due().await;
        let pictures = self.sweep_pictures().await;
        // Also what an end of the program has left undone.
        let grouped = self.group_questions().await;
        let swept = Swept {
            from_bin: from_bin?,
            too_old: too_old?,
            pictures: {
                scrubbed?;
                pictures?
            },
        };
        grouped?;
        Ok(swept)
    }

    async fn scrub_if_due(&self) -> Result<(), Refusal> {
        match self.database().is_scrub_due().await? {
            true => self.scrub().await,
            false => Ok(()),
        }
    }

    async fn delete_where(
        &self,
        selection: &'static str,
        before: i64,
        action: AuditAction,
    ) -> Result<u64, Refusal> {
        let mut count = 0;
        let groups = self.groups().await?;
        loop {
            let mut turn = self.database().write().await?;
            let connection = turn.connection();
            let rows = sqlx::query(selection)
                .bind(before)
                .bind(BATCH)
                .fetch_all(&mut *connection)
                .await?;
            if rows.is_empty() {
                return Ok(count);
            }
            let mut numbers = Vec::with_capacity(rows.len());
            for row in &rows {
                numbers.push(row.whole("number")?);
                let id = row.text("id")?;
                if action == AuditAction::EmptyBin {
                    // Who laid it into the bin asked for its deletion.
                    let asker = who_binned(connection, &id).await?;
                    enter(connection, action, &id, "", asker.as_deref()).await?;
                }
            }
            if action == AuditAction::Retention {
                let detail = format!("{} conversations", numbers.len());
                enter(connection, action, "", &detail, None).await?;
            }
            count += numbers.len() as u64;
            self.delete_all(turn, groups, &numbers, None).await?;
        }
    }

    /// Removes conversations in a turn and keeps it, then what they leave behind elsewhere. `customer`
    /// where all of one's are meant. The groups are there before the turn is: loading them takes a
    /// connection, and a database in memory has one.
    async fn delete_all(
        &self,
        mut turn: Turn<'_>,
        groups: &Groups,
        numbers: &[i64],
        customer: Option<&str>,
    ) -> Result<(), Refusal> {
        let mut removed = Removed::default();
        for number in numbers {
            self.remove(turn.connection(), *number, &mut removed)
                .await?;
        }
        // Remembered with the deletion itself: an end of the program right after it forgets nothing.
        self.database().owe_scrub(turn.connection()).await?;
        let turn = turn.keep_and_hold().await?;
        groups.relearn(removed.orphans);
        if let Some(import) = self.arriving().as_mut() {
            import.went(&removed.conversations, customer);
        }
        self.answers_went(&removed.answers);
        self.remove_files(removed.pictures).await?;
        drop(turn);
        Ok(())
    }

    /// Lets go of what deleted rows have left in the file and beside it. Where a reader stands in the
    /// way for longer, the next sweep does it.
    async fn scrub(&self) -> Result<(), Refusal> {
        let is_clean = self.database().scrub().await?;
        if !is_clean {
            tracing::warn!("another reader of the database keeps deleted words in its log for now");
        }
        Ok(())
    }

    /// Removes pictures that no round uses, and files that no row knows.
    async fn sweep_pictures(&self) -> Result<u64, Refusal> {
        // Those of an import that runs are not used yet.
        match self.importing().try_lock() {
            Ok(_alone) => self.remove_unused_pictures().await,
            Err(_) => Ok(0),
        }
    }

    /// The same, for an import that has ended.
    pub(super) async fn remove_unused_pictures(&self) -> Result<u64, Refusal> {
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let rows = sqlx::query(
            "DELETE FROM pictures WHERE NOT EXISTS \
                 (SELECT 1 FROM round_pictures rp WHERE rp.picture = pictures.id) RETURNING id",
        )
        .fetch_all(&mut *connection)
        .await?;
        let unused: Vec<PictureId> = rows
            .iter()
            .map(|row| row.id("id"))
            .collect::<Result<_, _>>()?;
        let rows = sqlx::query("SELECT id FROM pictures")
            .fetch_all(&mut *connection)
            .await?;
        let kept: HashSet<PictureId> = rows
            .iter()
            .map(|row| row.id("id"))
            .collect::<Result<_, _>>()?;
        let turn = turn.keep_and_hold().await?;
        if !unused.is_empty() {
            self.pictures_went(&unused);
        }
        let files = self.files().clone();
        let removed = aside(move || files.keep_only(&kept)).await?;
        drop(turn);
        if removed > 0 {
            tracing::info!(removed, "files that no record uses were removed");
        }
        Ok(unused.len() as u64)
    }

    /// Removes files whose rows are gone. What cannot be removed now is left to the next sweep.
    async fn remove_files(&self, pictures: Vec<PictureId>) -> Result<(), Refusal> {
        self.pictures_went(&pictures);
        let files = self.files().clone();
        aside(move || {
            // One that stays keeps no other.
            let removed = pictures.into_iter().map(|id| files.remove(id));
            removed.fold(Ok(()), Result::and)
        })
        .await
    }

    /// Removes a conversation's rows, and the rows of pictures that only it used.
    async fn remove(
        &self,
        connection: &mut AnyConnection,
        conversation: i64,
        removed: &mut Removed,
    ) -> Result<(), Refusal> {
        removed
            .orphans
            .extend(bereave(connection, conversation).await?);
        let rows = sqlx::query(
            "SELECT DISTINCT rp.picture FROM rounds r JOIN round_pictures rp ON rp.round = r.number \
             WHERE r.conversation = $1",
        )
        .bind(conversation)
        .fetch_all(&mut *connection)
        .await?;
        removed.conversations.push(
            sqlx::query("SELECT id FROM conversations WHERE number = $1")
                .bind(conversation)
                .fetch_one(&mut *connection)
                .await?
                .id("id")?,
        );
        let running = sqlx::query(
            "SELECT a.id FROM rounds r JOIN answers a ON a.round = r.number \
             WHERE r.conversation = $1 AND a.state = $2",
        )
        .bind(conversation)
        .bind(word(AnswerState::Running))
        .fetch_all(&mut *connection)
        .await?;
        for row in &running {
            removed.answers.push(row.id("id")?);
        }
        sqlx::query(
            "UPDATE conversations SET follows = NULL \
             WHERE follows = (SELECT id FROM conversations WHERE number = $1)",
        )
        .bind(conversation)
        .execute(&mut *connection)
        .await?;
        found::forget_all(connection, conversation).await?;
        sqlx::query("DELETE FROM conversations WHERE number = $1")
            .bind(conversation)
            .execute(&mut *connection)
            .await?;
        for row in &rows {
            let id: PictureId = row.id("picture")?;
            if self.is_arriving(id) {
                continue;
            }
            let gone = sqlx::query(
                "DELETE FROM pictures WHERE id = $1 AND NOT EXISTS \
                     (SELECT 1 FROM round_pictures rp WHERE rp.picture = pictures.id)",
            )
            .bind(id.to_string())
            .execute(&mut *connection)
            .await?;
            if gone.rows_affected() > 0 {
                removed.pictures.push(id);
            }
        }
        Ok(())
    }

    /// Whether an import needs this picture that is under way.
    fn is_arriving(&self, id: PictureId) -> bool {
        let mut arriving = self.arriving();
        let import = arriving.as_mut();
        import.is_some_and(|import| import.holds_back(id))
    }
}

/// Goes through with a deletion even if the asker leaves half-way.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a deletion broke");
        Err(Refusal::records_failed())
    })
}

/// Who laid a conversation into the bin.
async fn who_binned(connection: &mut AnyConnection, id: &str) -> Result<Option<String>, Refusal> {
    let row = sqlx::query(
        "SELECT asker FROM audit WHERE subject = $1 AND action = $2 ORDER BY number DESC LIMIT 1",
    )
    .bind(id.to_owned())
    .bind(word(AuditAction::Bin))
    .fetch_optional(connection)
    .await?;
    row.map_or(Ok(None), |row| row.maybe_text("asker"))
}
