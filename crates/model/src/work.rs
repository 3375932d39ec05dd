//! How much arithmetic a question is: operations of each stage, for comparing a measured time with what the
//! machine can do. A multiplication and an addition count as two; norms and activations are left out.

use crate::config::Config;

/// Operations of reading one picture of so many patches.
pub fn vision_operations(config: &Config, patches: usize) -> f64 {
    let vision = &config.vision;
    let (hidden, inner) = (vision.hidden_size as f64, vision.intermediate_size as f64);
    let rows = patches as f64;
    let block =
        2.0 * rows * (4.0 * hidden * hidden + 2.0 * hidden * inner) + 4.0 * rows * rows * hidden;
    let fold = (vision.spatial_merge_size * vision.spatial_merge_size) as f64;
    let wide = hidden * fold;
    let merger = 2.0 * rows / fold * wide * (wide + vision.out_hidden_size as f64);
    let mergers = 1.0 + vision.deepstack_visual_indexes.len() as f64;
    2.0 * rows * vision.patch_values() as f64 * hidden
        + vision.depth as f64 * block
        + mergers * merger
}

/// Operations of computing `tokens` tokens of a prompt, of which `cached` are computed already, and one row of
/// logits.
pub fn prompt_operations(config: &Config, tokens: usize, cached: usize) -> f64 {
    let text = &config.text;
    let hidden = text.hidden_size as f64;
    let (query, key) = (
        (text.num_attention_heads * text.head_dim) as f64,
        text.key_value_size() as f64,
    );
    let rows = tokens.saturating_sub(cached) as f64;
    let products = hidden * (2.0 * query + 2.0 * key + 3.0 * text.intermediate_size as f64);
    // Row r of those computed sees the cached ones and r + 1 of its own.
    let pairs = rows * cached as f64 + rows * (rows + 1.0) / 2.0;
    let layer = 2.0 * rows * products + 4.0 * pairs * query;
    text.num_hidden_layers as f64 * layer + 2.0 * hidden * text.vocab_size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1024x768 with the 4B model: 2.96 and 6.06 times 10^12, as counted by hand from the shapes.
    #[test]
    fn a_picture_and_its_prompt_are_nine_trillion_operations() {
        let config = Config::qwen3_vl_4b();
        let vision = vision_operations(&config, 3072) / 1e12;
        let prompt = prompt_operations(&config, 796, 0) / 1e12;
        assert!((vision - 2.96).abs() < 0.05, "{vision}");
        assert!((prompt - 6.0).abs() < 0.1, "{prompt}");
    }

    #[test]
    fn what_is_cached_is_not_computed() {
        let config = Config::qwen3_vl_4b();
        let all = prompt_operations(&config, 800, 0);
        let parts = prompt_operations(&config, 400, 0) + prompt_operations(&config, 800, 400);
        let head = 2.0 * (config.text.hidden_size * config.text.vocab_size) as f64;
        assert!((parts - head - all).abs() < all * 1e-3);
    }
}
