//! The vision tower: patches of one picture to its tokens, and the deepstack features that the first
//! decoder layers receive.
//!
//! A picture may be read in pieces, a few blocks at a time, so that a large one need not hold up anything else.
//! Patches come in merge-block order (2x2 neighbours side by side). The tower knows no file format and
//! no prompt.

mod places;

use ops::backend::{Backend, BackendError};
use ops::step::{VisionStep, upload_angles};
use ops::vision::{Merger, VisionAttention, VisionMlp, VisionScratch};

use crate::config::VisionConfig;
use crate::loader::Loader;
use crate::observe::{Observer, Stage};
use crate::picture::{Grid, Patches};
use crate::rope::vision_angles;
use crate::weights::Weights;

pub use places::{PositionPlaces, patch_coordinates, position_places};

/// The tower's weights on a device.
pub struct VisionTower<B: Backend> {
    config: VisionConfig,
    patch_embed: B::Linear,
    position_table: B::Parameter,
    blocks: Vec<(VisionAttention<B>, VisionMlp<B>)>,
    merger: Merger<B>,
    deepstack: Vec<Merger<B>>,
}

/// What the tower makes of a picture.
pub struct Features<B: Backend> {
    /// Picture tokens, [tokens, text hidden].
    pub merged: B::Tensor,
    /// One per deepstack index, [tokens, text hidden], for decoder layers 0, 1, 2, ...
    pub deepstack: Vec<B::Tensor>,
    /// Picture tokens.
    pub tokens: usize,
}

/// A picture on its way through the tower. It owns its stream, so that others may be on theirs.
pub struct Encoding<B: Backend> {
    step: VisionStep<B>,
    stream: B::Tensor,
    deepstack: Vec<B::Tensor>,
    tokens: usize,
    next_block: usize,
}

/// Room for the tower's activations. Made for some number of patches; a larger picture makes it grow once.
pub struct VisionWorkspace<B: Backend> {
    patches: B::Tensor,
    scratch: VisionScratch<B>,
    most_patches: usize,
}

impl<B: Backend> VisionWorkspace<B> {
    /// A workspace for pictures of up to `most_patches` patches.
    pub fn new(
        backend: &B,
        config: &VisionConfig,
        most_patches: usize,
    ) -> Result<Self, BackendError> {
        Ok(Self {
            patches: backend.tensor(most_patches, config.patch_values())?,
            scratch: VisionScratch::new(
                backend,
                most_patches,
                config.hidden_size,
                config.intermediate_size,
            )?,
            most_patches,
        })
    }
}

impl<B: Backend> VisionTower<B> {
    /// Takes the tower's weights. `loaded` is told of each weight taken.
    pub fn load(
        backend: &B,
        config: &VisionConfig,
        weights: &dyn Weights,
        loaded: &mut dyn FnMut(),
    ) -> Result<Self, BackendError> {
        let mut loader = Loader {
            backend,
            weights,
            loaded,
        };
        let patch_embed = patch_embed(&mut loader, config)?;
        let table = [config.num_position_embeddings, config.hidden_size];
        let table = loader.parameter("model.visual.pos_embed.weight", &table)?;
        let blocks = (0..config.depth)
            .map(|index| block(&mut loader, config, index))
            .collect::<Result<_, _>>()?;
        let main = merger(&mut loader, "model.visual.merger", config, false)?;
        let deepstack = (0..config.deepstack_visual_indexes.len())
            .map(|k| {
                let name = format!("model.visual.deepstack_merger_list.{k}");
                merger(&mut loader, &name, config, true)
            })
            .collect::<Result<_, _>>()?;
        let config = config.clone();
        Ok(Self {
            config,
            patch_embed,
            position_table: table,
            blocks,
            merger: main,
            deepstack,
        })
    }

    /// Runs the tower over one picture.
    pub fn encode(
        &self,
        backend: &B,
        picture: &Patches,
        workspace: &mut VisionWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) -> Result<Features<B>, BackendError> {
        let mut encoding = self.start(backend, picture, workspace, observer)?;
        self.advance(backend, &mut encoding, usize::MAX, workspace, observer)?;
        self.finish(backend, encoding, workspace, observer)
    }

    /// Begins to read a picture: patches become the stream. The workspace grows for a larger picture
    /// than it was made for.
    pub fn start(
        &self,
        backend: &B,
        picture: &Patches,
        workspace: &mut VisionWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) -> Result<Encoding<B>, BackendError> {
        let (grid, rows) = (picture.grid, picture.grid.patches());
        if rows > workspace.most_patches {
            *workspace = VisionWorkspace::new(backend, &self.config, rows)?;
        }
        let step = self.step(backend, grid)?;
        let mut stream = backend.tensor(rows, self.config.hidden_size)?;
        let patches = &mut workspace.patches;
        backend.shape(patches, rows, self.config.patch_values());
        backend.upload(patches, &picture.values);
        backend.matmul(patches, &self.patch_embed, &mut stream);
        observer.observe(backend, Stage::VisionPatchEmbed, &stream);
        backend.add_interpolated(
            &mut stream,
            &self.position_table,
            &step.position_indices,
            &step.position_weights,
        );
        observer.observe(backend, Stage::VisionBlockIn, &stream);
        Ok(Encoding {
            step,
            stream,
            deepstack: Vec::with_capacity(self.deepstack.len()),
            tokens: grid.tokens(self.config.spatial_merge_size),
            next_block: 0,
        })
    }

