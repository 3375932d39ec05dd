//! The whole model: both towers with one config. Dense Qwen3-VL of any size; sizes come from the config alone.

use ops::backend::{Backend, BackendError};

use crate::config::Config;
use crate::text::TextTower;
use crate::vision::VisionTower;
use crate::weights::Weights;

/// Qwen3-VL on a device.
pub struct Qwen3Vl<B: Backend> {
    /// What it is made of.
    pub config: Config,
    /// Pictures to features.
    pub vision: VisionTower<B>,
    /// Tokens and features to logits.
    pub text: TextTower<B>,
}

impl<B: Backend> Qwen3Vl<B> {
    /// Takes all weights; `progress` is told the share loaded, from 0 to 1.
    pub fn load(
        backend: &B,
        config: Config,
        weights: &dyn Weights,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, BackendError> {
        let total = 16 * config.vision.depth + 11 * config.text.num_hidden_layers;
        let mut count = 0;
        let mut loaded = || {
            count += 1;
            progress((count as f32 / total as f32).min(1.0));
        };
        let vision = VisionTower::load(backend, &config.vision, weights, &mut loaded)?;
        let tied = config.tie_word_embeddings;
        let text = TextTower::load(backend, &config.text, tied, weights, &mut loaded)?;
        Ok(Self {
            config,
            vision,
            text,
        })
    }
}
