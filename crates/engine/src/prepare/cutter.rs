//! Files of pictures -> patches, kept for a while: a second question does not decode again.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::picture::{Patches, Picture, PictureError, PictureLimits, Preprocessor, decode};

use super::turns::DecodeTurns;
use crate::handle::PictureFacts;
use crate::recent::Recent;

/// Cut pictures kept.
const KEPT_BYTES: usize = 256 << 20;
/// Pictures decoded at the same time. Each may take about a gigabyte for a moment.
const AT_ONCE: usize = 2;

/// Decodes, resizes and cuts.
pub(crate) struct Cutter {
    preprocessor: Preprocessor,
    limits: PictureLimits,
    turns: DecodeTurns,
    kept: Mutex<Recent<Key, Arc<Patches>>>,
}

/// A file, and the most tokens it was cut for.
type Key = (blake3::Hash, usize);

impl Cutter {
    pub(crate) fn new(preprocessor: Preprocessor, limits: PictureLimits) -> Self {
        Self {
            preprocessor,
            limits,
            turns: DecodeTurns::new(AT_ONCE),
            kept: Mutex::new(Recent::new(KEPT_BYTES)),
        }
    }

    /// Decodes a picture and says what it is and costs. It is cut at once: a question about it is likely
    /// to follow.
    pub(super) fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, PictureError> {
        let _turn = self.turns.take();
        let picture = decode(bytes, &self.limits)?;
        self.cut(blake3::hash(bytes), &self.preprocessor, &picture)?;
        Ok(PictureFacts {
            width: picture.width,
            height: picture.height,
            tokens: self.preprocessor.tokens(picture.width, picture.height)?,
            media_type: picture.format.media_type(),
        })
    }

    /// A picture cut for at most `image_tokens`.
    pub(super) fn patches(
        &self,
        bytes: &[u8],
        image_tokens: Option<usize>,
    ) -> Result<Arc<Patches>, PictureError> {
        let preprocessor = match image_tokens {
            Some(most) => Cow::Owned(self.preprocessor.at_most(most)),
            None => Cow::Borrowed(&self.preprocessor),
        };
        let file = blake3::hash(bytes);
        let key = (file, preprocessor.most_tokens());
        if let Some(patches) = self.kept().get(&key) {
            return Ok(patches);
        }
        let _turn = self.turns.take();
        // Somebody else may have cut it meanwhile.
        let kept = self.kept().get(&key);
        kept.map_or_else(
            || self.cut(file, &preprocessor, &decode(bytes, &self.limits)?),
            Ok,
        )
    }

    /// Resizes and cuts a decoded picture, and keeps it under the hash of its file.
    fn cut(
        &self,
        file: blake3::Hash,
        preprocessor: &Preprocessor,
        picture: &Picture,
    ) -> Result<Arc<Patches>, PictureError> {
        let patches = Arc::new(preprocessor.patches(picture)?);
        let size = patches.values.len() * size_of::<f32>();
        let key = (file, preprocessor.most_tokens());
        self.kept().insert(key, Arc::clone(&patches), size);
        Ok(patches)
    }

    /// A panic while the lock was held leaves a valid, if incomplete, cache.
    fn kept(&self) -> MutexGuard<'_, Recent<Key, Arc<Patches>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