    /// Takes a picture through up to `blocks` more blocks; true once it is through all of them.
    pub fn advance(
        &self,
        backend: &B,
        encoding: &mut Encoding<B>,
        blocks: usize,
        workspace: &mut VisionWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) -> Result<bool, BackendError> {
        let Encoding {
            step,
            stream,
            deepstack,
            tokens,
            next_block,
        } = encoding;
        let scratch = &mut workspace.scratch;
        for (attention, mlp) in self.blocks.iter().skip(*next_block).take(blocks) {
            let index = *next_block;
            backend.vision_attention(attention, step, scratch, stream);
            backend.vision_mlp(mlp, scratch, stream);
            observer.observe(backend, Stage::VisionBlockOut(index), stream);
            let taps = &self.config.deepstack_visual_indexes;
            if let Some(k) = taps.iter().position(|&tap| tap == index) {
                let mut out = backend.tensor(*tokens, self.config.out_hidden_size)?;
                backend.merge(&self.deepstack[k], stream, scratch, &mut out);
                observer.observe(backend, Stage::VisionDeepstack(k), &out);
                deepstack.push(out);
            }
            *next_block += 1;
        }
        Ok(*next_block == self.blocks.len())
    }

    /// What the tower made of a picture that is through all blocks.
    pub fn finish(
        &self,
        backend: &B,
        encoding: Encoding<B>,
        workspace: &mut VisionWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) -> Result<Features<B>, BackendError> {
        assert_eq!(
            encoding.next_block,
            self.blocks.len(),
            "a picture is finished after its last block"
        );
        let tokens = encoding.tokens;
        let mut merged = backend.tensor(tokens, self.config.out_hidden_size)?;
        let scratch = &mut workspace.scratch;
        backend.merge(&self.merger, &encoding.stream, scratch, &mut merged);
        observer.observe(backend, Stage::VisionMerger, &merged);
        Ok(Features {
            merged,
            deepstack: encoding.deepstack,
            tokens,
        })
    }

    /// The description of a step over one picture.
    pub fn step(&self, backend: &B, grid: Grid) -> Result<VisionStep<B>, BackendError> {
        let rows = grid.patches();
        let angles = vision_angles(&self.config, grid);
        let (cos, sin) = upload_angles(backend, angles.half, &angles.cos, &angles.sin)?;
        let places = position_places(&self.config, grid);
        let mut position_weights = backend.tensor(rows, 4)?;
        backend.upload(&mut position_weights, places.weights.as_flattened());
        let end = u32::try_from(rows).expect("the config bounds the patches of a picture");
        Ok(VisionStep {
            rows,
            cos,
            sin,
            spans: backend.indices(&[0, end])?,
            position_indices: backend.indices(places.indices.as_flattened())?,
            position_weights,
        })
    }
}

/// The convolution over a patch is one matrix product: its kernel is exactly as large as a patch.
fn patch_embed<B: Backend>(
    loader: &mut Loader<'_, B>,
    config: &VisionConfig,
) -> Result<B::Linear, BackendError> {
    let kernel = [
        config.hidden_size,
        config.in_channels,
        config.temporal_patch_size,
        config.patch_size,
        config.patch_size,
    ];
    let flat = [config.hidden_size, config.patch_values()];
    loader.vision_linear("model.visual.patch_embed.proj", &kernel, flat)
}

fn block<B: Backend>(
    loader: &mut Loader<'_, B>,
    config: &VisionConfig,
    index: usize,
) -> Result<(VisionAttention<B>, VisionMlp<B>), BackendError> {
    let name = format!("model.visual.blocks.{index}");
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let mut linear = |name: String, outputs, inputs| {
        loader.vision_linear(&name, &[outputs, inputs], [outputs, inputs])
    };
    let output = linear(format!("{name}.attn.proj"), hidden, hidden)?;
    let up = linear(format!("{name}.mlp.linear_fc1"), inner, hidden)?;
    let down = linear(format!("{name}.mlp.linear_fc2"), hidden, inner)?;
    let [query, key, value] = loader.vision_parts(&format!("{name}.attn.qkv"), [hidden, hidden])?;
    let attention = VisionAttention {
        norm: loader.layer_norm(&format!("{name}.norm1"), hidden)?,
        query,
        key,
        value,
        output,
        heads: config.num_heads,
    };
    let mlp = VisionMlp {
        norm: loader.layer_norm(&format!("{name}.norm2"), hidden)?,
        up,
        down,
    };
    Ok((attention, mlp))
}

fn merger<B: Backend>(
    loader: &mut Loader<'_, B>,
    name: &str,
    config: &VisionConfig,
    norm_after_fold: bool,
) -> Result<Merger<B>, BackendError> {
    let fold = config.spatial_merge_size * config.spatial_merge_size;
    let wide = config.hidden_size * fold;
    let normed = if norm_after_fold {
        wide
    } else {
        config.hidden_size
    };
    let mut linear = |part: &str, outputs| {
        loader.vision_linear(&format!("{name}.{part}"), &[outputs, wide], [outputs, wide])
    };
    let (up, down) = (
        linear("linear_fc1", wide)?,
        linear("linear_fc2", config.out_hidden_size)?,
    );
    Ok(Merger {
        norm: loader.layer_norm(&format!("{name}.norm"), normed)?,
        norm_after_fold,
        up,
        down,
        fold,
    })
}
