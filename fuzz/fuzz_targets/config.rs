//! Any bytes as one of the settings files: refused, or the sizes can be computed with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::config::{Config, GenerationConfig, PreprocessorConfig};
use model::picture::{PictureError, Preprocessor};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(config) = Config::from_json(bytes) {
        check(&config);
    }
    if let Ok(config) = PreprocessorConfig::from_json(bytes) {
        check_sizes(&config);
    }
    if let Ok(config) = GenerationConfig::from_json(bytes) {
        assert!(config.temperature.is_none_or(|value| value >= 0.0));
        assert!(config.top_p.is_none_or(|value| value > 0.0 && value <= 1.0));
    }
});

/// What the towers rely on.
fn check(config: &Config) {
    let Config { text, vision, .. } = config;
    assert_eq!(text.group_size() * text.num_key_value_heads, text.num_attention_heads);
    assert_eq!(text.mrope_section.iter().sum::<usize>() * 2, text.head_dim);
    assert_eq!(vision.head_dim() * vision.num_heads, vision.hidden_size);
    assert_eq!(vision.head_dim() % 4, 0);
    assert_eq!(vision.grid_side().pow(2), vision.num_position_embeddings);
    assert_eq!(vision.out_hidden_size, text.hidden_size);
    assert!(vision.deepstack_visual_indexes.iter().all(|&index| index < vision.depth));
    assert!(vision.deepstack_visual_indexes.len() <= text.num_hidden_layers);
    assert!((config.image_token_id as usize) < text.vocab_size);
    assert!(config.parameters() > 0);
}

/// Every picture gets a size of whole tokens, or a refusal for being thin.
fn check_sizes(config: &PreprocessorConfig) {
    let mut vision = Config::qwen3_vl_4b().vision;
    vision.patch_size = config.patch_size;
    vision.spatial_merge_size = config.merge_size;
    let preprocessor = Preprocessor::new(config, &vision, 1280).expect("the sizes agree");
    for (width, height) in [(1, 1), (1, 200), (37, 61), (4000, 3000), (65_535, 400), (u32::MAX, 1)] {
        match preprocessor.size(width, height) {
            Ok(size) => {
                assert!(size.width > 0 && size.width.is_multiple_of(vision.token_side()));
                assert!(size.height > 0 && size.height.is_multiple_of(vision.token_side()));
            }
            Err(error) => assert!(matches!(error, PictureError::TooThin { .. }), "{error}"),
        }
    }
}
