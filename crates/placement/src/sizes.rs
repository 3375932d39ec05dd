//! How many bytes a model takes where it lies, part by part, known before a weight is touched.
//!
//! Weights by the shapes of the config and the bits of a precision, rows padded as devices pad them; activations as
//! the engine's workspaces are made. Everything is an upper bound: a test runs a model and compares.

use model::config::{Config, TextConfig, VisionConfig};
use ops::Sensitivity;

/// How weights are held, on whatever device.
pub use cuda::Precision;

/// Larger buffers are whole multiples of this on a GPU.
const DRIVER_BLOCK: u64 = 2 << 20;
/// Buffers below share such blocks.
const SMALL: u64 = 1 << 20;
const FLOAT: u64 = 4;

/// What the engine computes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Most rows of a step.
    pub rows: usize,
    /// Of them, rows whose logits are wanted.
    pub logits: usize,
    /// Tokens of a page of keys and values.
    pub page_tokens: usize,
    /// Most patches of a picture.
    pub patches: usize,
}

/// A model's sizes in one precision.
#[derive(Debug, Clone, Copy)]
pub struct Sizes<'a> {
    /// The model.
    pub config: &'a Config,
    /// How it is held.
    pub precision: Precision,
    /// Weights are stored in float32, not in 16 bits.
    pub stored_wide: bool,
    /// What is computed at once.
    pub steps: Steps,
}

/// What the processor calls it.
pub fn cpu_precision(precision: Precision) -> cpu::Precision {
    match precision {
        Precision::F32 => cpu::Precision::F32,
        Precision::Bf16 => cpu::Precision::Bf16,
        Precision::Q8 => cpu::Precision::Q8,
        Precision::Q4 => cpu::Precision::Q4,
    }
}

/// What a buffer that stays takes of a GPU.
fn taken(bytes: u64) -> u64 {
    match bytes {
        ..SMALL => bytes.next_multiple_of(512),
        _ => bytes.next_multiple_of(DRIVER_BLOCK),
    }
}

/// What a buffer for activations takes.
fn room(values: &[usize]) -> u64 {
    let values = values.iter().map(|&value| value as u64).product::<u64>();
    taken(cuda::rounded(values * FLOAT))
}

