//! The model with its caches of keys, values and picture features: rows to logits, pictures to features.
//!
//! It knows no queue and draws nothing, and not whose rows it computes. A picture is read once as long as its
//! features are kept, and it is read in pieces, so that a large one need not hold up anything else.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::observe::Observer;
use model::picture::{Grid, Patches};
use model::qwen3_vl::Qwen3Vl;
use model::text::{PicturePlacement, TextRows, TextWorkspace};
use model::vision::{Encoding, Features, VisionWorkspace};
use ops::backend::{Backend, BackendError, KvShape};
use ops::step::Sequence;

use crate::recent::Recent;
use crate::sampling::Said;

/// Tokens per page of keys and values. Small enough that the part of a page which cannot be shared is
/// soon computed again, large enough for a kernel to find whole blocks.
pub(crate) const PAGE_TOKENS: usize = 32;
/// Patches the vision workspace is made for at first; it grows with the pictures.
pub(crate) const FIRST_PATCHES: usize = 1024;
/// Picture features kept, so that a second question does not read its pictures again.
pub(crate) const FEATURES_BYTES: usize = 512 << 20;

/// The model on one device.
pub(crate) struct Runner<B: Backend> {
    backend: Arc<B>,
    model: Qwen3Vl<B>,
    vision: VisionWorkspace<B>,
    text: TextWorkspace<B>,
    cache: B::KvCache,
    features: Recent<[u8; 32], Arc<Features<B>>>,
    room: Room,
    reading: Option<([u8; 32], Encoding<B>)>,
}

/// What a runner has room for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Pages of keys and values.
    pub(crate) pages: usize,
    /// Patches the vision workspace is made for; it grows with larger pictures.
    pub(crate) patches: usize,
    /// Bytes of picture features that are kept.
    pub(crate) features: usize,
}

/// One conversation's rows in a step.
pub(crate) struct Rows<B: Backend> {
    /// Tokens before the first row; their keys and values are there.
    pub(crate) context: usize,
    pub(crate) pages: Vec<u32>,
    pub(crate) ids: Vec<u32>,
    pub(crate) positions: Vec<[u32; 3]>,
    pub(crate) pictures: Vec<Placed<B>>,
    /// Of how many rows at the end the logits are wanted.
    pub(crate) logits: usize,
}

/// Picture tokens among a conversation's rows.
pub(crate) struct Placed<B: Backend> {
    pub(crate) features: Arc<Features<B>>,
    pub(crate) rows: Range<usize>,
    pub(crate) first_token: usize,
}

impl<B: Backend> Runner<B> {
    /// A runner for steps of up to `rows` rows, `logits` of them with logits.
    pub(crate) fn new(
        backend: Arc<B>,
        model: Qwen3Vl<B>,
        room: Room,
        rows: usize,
        logits: usize,
    ) -> Result<Self, BackendError> {
        let text = &model.config.text;
        let shape = KvShape {
            layers: text.num_hidden_layers,
            kv_heads: text.num_key_value_heads,
            head_dim: text.head_dim,
            pages: room.pages,
            page_tokens: PAGE_TOKENS,
        };
        Ok(Self {
            vision: VisionWorkspace::new(&*backend, &model.config.vision, room.patches)?,
            text: TextWorkspace::new(&*backend, text, rows, logits, PAGE_TOKENS)?,
            cache: backend.kv_cache(shape)?,
            features: Recent::new(room.features),
            room,
            reading: None,
            backend,
            model,
        })
    }

    /// Runs both towers once over nothing in particular, so that weights are in memory before the
    /// first question. Writes to the first page, which nobody has yet.
    pub(crate) fn warm_up(&mut self, observer: &mut impl Observer<B>) -> Result<(), BackendError> {
        let vision = &self.model.config.vision;
        let side = vision.spatial_merge_size * 2;
        let grid = Grid {
            height: side,
            width: side,
        };
        let values = vec![0.0; grid.patches() * vision.patch_values()];
        let patches = Patches {
            grid,
            values,
            digest: [0; 32],
        };
        self.model
            .vision
            .encode(&*self.backend, &patches, &mut self.vision, observer)?;
        let row = Rows {
            context: 0,
            pages: vec![0],
            ids: vec![0],
            positions: vec![[0; 3]],
            pictures: Vec::new(),
            logits: 1,
        };
        self.observed_step(&[row], observer).map(drop)
    }

    /// The features of a picture that has been read not long ago.
    pub(crate) fn features(&mut self, digest: &[u8; 32]) -> Option<Arc<Features<B>>> {
        self.features.get(digest)
    }

