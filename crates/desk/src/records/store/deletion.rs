//! Deletion for good: rows, the search index, and pictures that nobody else uses; by hand, out of the
//! bin, or because records are kept only so long.

use std::collections::HashSet;

use sqlx::AnyConnection;

use super::files::aside;
use super::found;
use super::grouping::{Orphan, bereave};
use super::log::enter;
use super::rows::Columns;
use super::whole;
use crate::records::{AuditAction, ConversationId, Records, Swept, clock};
use crate::{PictureId, Refusal};

/// Conversations deleted in one transaction of a sweep, so that others can write in between.
const BATCH: i64 = 100;

/// What has left the rows and must leave elsewhere once that is stored.
#[derive(Default)]
struct Removed {
    pictures: Vec<PictureId>,
    orphans: Vec<Orphan>,
}

impl Records {
    /// Deletes a conversation at once: rows, pictures that nobody else uses, search index.
    pub async fn delete_for_good(
        &self,
        id: ConversationId,
        asker: Option<&str>,
    ) -> Result<(), Refusal> {
        let groups = self.groups().await?;
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let (number, _) = whole::find(connection, id).await?;
        let mut removed = Removed::default();
        remove(connection, number, &mut removed).await?;
        let action = AuditAction::DeleteConversation;
        enter(connection, action, &id.to_string(), "", asker).await?;
        let turn = turn.keep_and_hold().await?;
        groups.relearn(removed.orphans);
        self.remove_files(removed.pictures).await?;
        drop(turn);
        self.database().scrub().await
    }

    /// Deletes all conversations of a customer at once, those in the bin too; says how many.
    pub async fn delete_customer(&self, name: &str, asker: Option<&str>) -> Result<u64, Refusal> {
        let groups = self.groups().await?;
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let numbers: Vec<i64> =
            sqlx::query_scalar("SELECT number FROM conversations WHERE customer = $1")
                .bind(name.to_owned())
                .fetch_all(&mut *connection)
                .await?;
        if numbers.is_empty() {
            return Err(Refusal::customer_unknown());
        }
        let mut removed = Removed::default();
        for number in &numbers {
            remove(connection, *number, &mut removed).await?;
        }
        let count = numbers.len() as u64;
        // The customer's name is one of the customer's words.
        let detail = format!("{count} conversations");
        enter(connection, AuditAction::DeleteCustomer, "", &detail, asker).await?;
        let turn = turn.keep_and_hold().await?;
        groups.relearn(removed.orphans);
        self.remove_files(removed.pictures).await?;
        drop(turn);
        self.database().scrub().await?;
        Ok(count)
    }

    /// Deletes what is due: the bin after a day, what is older than the records are kept, pictures
    /// that nothing uses. Call it at start and every hour.
    pub async fn sweep(&self) -> Result<Swept, Refusal> {
        self.sweep_at(clock::now()).await
    }

    /// [`Records::sweep`], as if it were that instant.
    pub async fn sweep_at(&self, now: i64) -> Result<Swept, Refusal> {
        let mut swept = Swept {
            from_bin: self
                .delete_where(
                    "SELECT number FROM conversations WHERE deleted_at < $1 LIMIT $2",
                    now - clock::DAY_MS,
                    AuditAction::EmptyBin,
                )
                .await?,
            ..Swept::default()
        };
        if let Some(since) = self.keep_since(now) {
            swept.too_old = self
                .delete_where(
                    "SELECT number FROM conversations WHERE updated_at < $1 LIMIT $2",
                    since,
                    AuditAction::Retention,
                )
                .await?;
        }
        swept.pictures = self.sweep_pictures().await?;
        if swept.from_bin + swept.too_old > 0 {
            self.database().scrub().await?;
        }
        Ok(swept)
    }

    async fn delete_where(
        &self,
        selection: &'static str,
        before: i64,
        action: AuditAction,
    ) -> Result<u64, Refusal> {
        let groups = self.groups().await?;
        let mut count = 0;
        loop {
            let mut turn = self.database().write().await?;
            let connection = turn.connection();
            let numbers: Vec<i64> = sqlx::query_scalar(selection)
                .bind(before)
                .bind(BATCH)
                .fetch_all(&mut *connection)
                .await?;
            if numbers.is_empty() {
                return Ok(count);
            }
            let mut removed = Removed::default();
            for number in &numbers {
                remove(connection, *number, &mut removed).await?;
            }
            count += numbers.len() as u64;
            let detail = format!("{} conversations", numbers.len());
            enter(connection, action, "", &detail, None).await?;
            let turn = turn.keep_and_hold().await?;
            groups.relearn(removed.orphans);
            self.remove_files(removed.pictures).await?;
            drop(turn);
        }
    }

    /// Removes pictures that no round uses, and files that no row knows.
    async fn sweep_pictures(&self) -> Result<u64, Refusal> {
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let unused = sqlx::query(
            "DELETE FROM pictures WHERE NOT EXISTS \
                 (SELECT 1 FROM round_pictures rp WHERE rp.picture = pictures.id)",
        )
        .execute(&mut *connection)
        .await?
        .rows_affected();
        let rows = sqlx::query("SELECT id FROM pictures")
            .fetch_all(&mut *connection)
            .await?;
        let kept: HashSet<PictureId> = rows
            .iter()
            .map(|row| row.id("id"))
            .collect::<Result<_, _>>()?;
        let turn = turn.keep_and_hold().await?;
        let files = self.files().clone();
        let removed = aside(move || files.keep_only(&kept)).await?;
        drop(turn);
        if removed > 0 {
            tracing::info!(removed, "files that no record uses were removed");
        }
        Ok(unused)
    }

    /// Removes files whose rows are gone. What cannot be removed now is left to the next sweep.
    async fn remove_files(&self, pictures: Vec<PictureId>) -> Result<(), Refusal> {
        self.pictures_went(&pictures);
        let files = self.files().clone();
        aside(move || pictures.into_iter().try_for_each(|id| files.remove(id))).await
    }
}

/// Removes a conversation's rows, and the rows of pictures that only it used.
async fn remove(
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
