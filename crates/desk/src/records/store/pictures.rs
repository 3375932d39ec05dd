//! Pictures of the records, read from their files.

use std::sync::Arc;

use super::files::{Name, aside};
use super::rows::Columns;
use super::whole;
use crate::records::{Records, RoundPicture};
use crate::{Picture, PictureFacts, PictureId, Refusal};

impl Records {
    /// A picture that a round uses, read from its file.
    pub async fn picture(&self, id: PictureId) -> Result<Option<Arc<Picture>>, Refusal> {
        let Some(known) = self.known_picture(id).await? else {
            return Ok(None);
        };
        let files = self.files().clone();
        let bytes = aside(move || files.get(Name::Picture(id))).await?;
        // An export without bytes brings rows whose files are elsewhere.
        Ok(bytes.map(|bytes| {
            let facts = PictureFacts {
                media_type: known.media_type,
                width: known.width,
                height: known.height,
                tokens: known.tokens,
            };
            Arc::new(Picture::new(bytes, facts))
        }))
    }

    /// A thumbnail kept before; it leaves with its picture.
    pub async fn thumbnail(&self, id: PictureId, edge: u32) -> Result<Option<Vec<u8>>, Refusal> {
        let files = self.files().clone();
        aside(move || files.get(Name::Thumbnail(id, edge))).await
    }

    /// Keeps a thumbnail of a picture that a round uses; of others it keeps none.
    pub async fn keep_thumbnail(
        &self,
        id: PictureId,
        edge: u32,
        bytes: Vec<u8>,
    ) -> Result<(), Refusal> {
        // The turn keeps a deletion from passing between the question and the file.
        let mut turn = self.database().write().await?;
        let known = sqlx::query("SELECT id FROM pictures WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(turn.connection())
            .await?;
        if known.is_some() {
            let files = self.files().clone();
            aside(move || files.put(Name::Thumbnail(id, edge), &bytes).map(drop)).await?;
        }
        turn.keep().await
    }

    pub(super) async fn known_picture(
        &self,
        id: PictureId,
    ) -> Result<Option<RoundPicture>, Refusal> {
        let mut connection = self.database().read().await?;
        let row = sqlx::query(
            "SELECT id, media_type, width, height, tokens, bytes FROM pictures WHERE id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let known = whole::picture(&row)?;
        debug_assert_eq!(row.text("id")?, id.to_string());
        Ok(Some(known))
    }
}
