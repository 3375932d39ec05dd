//! The audit log as rows.

use sqlx::AnyConnection;

use super::rows::{Columns, bounded, limits, storable, word};
use crate::Refusal;
use crate::records::{AuditAction, AuditEntry, Records, clock};

/// How many entries are shown.
const SHOWN: i64 = 500;

/// Adds an entry. `detail` must hold counts, never a customer's words.
pub async fn enter(
    connection: &mut AnyConnection,
    action: AuditAction,
    subject: &str,
    detail: &str,
    asker: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(asker) = asker {
        bounded("asker", asker, limits::ASKER)?;
    }
    sqlx::query(
        "INSERT INTO audit (at, action, subject, detail, asker) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(clock::now())
    .bind(word(action))
    .bind(subject.to_owned())
    .bind(detail.to_owned())
    .bind(asker.map(storable))
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
