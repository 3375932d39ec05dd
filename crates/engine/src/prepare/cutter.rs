//! Files of pictures -> patches, kept for a while: a second question does not decode again.

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
    kept: Mutex<Recent<blake3::Hash, Arc<Patches>>>,
}

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
        self.cut(blake3::hash(bytes), &picture)?;
        Ok(PictureFacts {
            width: picture.width,
            height: picture.height,
            tokens: self.preprocessor.tokens(picture.width, picture.height)?,
            media_type: picture.format.media_type(),
        })
    }

    pub(super) fn patches(&self, bytes: &[u8]) -> Result<Arc<Patches>, PictureError> {
        let key = blake3::hash(bytes);
        if let Some(patches) = self.kept().get(&key) {
            return Ok(patches);
        }
        let _turn = self.turns.take();
        // Somebody else may have cut it meanwhile.
        let kept = self.kept().get(&key);
        kept.map_or_else(|| self.cut(key, &decode(bytes, &self.limits)?), Ok)
    }

    /// Resizes and cuts a decoded picture, and keeps it under the hash of its file.
    fn cut(&self, key: blake3::Hash, picture: &Picture) -> Result<Arc<Patches>, PictureError> {
        let patches = Arc::new(self.preprocessor.patches(picture)?);
        let size = patches.values.len() * size_of::<f32>();
        self.kept().insert(key, Arc::clone(&patches), size);
        Ok(patches)
    }

    /// A panic while the lock was held leaves a valid, if incomplete, cache.
    fn kept(&self) -> MutexGuard<'_, Recent<blake3::Hash, Arc<Patches>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
