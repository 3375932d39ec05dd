//! The released form, the transformers-5 form, and files that must be refused.

use super::*;

/// The fields of the released 4B config.json.
fn four_b() -> serde_json::Value {
    serde_json::json!({
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "image_token_id": 151655,
        "model_type": "qwen3_vl",
        "text_config": {
            "attention_bias": false,
            "attention_dropout": 0.0,
            "bos_token_id": 151643,
            "dtype": "bfloat16",
            "eos_token_id": 151645,
            "head_dim": 128,
            "hidden_act": "silu",
            "hidden_size": 2560,
            "initializer_range": 0.02,
            "intermediate_size": 9728,
            "max_position_embeddings": 262144,
            "model_type": "qwen3_vl_text",
            "num_attention_heads": 32,
            "num_hidden_layers": 36,
            "num_key_value_heads": 8,
            "rms_norm_eps": 1e-06,
            "rope_scaling": {
                "mrope_interleaved": true,
                "mrope_section": [24, 20, 20],
                "rope_type": "default"
            },
            "rope_theta": 5000000,
            "tie_word_embeddings": true,
            "use_cache": true,
            "vocab_size": 151936
        },
        "tie_word_embeddings": true,
        "video_token_id": 151656,
        "vision_config": {
            "deepstack_visual_indexes": [5, 11, 17],
            "depth": 24,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": 1024,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": 4096,
            "model_type": "qwen3_vl",
            "num_heads": 16,
            "num_position_embeddings": 2304,
            "out_hidden_size": 2560,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2
        },
        "vision_end_token_id": 151653,
        "vision_start_token_id": 151652
    })
}

fn parse(value: &serde_json::Value) -> Result<Config, ConfigError> {
    Config::from_json(value.to_string().as_bytes())
}

/// The 4B file with one field replaced; `null` is the same as leaving it out.
fn changed(pointer: &str, value: serde_json::Value) -> Result<Config, ConfigError> {
    let mut json = four_b();
    *json.pointer_mut(pointer).unwrap() = value;
    parse(&json)
}

#[test]
fn the_released_form_gives_the_4b() {
    assert_eq!(parse(&four_b()).unwrap(), Config::qwen3_vl_4b());
}

#[test]
fn the_transformers_5_form_gives_the_same() {
    let mut json = four_b();
    let text = json["text_config"].as_object_mut().unwrap();
    let mut rope = text.remove("rope_scaling").unwrap();
    rope["rope_theta"] = text.remove("rope_theta").unwrap();
    text.insert("rope_parameters".into(), rope);
    text.remove("tie_word_embeddings");
    assert_eq!(parse(&json).unwrap(), Config::qwen3_vl_4b());
}

#[test]
fn the_embedded_demo_model_is_a_qwen3_vl() {
    let json = include_bytes!("../../../../demo/checkpoint/config.json");
    Config::from_json(json).unwrap();
}

/// A file of one of the small golden checkpoints.
fn golden(checkpoint: &str, file: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../golden/checkpoints/{checkpoint}/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(path).unwrap()
}

#[test]
fn the_golden_checkpoints_are_read_as_they_were_made() {
    let tiny_a = Config::from_json(&golden("tiny-a", "config.json")).unwrap();
    assert!(tiny_a.tie_word_embeddings);
    assert_eq!(tiny_a.text.mrope_section, [6, 5, 5]);
    assert_eq!(tiny_a.text.rope_theta, 5e6);
    assert_eq!(tiny_a.text.eos_token_ids, [472]);
    assert_eq!(tiny_a.vision.grid_side(), 8);
    assert_eq!(tiny_a.vision.deepstack_visual_indexes, [0, 1, 2]);

    let tiny_b = Config::from_json(&golden("tiny-b", "config.json")).unwrap();
    assert!(!tiny_b.tie_word_embeddings);
    assert_eq!((tiny_b.text.head_dim, tiny_b.text.hidden_size), (128, 80));
    assert_eq!(
        (tiny_b.text.query_size(), tiny_b.text.group_size()),
        (768, 3)
    );
    assert_eq!(tiny_b.text.rope_theta, 1e6);
    assert_eq!(
        (tiny_b.vision.head_dim(), tiny_b.vision.grid_side()),
        (24, 48)
    );
    assert_eq!(tiny_b.image_token_id, 582);
}

#[test]
fn the_golden_checkpoints_hold_as_many_weights_as_their_shapes_imply() {
    for checkpoint in ["tiny-a", "tiny-b"] {
        let dir = format!(
            "{}/../../golden/checkpoints/{checkpoint}",
            env!("CARGO_MANIFEST_DIR")
        );
        let checkpoint = Checkpoint::open(dir.as_ref()).unwrap();
        let config = Config::of(&checkpoint).unwrap();
        // Two bytes per weight.
        assert_eq!(2 * config.parameters(), checkpoint.total_bytes());
        assert_eq!(
            GenerationConfig::of(&checkpoint)
                .unwrap()
                .eos_token_ids
                .len(),
            2
        );
        assert_ne!(
            PreprocessorConfig::of(&checkpoint).unwrap(),
            PreprocessorConfig::released()
        );
    }
}

