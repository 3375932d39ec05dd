//! Files of pictures -> patches, kept for a while: a second question does not decode again.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::picture::{Grid, Patches, Picture, PictureError, PictureLimits, Preprocessor, decode};

use super::turns::DecodeTurns;
use crate::handle::PictureFacts;
use crate::recent::Recent;
use crate::request::Wanted;

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

/// Why there are no patches.
#[derive(Debug)]
pub(super) enum Uncut {
    /// The picture cannot be read.
    Unreadable(PictureError),
    /// Nobody wants them any more.
    Unwanted,
}

impl From<PictureError> for Uncut {
    fn from(error: PictureError) -> Self {
        Self::Unreadable(error)
    }
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

    /// How a picture of this size is cut for at most `image_tokens`.
    pub(super) fn grid(
        &self,
        width: u32,
        height: u32,
        image_tokens: Option<usize>,
    ) -> Result<Grid, PictureError> {
        self.held_to(image_tokens).grid(width, height)
    }

    /// A picture cut for at most `image_tokens`, as long as somebody wants it.
    pub(super) fn patches(
        &self,
        bytes: &[u8],
        image_tokens: Option<usize>,
        wanted: &Wanted,
    ) -> Result<Arc<Patches>, Uncut> {
        let check = || wanted.check().map_err(|_| Uncut::Unwanted);
        check()?;
        let preprocessor = self.held_to(image_tokens);
        let file = blake3::hash(bytes);
        let key = (file, preprocessor.most_tokens());
        if let Some(patches) = self.kept().get(&key) {
            return Ok(patches);
        }
        let _turn = self.turns.take();
        // Somebody else may have cut it meanwhile.
        if let Some(patches) = self.kept().get(&key) {
            return Ok(patches);
        }
        check()?;
        let picture = decode(bytes, &self.limits)?;
        check()?;
        Ok(self.cut(file, &preprocessor, &picture)?)
    }

    /// The preprocessor for at most `image_tokens`.
    fn held_to(&self, image_tokens: Option<usize>) -> Cow<'_, Preprocessor> {
        match image_tokens {
            Some(most) => Cow::Owned(self.preprocessor.at_most(most)),
            None => Cow::Borrowed(&self.preprocessor),
        }
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use formats::Checkpoint;
    use model::config::{Config, PreprocessorConfig};

    use super::*;

    fn cutter() -> Cutter {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints/tiny-a");
        let checkpoint = Checkpoint::open(&path).expect("a golden checkpoint");
        let config = Config::of(&checkpoint).expect("a configuration");
        let reading = PreprocessorConfig::of(&checkpoint).expect("a configuration");
        let preprocessor = Preprocessor::new(&reading, &config.vision, 64).expect("they agree");
        Cutter::new(preprocessor, PictureLimits::default())
    }

    fn picture() -> Vec<u8> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read(root.join("../../demo/samples/router-label.png")).expect("a sample")
    }

    /// Somebody who leaves after so many looks.
    fn patience(looks: usize) -> Wanted {
        let seen = AtomicUsize::new(0);
        Wanted::as_long_as(move || seen.fetch_add(1, Ordering::SeqCst) < looks)
    }

    #[test]
    fn a_picture_nobody_wants_any_more_is_not_taken_a_step_further() {
        let (cutter, file) = (cutter(), picture());
        // Before its turn, before it is decoded, before it is cut.
        for looks in 0..3 {
            let uncut = cutter.patches(&file, None, &patience(looks));
            assert!(matches!(uncut, Err(Uncut::Unwanted)), "{looks}");
            let key = (blake3::hash(&file), cutter.preprocessor.most_tokens());
            assert!(cutter.kept().get(&key).is_none());
        }
        let damaged = b"no picture";
        // Nobody looks into it who is not wanted to.
        let uncut = cutter.patches(damaged, None, &patience(1));
        assert!(matches!(uncut, Err(Uncut::Unwanted)));
        let uncut = cutter.patches(damaged, None, &patience(2));
        assert!(matches!(uncut, Err(Uncut::Unreadable(_))));
        assert!(cutter.patches(&file, None, &patience(3)).is_ok());
        // What is there already costs nothing.
        assert!(cutter.patches(&file, None, &patience(1)).is_ok());
    }

    #[test]
    fn a_picture_is_counted_as_it_will_be_cut() {
        let (cutter, file) = (cutter(), picture());
        let facts = cutter.inspect(&file).expect("readable");
        for most in [None, Some(16), Some(4)] {
            let cut = cutter.patches(&file, most, &Wanted::default());
            let grid = cutter.grid(facts.width, facts.height, most);
            assert_eq!(grid.expect("a size"), cut.expect("readable").grid);
        }
    }
}
