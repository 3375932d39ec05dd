//! Every tensor that a config implies, with its shape: what a complete checkpoint holds.
//! Names and shapes are those of the released checkpoints; `MODEL.md` lists them.

use model::config::{Config, TextConfig, VisionConfig};

/// A tensor's name and shape.
pub type Expected = (String, Vec<usize>);

/// All tensors of a model.
pub fn expected(config: &Config) -> Vec<Expected> {
    let mut list = List(Vec::new());
    list.vision(&config.vision);
    list.text(&config.text);
    if !config.tie_word_embeddings {
        list.add(
            "lm_head.weight",
            &[config.text.vocab_size, config.text.hidden_size],
        );
    }
    list.0
}

struct List(Vec<Expected>);

impl List {
    fn add(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.0.push((name.into(), shape.to_vec()));
    }

    /// A linear map with a bias.
    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(format!("{name}.weight"), &[outputs, inputs]);
        self.add(format!("{name}.bias"), &[outputs]);
    }

    /// A layer norm with a bias.
    fn norm(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), &[width]);
        self.add(format!("{name}.bias"), &[width]);
    }

    fn vision(&mut self, vision: &VisionConfig) {
        let (hidden, inner) = (vision.hidden_size, vision.intermediate_size);
        let root = "model.visual";
        let kernel = [
            hidden,
            vision.in_channels,
            vision.temporal_patch_size,
            vision.patch_size,
            vision.patch_size,
        ];
        self.add(format!("{root}.patch_embed.proj.weight"), &kernel);
        self.add(format!("{root}.patch_embed.proj.bias"), &[hidden]);
        self.add(
            format!("{root}.pos_embed.weight"),
            &[vision.num_position_embeddings, hidden],
        );
        for block in 0..vision.depth {
            let block = format!("{root}.blocks.{block}");
            self.norm(&format!("{block}.norm1"), hidden);
            self.norm(&format!("{block}.norm2"), hidden);
            self.linear(&format!("{block}.attn.qkv"), 3 * hidden, hidden);
            self.linear(&format!("{block}.attn.proj"), hidden, hidden);
            self.linear(&format!("{block}.mlp.linear_fc1"), inner, hidden);
            self.linear(&format!("{block}.mlp.linear_fc2"), hidden, inner);
        }
        let merged = vision.merged_size();
        // The main merger norms each patch, the deepstack mergers norm the four together.
        self.merger(
            &format!("{root}.merger"),
            hidden,
            merged,
            vision.out_hidden_size,
        );
        for tap in 0..vision.deepstack_visual_indexes.len() {
            let name = format!("{root}.deepstack_merger_list.{tap}");
            self.merger(&name, merged, merged, vision.out_hidden_size);
        }
    }

    fn merger(&mut self, name: &str, normed: usize, merged: usize, out: usize) {
        self.norm(&format!("{name}.norm"), normed);
        self.linear(&format!("{name}.linear_fc1"), merged, merged);
        self.linear(&format!("{name}.linear_fc2"), out, merged);
    }

    fn text(&mut self, text: &TextConfig) {
        let (hidden, inner, head) = (text.hidden_size, text.intermediate_size, text.head_dim);
        let (query, key_value) = (text.query_size(), text.key_value_size());
        let root = "model.language_model";
        self.add(
            format!("{root}.embed_tokens.weight"),
            &[text.vocab_size, hidden],
        );
        self.add(format!("{root}.norm.weight"), &[hidden]);
        for layer in 0..text.num_hidden_layers {
            let shapes: [(&str, &[usize]); 11] = [
                ("input_layernorm", &[hidden]),
                ("post_attention_layernorm", &[hidden]),
                ("self_attn.q_norm", &[head]),
                ("self_attn.k_norm", &[head]),
                ("self_attn.q_proj", &[query, hidden]),
                ("self_attn.k_proj", &[key_value, hidden]),
                ("self_attn.v_proj", &[key_value, hidden]),
                ("self_attn.o_proj", &[hidden, query]),
                ("mlp.gate_proj", &[inner, hidden]),
                ("mlp.up_proj", &[inner, hidden]),
                ("mlp.down_proj", &[hidden, inner]),
            ];
            for (name, shape) in shapes {
                self.add(format!("{root}.layers.{layer}.{name}.weight"), shape);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use formats::Checkpoint;

    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_list_is_what_checkpoints_hold() {
        for place in [
            "golden/checkpoints/tiny-a",
            "golden/checkpoints/tiny-b",
            "demo/checkpoint",
        ] {
            let checkpoint = Checkpoint::open(&repository().join(place)).unwrap();
            let expected = expected(&Config::of(&checkpoint).unwrap());
            for (name, shape) in &expected {
                checkpoint
                    .tensor(name, shape)
                    .unwrap_or_else(|error| panic!("{place}: {error}"));
            }
            let listed: BTreeSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
            let held: BTreeSet<&str> = checkpoint.tensor_names().collect();
            assert_eq!(listed, held, "{place}");
        }
    }

    #[test]
    fn the_released_models_have_as_many_tensors_as_their_index_lists() {
        for (config, tensors) in [
            (Config::qwen3_vl_2b(), 625),
            (Config::qwen3_vl_4b(), 713),
            (Config::qwen3_vl_8b(), 750),
            (Config::qwen3_vl_32b(), 1058),
        ] {
            assert_eq!(expected(&config).len(), tensors);
        }
    }

    #[test]
    fn the_shapes_add_up_to_the_parameters() {
        for config in [
            Config::qwen3_vl_2b(),
            Config::qwen3_vl_4b(),
            Config::qwen3_vl_8b(),
        ] {
            let sum: usize = expected(&config)
                .iter()
                .map(|(_, shape)| shape.iter().product::<usize>())
                .sum();
            assert_eq!(sum as u64, config.parameters());
        }
    }
}
