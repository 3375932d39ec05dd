//! Pictures that an import brought, opened one after another once everything else is in.
//!
//! An export says of a picture what it was; whether it can still be read only decoding tells, and that
//! takes longer than anybody should wait for the database. So the records are brought in first. What
//! cannot be read keeps its row and loses its file, as a picture does that was exported without bytes:
//! nobody is shown a file that no decoder has passed.

use std::sync::Arc;

use sqlx::AnyConnection;

use super::files::{Name, aside};
use super::rows::Columns;
use crate::records::{DamagedPicture, ImportSource, Imported, Records};
use crate::{PictureId, Refusal};

/// How many damaged pictures are named; all are counted.
const NAMED: usize = 100;

/// Whether a picture can be read.
pub type Readable = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Records {
    /// Brings an exported JSON file in as [`Records::import`] does, then opens every picture that came
    /// with it. Those that cannot be read are named, and their files leave.
    pub async fn import_checked(
        &self,
        source: ImportSource,
        asker: Option<&str>,
        readable: Readable,
    ) -> Result<Imported, Refusal> {
        let (imported, pictures) = self.bring(source, asker).await?;
        let this = self.clone();
        // Whoever leaves now leaves no picture unopened.
        let checked = tokio::spawn(async move { this.check(imported, pictures, readable).await });
        checked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the pictures of an import could not be opened");
            Err(Refusal::records_failed())
        })
    }

    async fn check(
        &self,
        mut imported: Imported,
        pictures: Vec<PictureId>,
        readable: Readable,
    ) -> Result<Imported, Refusal> {
        for id in pictures {
            if self.is_readable(id, readable.clone()).await? {
                continue;
            }
            let damaged = self.set_aside(id).await?;
            imported.damaged_pictures += 1;
            if imported.damaged.len() < NAMED {
                imported.damaged.push(damaged);
            }
        }
        if imported.damaged_pictures > 0 {
            let count = imported.damaged_pictures;
            tracing::warn!(count, "pictures of an import cannot be read");
        }
        Ok(imported)
    }

    /// One at a time: each may take much memory for a moment.
    async fn is_readable(&self, id: PictureId, readable: Readable) -> Result<bool, Refusal> {
        let files = self.files().clone();
        aside(move || {
            let bytes = files.get(Name::Picture(id))?;
            // Deleted meanwhile.
            Ok(bytes.is_none_or(|bytes| readable(&bytes)))
        })
        .await
    }

    async fn set_aside(&self, id: PictureId) -> Result<DamagedPicture, Refusal> {
        let mut turn = self.database().write().await?;
        let damaged = named(turn.connection(), id).await?;
        let files = self.files().clone();
        aside(move || files.remove(id)).await?;
        turn.keep().await?;
        Ok(damaged)
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
