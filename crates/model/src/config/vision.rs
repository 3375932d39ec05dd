//! The shape of the picture tower: `vision_config`.

use serde::Deserialize;

use super::field::Field;
use super::{ConfigError, FILE, TextConfig, error};

const MOST_WIDTH: u32 = 1 << 16;
const MOST_DEPTH: u32 = 512;
const MOST_HEADS: u32 = 1024;
const MOST_POSITIONS: u32 = 1 << 20;

/// Sizes of the picture tower.
#[derive(Clone, Debug, PartialEq)]
pub struct VisionConfig {
    /// Blocks.
    pub depth: usize,
    /// Width of the stream.
    pub hidden_size: usize,
    /// Width inside a block's MLP.
    pub intermediate_size: usize,
    /// Attention heads; divides `hidden_size`.
    pub num_heads: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Side, in patches, of the square that becomes one token.
    pub spatial_merge_size: usize,
    /// Frames in a patch; a still picture is repeated.
    pub temporal_patch_size: usize,
    /// Colours; always 3.
    pub in_channels: usize,
    /// Width of what the mergers give; the width of the language tower.
    pub out_hidden_size: usize,
    /// Rows of the learned position table, a square number.
    pub num_position_embeddings: usize,
    /// Blocks whose outputs also go to the first layers of the language tower, in order.
    pub deepstack_visual_indexes: Vec<usize>,
}

impl VisionConfig {
    /// Width of one head; divisible by four.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads
    }

    /// Numbers in one patch: colours x frames x side x side (1536 in all released models).
    pub fn patch_values(&self) -> usize {
        self.in_channels * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// Patches that become one token.
    pub fn merge_patches(&self) -> usize {
        self.spatial_merge_size * self.spatial_merge_size
    }

    /// Width of a merger's input: the patches of one token side by side.
    pub fn merged_size(&self) -> usize {
        self.hidden_size * self.merge_patches()
    }

    /// Side, in pixels, of the square that becomes one token.
    pub fn token_side(&self) -> usize {
        self.patch_size * self.spatial_merge_size
    }

    /// Side of the learned position table (48 in all released models).
    pub fn grid_side(&self) -> usize {
        self.num_position_embeddings.isqrt()
    }

    /// Number of weights.
    pub fn parameters(&self) -> u64 {
        let linear = |rows: usize, columns: usize| (rows as u64 + 1) * columns as u64;
        let hidden = self.hidden_size;
        let norm = |width: usize| 2 * width as u64;
        let block = 2 * norm(hidden)
            + linear(hidden, 3 * hidden)
            + linear(hidden, hidden)
            + linear(hidden, self.intermediate_size)
            + linear(self.intermediate_size, hidden);
        let merged = self.merged_size();
        let merger = linear(merged, merged) + linear(merged, self.out_hidden_size);
        let deepstack = self.deepstack_visual_indexes.len() as u64 * (norm(merged) + merger);
        linear(self.patch_values(), hidden)
            + self.num_position_embeddings as u64 * hidden as u64
            + self.depth as u64 * block
            + norm(hidden)
            + merger
            + deepstack
    }
}

/// `vision_config` as it is written.
#[derive(Deserialize)]
pub(super) struct Written {
    depth: Option<u64>,
    hidden_size: Option<u64>,
    intermediate_size: Option<u64>,
    num_heads: Option<u64>,
    patch_size: Option<u64>,
    spatial_merge_size: Option<u64>,
    temporal_patch_size: Option<u64>,
    in_channels: Option<u64>,
    out_hidden_size: Option<u64>,
    num_position_embeddings: Option<u64>,
    deepstack_visual_indexes: Option<Vec<u64>>,
    hidden_act: Option<String>,
}

impl Written {
    pub(super) fn check(self, text: &TextConfig) -> Result<VisionConfig, ConfigError> {
        let size = |field, value, most| {
            Field {
                file: FILE,
                field,
                value,
            }
            .size(most)
        };
        let depth = size("vision_config.depth", self.depth, MOST_DEPTH)?;
        let vision = VisionConfig {
            depth,
            hidden_size: size("vision_config.hidden_size", self.hidden_size, MOST_WIDTH)?,
            intermediate_size: size(
                "vision_config.intermediate_size",
                self.intermediate_size,
                MOST_WIDTH,
            )?,
            num_heads: size("vision_config.num_heads", self.num_heads, MOST_HEADS)?,
            patch_size: size("patch_size", self.patch_size, 64)?,
            spatial_merge_size: size("spatial_merge_size", self.spatial_merge_size, 8)?,
            temporal_patch_size: size("temporal_patch_size", self.temporal_patch_size, 8)?,
            in_channels: size("in_channels", self.in_channels, 3)?,
            out_hidden_size: size("out_hidden_size", self.out_hidden_size, u32::MAX)?,
            num_position_embeddings: size(
                "num_position_embeddings",
                self.num_position_embeddings,
                MOST_POSITIONS,
            )?,
            deepstack_visual_indexes: deepstack(self.deepstack_visual_indexes, depth, text)?,
        };
        vision.check(text)?;
        if let Some(act) = self.hidden_act.filter(|act| act != "gelu_pytorch_tanh") {
            return Err(ConfigError::Invalid {
                file: FILE,
                field: "vision_config.hidden_act",
                value: error::shown(&act),
                want: "only gelu_pytorch_tanh is implemented".into(),
            });
        }
        Ok(vision)
    }
}

impl VisionConfig {
    /// Sizes that must go together.
    fn check(&self, text: &TextConfig) -> Result<(), ConfigError> {
        let invalid = |field, value: usize, want: String| {
            Err(ConfigError::Invalid {
                file: FILE,
                field,
                value: value.to_string(),
                want,
            })
        };
        if !self.hidden_size.is_multiple_of(self.num_heads) || !self.head_dim().is_multiple_of(4) {
            let want = format!(
                "it must divide hidden_size, {}, into heads whose width is a multiple of 4",
                self.hidden_size
            );
            return invalid("vision_config.num_heads", self.num_heads, want);
        }
        if self.in_channels != 3 {
            return invalid(
                "in_channels",
                self.in_channels,
                "pictures have 3 colours".into(),
            );
        }
        if self.grid_side().pow(2) != self.num_position_embeddings {
            let want = "it must be a square number".into();
            return invalid(
                "num_position_embeddings",
                self.num_position_embeddings,
                want,
            );
        }
        if self.out_hidden_size != text.hidden_size {
            let want = format!(
                "it must equal text_config.hidden_size, {}",
                text.hidden_size
            );
            return invalid("out_hidden_size", self.out_hidden_size, want);
        }
        Ok(())
    }
}

fn deepstack(
    written: Option<Vec<u64>>,
    depth: usize,
    text: &TextConfig,
) -> Result<Vec<usize>, ConfigError> {
    const FIELD: &str = "deepstack_visual_indexes";
    let written = written.ok_or(ConfigError::Missing {
        file: FILE,
        field: FIELD,
    })?;
    let rising = written.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = written.last().is_none_or(|&last| last < depth as u64);
    if !rising || !inside || written.len() > text.num_hidden_layers {
        return Err(ConfigError::Invalid {
            file: FILE,
            field: FIELD,
            value: format!("{:?}", &written[..written.len().min(16)]),
            want: format!(
                "it must rise, stay below depth, {depth}, and have at most num_hidden_layers, {}, \
                 entries",
                text.num_hidden_layers
            ),
        });
    }
    Ok(written.into_iter().map(|index| index as usize).collect())
}