impl Sizes<'_> {
    fn text(&self) -> &TextConfig {
        &self.config.text
    }

    /// Inputs are padded to whole groups; the processor's panels are no larger.
    fn group(&self) -> u64 {
        match self.precision {
            Precision::F32 | Precision::Bf16 => 32,
            Precision::Q8 | Precision::Q4 => 256,
        }
    }

    fn linear(&self, outputs: usize, inputs: usize, sensitivity: Sensitivity, bias: bool) -> u64 {
        let (outputs, inputs) = (outputs as u64, inputs as u64);
        let padded = inputs.next_multiple_of(self.group());
        let values = outputs * padded;
        let coarse = self.precision == Precision::Q4 && sensitivity == Sensitivity::Ordinary;
        // Values, scales and what scales them are buffers of their own.
        let parts = match self.precision {
            Precision::F32 | Precision::Bf16 if self.stored_wide => [4 * values, 0, 0],
            Precision::F32 | Precision::Bf16 => [2 * values, 0, 0],
            Precision::Q4 if coarse => [values / 2, values / 16, values / 64],
            Precision::Q8 | Precision::Q4 => [values, values / 64, 0],
        };
        let bytes: u64 = parts.into_iter().map(taken).sum();
        bytes + if bias { taken(outputs * FLOAT) } else { 0 }
    }

    /// The vision tower's weights.
    pub fn vision(&self) -> u64 {
        let vision = &self.config.vision;
        let linear = |outputs, inputs| self.linear(outputs, inputs, Sensitivity::Vision, true);
        let parameter = |values: usize| taken(values as u64 * FLOAT);
        let (hidden, inner) = (vision.hidden_size, vision.intermediate_size);
        let block = 4 * linear(hidden, hidden)
            + linear(inner, hidden)
            + linear(hidden, inner)
            + 4 * parameter(hidden);
        let wide = vision.merged_size();
        let merger =
            linear(wide, wide) + linear(vision.out_hidden_size, wide) + 2 * parameter(wide);
        linear(hidden, vision.patch_values())
            + parameter(vision.num_position_embeddings * hidden)
            + vision.depth as u64 * block
            + (1 + vision.deepstack_visual_indexes.len() as u64) * merger
    }

    /// The embedding, and the head where it is another weight.
    pub fn ends(&self) -> u64 {
        let text = self.text();
        let one = self.linear(text.vocab_size, text.hidden_size, Sensitivity::High, false);
        let count = if self.config.tie_word_embeddings {
            1
        } else {
            2
        };
        count * one + taken(text.hidden_size as u64 * FLOAT)
    }

    /// The weights of a decoder layer.
    pub fn layer(&self, index: usize) -> u64 {
        let text = self.text();
        let (hidden, inner) = (text.hidden_size, text.intermediate_size);
        let (query, key) = (text.query_size(), text.key_value_size());
        let edge = text.num_hidden_layers / 8;
        let inside = (edge..text.num_hidden_layers - edge).contains(&index);
        let down = if inside {
            Sensitivity::Ordinary
        } else {
            Sensitivity::High
        };
        let linear =
            |outputs, inputs, sensitivity| self.linear(outputs, inputs, sensitivity, false);
        let ordinary = Sensitivity::Ordinary;
        let norms = 2 * taken(hidden as u64 * FLOAT) + 2 * taken(text.head_dim as u64 * FLOAT);
        linear(query, hidden, ordinary)
            + linear(key, hidden, ordinary)
            + linear(key, hidden, Sensitivity::High)
            + linear(hidden, query, ordinary)
            + 2 * linear(inner, hidden, ordinary)
            + linear(hidden, inner, down)
            + norms
    }

    /// Keys and values of a token in one layer. In float32 they are held so.
    pub fn token(&self) -> u64 {
        let value = match self.precision {
            Precision::F32 => 4,
            _ => 2,
        };
        2 * value * self.text().key_value_size() as u64
    }

    /// Keys and values of some layers. A device has them in one piece.
    pub fn cache(&self, layers: usize, pages: usize) -> u64 {
        let tokens = pages as u64 * self.steps.page_tokens as u64;
        match layers {
            0 => 0,
            _ => taken(cuda::rounded(tokens * self.token() * layers as u64)),
        }
    }

    /// Activations of a step through layers.
    pub fn layers_step(&self) -> u64 {
        let (text, rows) = (self.text(), self.steps.rows);
        let (hidden, inner) = (text.hidden_size, text.intermediate_size);
        let (query, key) = (text.query_size(), text.key_value_size());
        let angles = 2 * room(&[rows, text.head_dim / 2]);
        // Stream, normed, delta; query and what was attended; key and value; gate and up.
        let widths = [(3, hidden), (2, query), (2, key), (2, inner)];
        let scratch = widths.map(|(count, width)| count * room(&[rows, width]));
        scratch.iter().sum::<u64>() + angles
    }

    /// Activations around the layers: embedded rows, logits.
    pub fn ends_step(&self) -> u64 {
        let (text, logits) = (self.text(), self.steps.logits);
        room(&[self.steps.rows, text.hidden_size])
            + 2 * room(&[logits, text.hidden_size])
            + room(&[logits, text.vocab_size])
            + room(&[logits, ops::likeliest::columns(text.vocab_size)])
    }

    /// Activations of the largest picture, with what it becomes.
    pub fn vision_step(&self) -> u64 {
        let (vision, patches) = (&self.config.vision, self.steps.patches);
        let hidden = vision.hidden_size;
        let angles = 2 * room(&[patches, vision.head_dim() / 2]) + 2 * room(&[patches, 4]);
        // Stream; normed, query, key, value, attended, delta, folded.
        8 * room(&[patches, hidden])
            + room(&[patches, vision.intermediate_size])
            + room(&[patches, vision.patch_values()])
            + angles
            + self.features()
    }

    /// What the largest picture becomes: kept for as long as somebody asks about it.
    pub fn features(&self) -> u64 {
        let vision = &self.config.vision;
        let tokens = self.steps.patches / vision.merge_patches();
        self.feature_tensors() * room(&[tokens, vision.out_hidden_size])
    }

    fn feature_tensors(&self) -> u64 {
        let vision: &VisionConfig = &self.config.vision;
        1 + vision.deepstack_visual_indexes.len() as u64
    }

    /// All weights together.
    pub fn weights(&self) -> u64 {
        let layers = (0..self.text().num_hidden_layers).map(|index| self.layer(index));
        self.vision() + self.ends() + layers.sum::<u64>()
    }
}
