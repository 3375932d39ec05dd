//! Which pictures of an import cannot be read, in words that people know them by.

use sqlx::AnyConnection;

use super::check::Checked;
use crate::records::store::rows::Columns;
use crate::records::{DamagedPicture, Imported, Records};
use crate::{PictureId, Refusal};

/// How many damaged pictures are named; all are counted.
const NAMED: usize = 100;

impl Records {
    /// Adds them to what an import tells.
    pub(super) async fn tell_damaged(
        &self,
        mut imported: Imported,
        checked: &Checked,
    ) -> Result<Imported, Refusal> {
        imported.damaged_pictures = checked.damaged.len() as u64;
        if checked.damaged.is_empty() {
            return Ok(imported);
        }
        let count = imported.damaged_pictures;
        tracing::warn!(count, "pictures of an import cannot be read");
        let mut connection = self.database().read().await?;
        for id in checked.damaged.iter().take(NAMED) {
            let damaged = named(&mut connection, *id).await?;
            imported.damaged.push(damaged);
        }
        Ok(imported)
    }
}

/// A picture with the conversation that people know it from.
async fn named(connection: &mut AnyConnection, id: PictureId) -> Result<DamagedPicture, Refusal> {
    let row = sqlx::query(
        "SELECT c.id, c.title FROM round_pictures p JOIN rounds r ON r.number = p.round \
         JOIN conversations c ON c.number = r.conversation WHERE p.picture = $1 \
         ORDER BY c.number LIMIT 1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(DamagedPicture {
            id,
            conversation: None,
            title: None,
        });
    };
    Ok(DamagedPicture {
        id,
        conversation: row.text("id")?.parse().ok(),
        title: row.maybe_text("title")?,
    })
}
