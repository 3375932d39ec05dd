//! The shapes of the released models, for benchmarks with random weights.
//!
//! Source: the released config.json files (4B from three independent copies, the others from one or
//! two each); that the head of the 32B is not tied is inferred, not read.

use super::{Config, TextConfig, VisionConfig};

impl Config {
    /// Qwen3-VL-2B.
    pub fn qwen3_vl_2b() -> Self {
        released(
            TextSize {
                hidden: 2048,
                intermediate: 6144,
                layers: 28,
                heads: 16,
            },
            small(),
            true,
        )
    }

    /// Qwen3-VL-4B.
    pub fn qwen3_vl_4b() -> Self {
        released(
            TextSize {
                hidden: 2560,
                intermediate: 9728,
                layers: 36,
                heads: 32,
            },
            small(),
            true,
        )
    }

    /// Qwen3-VL-8B.
    pub fn qwen3_vl_8b() -> Self {
        released(
            TextSize {
                hidden: 4096,
                intermediate: 12288,
                layers: 36,
                heads: 32,
            },
            large(),
            false,
        )
    }

    /// Qwen3-VL-32B.
    pub fn qwen3_vl_32b() -> Self {
        released(
            TextSize {
                hidden: 5120,
                intermediate: 25600,
                layers: 64,
                heads: 64,
            },
            large(),
            false,
        )
    }
}

/// What differs between the language towers.
struct TextSize {
    hidden: usize,
    intermediate: usize,
    layers: usize,
    heads: usize,
}

/// What differs between the picture towers.
struct VisionSize {
    depth: usize,
    hidden: usize,
    intermediate: usize,
    deepstack: [usize; 3],
}

fn small() -> VisionSize {
    VisionSize {
        depth: 24,
        hidden: 1024,
        intermediate: 4096,
        deepstack: [5, 11, 17],
    }
}

fn large() -> VisionSize {
    VisionSize {
        depth: 27,
        hidden: 1152,
        intermediate: 4304,
        deepstack: [8, 16, 24],
    }
}

fn released(text: TextSize, vision: VisionSize, tie_word_embeddings: bool) -> Config {
    Config {
        text: TextConfig {
            vocab_size: 151_936,
            hidden_size: text.hidden,
            intermediate_size: text.intermediate,
            num_hidden_layers: text.layers,
            num_attention_heads: text.heads,
            num_key_value_heads: 8,
            head_dim: 128,
            rms_norm_eps: 1e-6,
            rope_theta: 5e6,
            mrope_section: [24, 20, 20],
            max_position_embeddings: 262_144,
            eos_token_ids: vec![151_645],
        },
        vision: VisionConfig {
            depth: vision.depth,
            hidden_size: vision.hidden,
            intermediate_size: vision.intermediate,
            num_heads: 16,
            patch_size: 16,
            spatial_merge_size: 2,
            temporal_patch_size: 2,
            in_channels: 3,
            out_hidden_size: text.hidden,
            num_position_embeddings: 2304,
            deepstack_visual_indexes: vision.deepstack.to_vec(),
        },
        image_token_id: 151_655,
        video_token_id: 151_656,
        vision_start_token_id: 151_652,
        vision_end_token_id: 151_653,
        tie_word_embeddings,
    }
}