#[test]
fn parameters_of_the_released_shapes_are_those_of_the_released_models() {
    for (config, billions) in [
        (Config::qwen3_vl_2b(), 2.13),
        (Config::qwen3_vl_4b(), 4.44),
        (Config::qwen3_vl_8b(), 8.77),
        (Config::qwen3_vl_32b(), 33.36),
    ] {
        let parameters = config.parameters() as f64 / 1e9;
        assert!(
            (parameters - billions).abs() < 0.005,
            "{parameters} against {billions}"
        );
    }
}

#[test]
fn sizes_derived_from_the_4b_are_right() {
    let Config { text, vision, .. } = Config::qwen3_vl_4b();
    assert_eq!(
        (text.query_size(), text.key_value_size(), text.group_size()),
        (4096, 1024, 4)
    );
    assert_eq!((vision.head_dim(), vision.patch_values()), (64, 1536));
    assert_eq!(
        (
            vision.merged_size(),
            vision.token_side(),
            vision.grid_side()
        ),
        (4096, 32, 48)
    );
}

#[test]
fn other_architectures_are_refused_by_name() {
    for other in ["qwen2_vl", "qwen2_5_vl", "qwen3_vl_moe", "llama", "qwen3"] {
        // Real files of other models have none of our fields.
        let json = serde_json::json!({ "model_type": other, "vision_config": 3 });
        let text = parse(&json).unwrap_err().to_string();
        assert!(text.contains(other) && text.contains("Qwen3-VL"), "{text}");
    }
    let text = changed(
        "/architectures",
        serde_json::json!(["Qwen3VLMoeForConditionalGeneration"]),
    )
    .unwrap_err()
    .to_string();
    assert!(
        text.contains("Qwen3VLMoeForConditionalGeneration"),
        "{text}"
    );
    let none = parse(&serde_json::json!({})).unwrap_err();
    assert!(
        matches!(
            none,
            ConfigError::Missing {
                field: "model_type",
                ..
            }
        ),
        "{none}"
    );
}

#[test]
fn experts_and_quantised_releases_are_refused() {
    let mut json = four_b();
    json["text_config"]["num_experts"] = 128.into();
    assert!(matches!(
        parse(&json),
        Err(ConfigError::Architecture { .. })
    ));

    let mut json = four_b();
    json["quantization_config"] = serde_json::json!({"quant_method": "fp8"});
    let text = parse(&json).unwrap_err().to_string();
    assert!(text.contains("fp8") && text.contains("bf16"), "{text}");
}

#[test]
fn every_missing_field_is_named() {
    for pointer in [
        "/image_token_id",
        "/vision_end_token_id",
        "/text_config",
        "/vision_config",
        "/text_config/hidden_size",
        "/text_config/head_dim",
        "/text_config/rope_theta",
        "/text_config/rope_scaling/mrope_section",
        "/text_config/rms_norm_eps",
        "/vision_config/depth",
        "/vision_config/deepstack_visual_indexes",
    ] {
        let error = changed(pointer, serde_json::Value::Null).unwrap_err();
        let name = pointer.rsplit('/').next().unwrap();
        let text = error.to_string();
        assert!(
            matches!(error, ConfigError::Missing { .. }) && text.contains(name),
            "{text}"
        );
    }
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    let many: Vec<u64> = (0..37).collect();
    for (pointer, value) in [
        ("/text_config/num_key_value_heads", serde_json::json!(5)),
        ("/text_config/head_dim", serde_json::json!(127)),
        ("/text_config/hidden_size", serde_json::json!(0)),
        ("/text_config/hidden_size", serde_json::json!(2561)),
        ("/text_config/vocab_size", serde_json::json!(151655)),
        ("/text_config/vocab_size", serde_json::json!(u64::MAX)),
        ("/text_config/rms_norm_eps", serde_json::json!(0.0)),
        ("/text_config/rope_theta", serde_json::json!(1.0)),
        ("/text_config/hidden_act", serde_json::json!("gelu")),
        ("/text_config/attention_bias", serde_json::json!(true)),
        (
            "/text_config/eos_token_id",
            serde_json::json!([151645, 151936]),
        ),
        (
            "/text_config/rope_scaling/mrope_section",
            serde_json::json!([24, 20, 21]),
        ),
        (
            "/text_config/rope_scaling/mrope_section",
            serde_json::json!([24, 20]),
        ),
        (
            "/text_config/rope_scaling/mrope_section",
            serde_json::json!([0, 40, 24]),
        ),
        (
            "/text_config/rope_scaling/mrope_section",
            serde_json::json!([u64::MAX, 1, 64]),
        ),
        (
            "/text_config/rope_scaling/rope_type",
            serde_json::json!("yarn"),
        ),
        (
            "/text_config/rope_scaling/mrope_interleaved",
            serde_json::json!(false),
        ),
        ("/vision_config/num_heads", serde_json::json!(17)),
        ("/vision_config/num_heads", serde_json::json!(512)),
        ("/vision_config/in_channels", serde_json::json!(1)),
        (
            "/vision_config/num_position_embeddings",
            serde_json::json!(2305),
        ),
        ("/vision_config/out_hidden_size", serde_json::json!(2048)),
        ("/vision_config/patch_size", serde_json::json!(65)),
        ("/vision_config/hidden_act", serde_json::json!("gelu")),
        (
            "/vision_config/deepstack_visual_indexes",
            serde_json::json!([5, 5, 17]),
        ),
        (
            "/vision_config/deepstack_visual_indexes",
            serde_json::json!([5, 11, 24]),
        ),
        (
            "/vision_config/deepstack_visual_indexes",
            serde_json::json!(many),
        ),
        ("/video_token_id", serde_json::json!(151655)),
    ] {
        let error = changed(pointer, value.clone()).unwrap_err();
        assert!(
            matches!(error, ConfigError::Invalid { .. }),
            "{pointer} = {value}: {error}"
        );
    }
}

