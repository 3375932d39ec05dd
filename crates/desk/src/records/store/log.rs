//! The audit log as rows.

use sqlx::AnyConnection;

use super::rows::{Columns, bounded, limits, storable, word};
use crate::Refusal;
use crate::records::{AuditAction, AuditEntry, Records, clock};

/// How many entries are shown.
const SHOWN: i64 = 500;

/// Adds an entry and says its number. `detail` must hold counts, never a customer's words.
pub async fn enter(
    connection: &mut AnyConnection,
    action: AuditAction,
    subject: &str,
    detail: &str,
    asker: Option<&str>,
) -> Result<i64, Refusal> {
    if let Some(asker) = asker {
        bounded("asker", asker, limits::ASKER)?;
    }
    Ok(sqlx::query_scalar(
        "INSERT INTO audit (at, action, subject, detail, asker) VALUES ($1, $2, $3, $4, $5) \
         RETURNING number",
    )
    .bind(clock::now())
    .bind(word(action))
    .bind(subject.to_owned())
    .bind(detail.to_owned())
    .bind(asker.map(storable))
    .fetch_one(connection)
    .await?)
}

/// Says how something ended whose entry was made when it began.
pub async fn amend(
    connection: &mut AnyConnection,
    entry: i64,
    detail: &str,
) -> Result<(), Refusal> {
    sqlx::query("UPDATE audit SET detail = $2 WHERE number = $1")
        .bind(entry)
        .bind(detail.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}

impl Records {
    /// The newest 500 entries of the audit log, newest first.
    pub async fn audit(&self) -> Result<Vec<AuditEntry>, Refusal> {
        let mut connection = self.database().read().await?;
        let rows = sqlx::query(
            "SELECT at, action, subject, detail, asker FROM audit ORDER BY number DESC LIMIT $1",
        )
        .bind(SHOWN)
        .fetch_all(&mut *connection)
        .await?;
        let entry = |row| {
            let row: &sqlx::any::AnyRow = row;
            Ok(AuditEntry {
                at: row.whole("at")?,
                action: row.word("action")?,
                subject: row.text("subject")?,
                detail: row.text("detail")?,
                asker: row.maybe_text("asker")?,
            })
        };
        rows.iter().map(entry).collect()
    }
}