    /// The picture that is being read.
    pub(crate) fn reading(&self) -> Option<&[u8; 32]> {
        self.reading.as_ref().map(|(digest, _)| digest)
    }

    /// Gives up the picture that is being read.
    pub(crate) fn stop_reading(&mut self) {
        self.reading = None;
    }

    /// Reads on in a picture, or begins to, for about `time`, at least by one block. Returns its
    /// features once it has been read. Another picture half read is given up. Where the device has no room, the
    /// pictures that are only kept are given up first.
    pub(crate) fn read(
        &mut self,
        patches: &Patches,
        time: Duration,
    ) -> Result<Option<Arc<Features<B>>>, BackendError> {
        match self.read_once(patches, time) {
            Err(BackendError::OutOfMemory { .. }) => {
                self.forget();
                self.read_once(patches, time)
            }
            outcome => outcome,
        }
    }

    fn read_once(
        &mut self,
        patches: &Patches,
        time: Duration,
    ) -> Result<Option<Arc<Features<B>>>, BackendError> {
        let started = Instant::now();
        let (backend, vision) = (&*self.backend, &self.model.vision);
        let mut encoding = match self.reading.take() {
            Some((digest, encoding)) if digest == patches.digest => encoding,
            _ => vision.start(backend, patches, &mut self.vision, &mut ())?,
        };
        loop {
            let before = Instant::now();
            if vision.advance(backend, &mut encoding, 1, &mut self.vision, &mut ())? {
                break;
            }
            // A device may only have begun; what is measured is what the next block will take.
            backend.wait();
            let one_more = before.elapsed();
            if started.elapsed() + one_more > time {
                self.reading = Some((patches.digest, encoding));
                return Ok(None);
            }
        }
        let features = Arc::new(vision.finish(backend, encoding, &mut self.vision, &mut ())?);
        let tensors = 1 + features.deepstack.len();
        let hidden = self.model.config.text.hidden_size;
        let bytes = tensors * features.tokens * hidden * size_of::<f32>();
        self.features
            .insert(patches.digest, Arc::clone(&features), bytes);
        Ok(Some(features))
    }

    /// Forgets the pictures, when nobody knows any more what is right.
    pub(crate) fn forget(&mut self) {
        self.features = Recent::new(self.room.features);
        self.reading = None;
    }

    /// All logits of a row of the last step.
    pub(crate) fn logits(&self, row: usize) -> Vec<f32> {
        self.text.logits(&*self.backend, row..row + 1)
    }

    /// Computes the rows of some conversations. Returns what the model says of the wanted ones.
    pub(crate) fn step(&mut self, parts: &[Rows<B>]) -> Result<Said, BackendError> {
        self.observed_step(parts, &mut ())
    }

    fn observed_step(
        &mut self,
        parts: &[Rows<B>],
        observer: &mut impl Observer<B>,
    ) -> Result<Said, BackendError> {
        let (mut ids, mut positions) = (Vec::new(), Vec::new());
        let (mut sequences, mut pictures) = (Vec::new(), Vec::new());
        let mut logits = Vec::new();
        for part in parts {
            let first = ids.len();
            ids.extend_from_slice(&part.ids);
            positions.extend_from_slice(&part.positions);
            sequences.push(Sequence {
                rows: first..ids.len(),
                context: part.context,
                pages: part.pages.clone(),
            });
            pictures.extend(part.pictures.iter().map(|placed| PicturePlacement {
                features: &placed.features,
                rows: first + placed.rows.start..first + placed.rows.end,
                first_token: placed.first_token,
            }));
            logits.extend((ids.len() - part.logits..ids.len()).map(|row| row as u32));
        }
        let rows = TextRows {
            ids: &ids,
            positions: &positions,
            sequences: &sequences,
            pictures: &pictures,
            logits: &logits,
        };
        let Self {
            backend,
            model,
            cache,
            text,
            ..
        } = self;
        model
            .text
            .compute(&**backend, &rows, cache, text, observer)?;
        let wanted = logits.len();
        if wanted == 0 {
            // Nobody reads anything, yet the caller measures how long it took.
            backend.wait();
            return Ok(Said::nothing());
        }
        Ok(match text.likeliest(&**backend, 0..wanted) {
            Some(values) => Said::likeliest(values, wanted),
            None => Said::logits(text.logits(&**backend, 0..wanted), wanted),
        })
    }
}

#[cfg(test)]
mod tests;
