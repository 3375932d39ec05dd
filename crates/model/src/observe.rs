//! Looking inside a forward pass: the towers name what they have just computed, a test compares it.
//! In normal use the observer is `()` and nothing remains of it.

use ops::Backend;

/// Is shown intermediate values by name. The names are those of the golden files.
pub trait Observer<B: Backend> {
    /// `name` was computed. `index` counts blocks, layers or mergers where the name has a place for it.
    fn observe(&mut self, backend: &B, name: Stage, tensor: &B::Tensor);
}

/// Places a tower can be observed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named as in the golden files")]
pub enum Stage {
    VisionPatchEmbed,
    VisionBlockIn,
    VisionBlockOut(usize),
    VisionDeepstack(usize),
    VisionMerger,
    TextEmbeds,
    TextLayerOut(usize),
    TextLayerToNext(usize),
    TextFinalNorm,
}

impl<B: Backend> Observer<B> for () {
    fn observe(&mut self, _: &B, _: Stage, _: &B::Tensor) {}
}