#[test]
fn a_field_of_another_type_is_unreadable_and_not_a_panic() {
    for value in [
        serde_json::json!("64"),
        serde_json::json!(-1),
        serde_json::json!(1.5),
    ] {
        let error = changed("/text_config/hidden_size", value).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    }
    assert!(matches!(
        Config::from_json(b"{"),
        Err(ConfigError::Unreadable { .. })
    ));
}

#[test]
fn stop_tokens_come_as_one_id_or_as_a_list() {
    let read = |json: &str| {
        GenerationConfig::from_json(json.as_bytes())
            .unwrap()
            .eos_token_ids
    };
    assert_eq!(
        read(r#"{"eos_token_id":[151645,151643]}"#),
        [151645, 151643]
    );
    assert_eq!(read(r#"{"eos_token_id":151645}"#), [151645]);
    assert_eq!(read(r#"{"eos_token_id":null}"#), [0u32; 0]);
    assert_eq!(read("{}"), [0u32; 0]);
}

#[test]
fn released_generation_settings_are_read_and_odd_ones_refused() {
    let config = GenerationConfig::from_json(
        br#"{"bos_token_id":151643,"pad_token_id":151643,"do_sample":true,
             "eos_token_id":[151645,151643],"top_p":0.8,"top_k":20,"temperature":0.7,
             "repetition_penalty":1.0,"transformers_version":"4.56.0"}"#,
    )
    .unwrap();
    assert_eq!(
        config,
        GenerationConfig {
            eos_token_ids: vec![151645, 151643],
            do_sample: Some(true),
            temperature: Some(0.7),
            top_k: Some(20),
            top_p: Some(0.8),
            repetition_penalty: Some(1.0),
        }
    );
    for json in [
        r#"{"temperature":-1}"#,
        r#"{"top_p":0}"#,
        r#"{"repetition_penalty":0}"#,
    ] {
        let error = GenerationConfig::from_json(json.as_bytes()).unwrap_err();
        assert!(
            matches!(error, ConfigError::Invalid { .. }),
            "{json}: {error}"
        );
    }
}

#[test]
fn picture_limits_come_in_three_spellings() {
    let read = |json: &str| {
        let config = PreprocessorConfig::from_json(json.as_bytes()).unwrap();
        (config.min_pixels, config.max_pixels)
    };
    assert_eq!(
        read(r#"{"size":{"shortest_edge":65536,"longest_edge":16777216}}"#),
        (65536, 16777216)
    );
    assert_eq!(
        read(r#"{"min_pixels":4096,"max_pixels":24576}"#),
        (4096, 24576)
    );
    assert_eq!(
        read(r#"{"image_processor":{"size":{"shortest_edge":2048,"longest_edge":12288}}}"#),
        (2048, 12288)
    );
    assert_eq!(read("{}"), (65536, 16777216));
}

#[test]
fn impossible_picture_settings_are_refused() {
    for json in [
        r#"{"size":{"shortest_edge":4096,"longest_edge":2048}}"#,
        r#"{"size":{"shortest_edge":1,"longest_edge":1023}}"#,
        r#"{"max_pixels":99999999999}"#,
        r#"{"image_mean":[0.5,0.5,7]}"#,
        r#"{"image_std":[0.5,0,0.5]}"#,
        r#"{"rescale_factor":1}"#,
        r#"{"patch_size":0}"#,
    ] {
        let error = PreprocessorConfig::from_json(json.as_bytes()).unwrap_err();
        assert!(
            matches!(error, ConfigError::Invalid { .. }),
            "{json}: {error}"
        );
    }
    let released = r#"{"rescale_factor":0.00392156862745098}"#;
    assert!(PreprocessorConfig::from_json(released.as_bytes()).is_ok());
}
