//! The model with its caches: pictures to features, prompts and single tokens to logits.
//!
//! It knows no queue and no sampling. What is cached of a conversation is never computed twice, and a
//! picture is read once as long as its features are kept.

use std::sync::Arc;

use model::picture::{Grid, Patches};
use model::qwen3_vl::Qwen3Vl;
use model::text::{PicturePlacement, TextRows, TextWorkspace};
use model::vision::{Features, VisionWorkspace};
use ops::backend::{Backend, BackendError, KvShape};
use ops::step::Sequence;

use crate::conversations::{Conversation, Conversations, TokenKey};
use crate::prepare::Prepared;
use crate::recent::Recent;

/// Tokens per page of keys and values.
pub(crate) const PAGE_TOKENS: usize = 64;
/// Prompt tokens per step: enough rows to use a weight well, few enough that a cancelled question ends soon.
const STEP_TOKENS: usize = 256;
/// Patches the vision workspace is made for at first; it grows with the pictures.
const FIRST_PATCHES: usize = 1024;
/// Picture features kept, so that a second question does not read its pictures again.
const FEATURES_BYTES: usize = 512 << 20;

/// The model on one device.
pub(crate) struct Runner<B: Backend> {
    backend: Arc<B>,
    model: Qwen3Vl<B>,
    vision: VisionWorkspace<B>,
    text: TextWorkspace<B>,
    cache: B::KvCache,
    conversations: Conversations,
    pages: u32,
    features: Recent<[u8; 32], Arc<Features<B>>>,
}

impl<B: Backend> Runner<B> {
    /// A runner whose cache of keys and values holds `context_tokens` tokens.
    pub(crate) fn new(
        backend: Arc<B>,
        model: Qwen3Vl<B>,
        context_tokens: usize,
    ) -> Result<Self, BackendError> {
        let text = &model.config.text;
        // At least the page that `warm_up` writes to.
        let pages = context_tokens.div_ceil(PAGE_TOKENS).max(1);
        let shape = KvShape {
            layers: text.num_hidden_layers,
            kv_heads: text.num_key_value_heads,
            head_dim: text.head_dim,
            pages,
            page_tokens: PAGE_TOKENS,
        };
        Ok(Self {
            vision: VisionWorkspace::new(&*backend, &model.config.vision, FIRST_PATCHES)?,
            text: TextWorkspace::new(&*backend, text, STEP_TOKENS, 1, PAGE_TOKENS)?,
            cache: backend.kv_cache(shape)?,
            conversations: Conversations::new(pages as u32, PAGE_TOKENS),
            pages: pages as u32,
            features: Recent::new(FEATURES_BYTES),
            backend,
            model,
        })
    }

    /// Runs both towers once over nothing in particular, so that weights are in memory before the
    /// first question.
    pub(crate) fn warm_up(&mut self) -> Result<(), BackendError> {
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
        self.encode(&patches)?;
        let conversation = Conversation {
            keys: Vec::new(),
            pages: vec![0],
        };
        self.forward(&conversation, 0, &[0], &[[0; 3]], &[], true)?;
        Ok(())
    }

    /// The features of a picture.
    pub(crate) fn read(&mut self, patches: &Patches) -> Result<Arc<Features<B>>, BackendError> {
        if let Some(features) = self.features.get(&patches.digest) {
            return Ok(features);
        }
        let features = Arc::new(self.encode(patches)?);
        let text = &self.model.config.text;
        let tensors = 1 + features.deepstack.len();
        let bytes = tensors * features.tokens * text.hidden_size * size_of::<f32>();
        self.features
            .insert(patches.digest, Arc::clone(&features), bytes);
        Ok(features)
    }

    /// Whether `read` would have to run the vision tower.
    pub(crate) fn has_read(&mut self, patches: &Patches) -> bool {
        self.features.get(&patches.digest).is_some()
    }

    fn encode(&mut self, patches: &Patches) -> Result<Features<B>, BackendError> {
        self.model
            .vision
            .encode(&*self.backend, patches, &mut self.vision, &mut ())
    }

    /// The cached conversation that goes on best as this prompt, with room for the answer.
    pub(crate) fn take(&mut self, keys: &[TokenKey], max_tokens: usize) -> Option<Conversation> {
        self.conversations.take(keys, keys.len() + max_tokens)
    }

    /// Keeps what was computed of a conversation for the next question.
    pub(crate) fn keep(&mut self, conversation: Conversation) {
        self.conversations.put(conversation);
    }

    /// Forgets everything cached, after an answer that broke off: its conversation may be lost with
    /// its pages, and what it left behind may be wrong.
    pub(crate) fn forget(&mut self) {
        self.conversations = Conversations::new(self.pages, PAGE_TOKENS);
        self.features = Recent::new(FEATURES_BYTES);
    }

    /// The next piece of the prompt: from what is cached to at most a step further. Returns the
    /// logits after the last token once the prompt is done. `features`: one per picture of the prompt;
    /// those that are cached to their last token may be missing.
    pub(crate) fn prefill(
        &mut self,
        prepared: &Prepared,
        features: &[Option<Arc<Features<B>>>],
        keys: &[TokenKey],
        conversation: &mut Conversation,
    ) -> Result<Option<Vec<f32>>, BackendError> {
        let from = conversation.keys.len();
        let end = keys.len().min(from + STEP_TOKENS);
        let placements: Vec<_> = prepared
            .prompt
            .pictures
            .iter()
            .zip(features)
            .filter_map(|(span, features)| {
                let (start, stop) = (span.start.max(from), (span.start + span.tokens).min(end));
                (start < stop).then(|| PicturePlacement {
                    features: features.as_ref().expect("read, as it is not all cached"),
                    rows: start - from..stop - from,
                    first_token: start - span.start,
                })
            })
            .collect();
        let ids = &prepared.prompt.ids[from..end];
        let positions = &prepared.positions.ids[from..end];
        let last = end == keys.len();
        let logits = self.forward(conversation, from, ids, positions, &placements, last)?;
        conversation.keys.extend_from_slice(&keys[from..end]);
        Ok(last.then_some(logits))
    }

    /// One generated token; returns the logits after it.
    pub(crate) fn decode(
        &mut self,
        id: u32,
        position: u32,
        conversation: &mut Conversation,
    ) -> Result<Vec<f32>, BackendError> {
        let from = conversation.keys.len();
        let logits = self.forward(conversation, from, &[id], &[[position; 3]], &[], true)?;
        conversation.keys.push(TokenKey::Text(id));
        Ok(logits)
    }

    fn forward(
        &mut self,
        conversation: &Conversation,
        context: usize,
        ids: &[u32],
        positions: &[[u32; 3]],
        pictures: &[PicturePlacement<'_, B>],
        wanted: bool,
    ) -> Result<Vec<f32>, BackendError> {
        let pages = conversation.pages.clone();
        let sequences = [Sequence {
            rows: 0..ids.len(),
            context,
            pages,
        }];
        let last = [ids.len() as u32 - 1];
        let logits = if wanted { &last[..] } else { &[] };
        let rows = TextRows {
            ids,
            positions,
            sequences: &sequences,
            pictures,
            logits,
        };
        let Self {
            backend,
            model,
            cache,
            text,
            ..
        } = self;
        model.text.forward(&**backend, &rows, cache, text, &mut ())
    }
}
