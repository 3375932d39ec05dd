//! The shape of the language tower: `text_config`.

use serde::Deserialize;

use super::field::Field;
use super::{ConfigError, FILE, error};

/// Upper bounds far beyond any released model, so that no product of two sizes can overflow and no
/// file can ask for absurd memory before a weight's own shape is looked at.
const MOST_VOCABULARY: u32 = 1 << 22;
const MOST_WIDTH: u32 = 1 << 18;
const MOST_LAYERS: u32 = 1024;
const MOST_HEADS: u32 = 1024;
const MOST_HEAD_DIM: u32 = 1024;
const MOST_POSITIONS: u32 = 1 << 24;

/// Sizes and constants of the language tower.
#[derive(Clone, Debug, PartialEq)]
pub struct TextConfig {
    /// Rows of the embedding table; more than the tokenizer uses.
    pub vocab_size: usize,
    /// Width of the stream.
    pub hidden_size: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Width of one head. Not `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Epsilon of every RMS norm.
    pub rms_norm_eps: f32,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How many rotary frequencies follow time, row and column; sums to `head_dim / 2`.
    pub mrope_section: [usize; 3],
    /// Positions the model was trained for.
    pub max_position_embeddings: usize,
    /// Tokens that end an answer; generation_config.json usually names more.
    pub eos_token_ids: Vec<u32>,
}

impl TextConfig {
    /// Width of all query heads together.
    pub fn query_size(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// Width of all key heads together, and of all value heads.
    pub fn key_value_size(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }

    /// Query heads that share one key head.
    pub fn group_size(&self) -> usize {
        self.num_attention_heads / self.num_key_value_heads
    }

    pub(super) fn embedding_parameters(&self) -> u64 {
        self.vocab_size as u64 * self.hidden_size as u64
    }

    pub(super) fn parameters(&self) -> u64 {
        let hidden = self.hidden_size as u64;
        let attention = hidden * (2 * self.query_size() + 2 * self.key_value_size()) as u64;
        let mlp = 3 * hidden * self.intermediate_size as u64;
        let norms = 2 * hidden + 2 * self.head_dim as u64;
        let layers = self.num_hidden_layers as u64 * (attention + mlp + norms);
        self.embedding_parameters() + layers + hidden
    }
}

/// `text_config` as it is written.
#[derive(Deserialize)]
pub(super) struct Written {
    vocab_size: Option<u64>,
    hidden_size: Option<u64>,
    intermediate_size: Option<u64>,
    num_hidden_layers: Option<u64>,
    num_attention_heads: Option<u64>,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    rms_norm_eps: Option<f64>,
    max_position_embeddings: Option<u64>,
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    #[serde(default)]
    eos_token_id: TokenIds,
    rope_theta: Option<f64>,
    rope_scaling: Option<Rope>,
    rope_parameters: Option<Rope>,
    pub(super) tie_word_embeddings: Option<bool>,
}

#[derive(Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    mrope_interleaved: Option<bool>,
    mrope_section: Option<Vec<u64>>,
}

/// `eos_token_id`: nothing, one id, or a list.
#[derive(Deserialize, Default)]
#[serde(untagged)]
pub(super) enum TokenIds {
    #[default]
    None,
    One(u32),
    Many(Vec<u32>),
}

impl TokenIds {
    pub(super) fn into_vec(self) -> Vec<u32> {
        match self {
            Self::None => Vec::new(),
            Self::One(id) => vec![id],
            Self::Many(ids) => ids,
        }
    }
}

impl Written {
    pub(super) fn check(self) -> Result<TextConfig, ConfigError> {
        let size = |field, value, most| {
            Field {
                file: FILE,
                field,
                value,
            }
            .size(most)
        };
        let vocab_size = size("vocab_size", self.vocab_size, MOST_VOCABULARY)?;
        let num_attention_heads =
            size("num_attention_heads", self.num_attention_heads, MOST_HEADS)?;
        let num_key_value_heads =
            size("num_key_value_heads", self.num_key_value_heads, MOST_HEADS)?;
        let head_dim = size("head_dim", self.head_dim, MOST_HEAD_DIM)?;
        let text = TextConfig {
            vocab_size,
            hidden_size: size("hidden_size", self.hidden_size, MOST_WIDTH)?,
            intermediate_size: size("intermediate_size", self.intermediate_size, MOST_WIDTH)?,
            num_hidden_layers: size("num_hidden_layers", self.num_hidden_layers, MOST_LAYERS)?,
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            rms_norm_eps: rms_norm_eps(self.rms_norm_eps)?,
            rope_theta: rope_theta(
                self.rope_parameters
                    .as_ref()
                    .and_then(|rope| rope.rope_theta)
                    .or(self.rope_theta),
            )?,
            mrope_section: mrope_section(self.rope_parameters.or(self.rope_scaling), head_dim)?,
            max_position_embeddings: size(
                "max_position_embeddings",
                self.max_position_embeddings,
                MOST_POSITIONS,
            )?,
            eos_token_ids: self.eos_token_id.into_vec(),
        };

        let invalid = |field, value: String, want: &str| ConfigError::Invalid {
            file: FILE,
            field,
            value,
            want: want.to_owned(),
        };
        if !num_attention_heads.is_multiple_of(num_key_value_heads) {
            let want = format!("it must divide num_attention_heads, {num_attention_heads}");
            return Err(invalid(
                "num_key_value_heads",
                num_key_value_heads.to_string(),
                &want,
            ));
        }
        if let Some(id) = text
            .eos_token_ids
            .iter()
            .find(|&&id| id as usize >= vocab_size)
        {
            return Err(invalid(
                "eos_token_id",
                id.to_string(),
                "it must be below vocab_size",
            ));
        }
        if let Some(act) = self.hidden_act.filter(|act| act != "silu") {
            return Err(invalid(
                "hidden_act",
                error::shown(&act),
                "only silu is implemented",
            ));
        }
        if self.attention_bias == Some(true) {
            return Err(invalid(
                "attention_bias",
                "true".into(),
                "only false is implemented",
            ));
        }
        Ok(text)
    }
}

fn rms_norm_eps(value: Option<f64>) -> Result<f32, ConfigError> {
    let eps = value.ok_or(ConfigError::Missing {
        file: FILE,
        field: "rms_norm_eps",
    })?;
    if !(eps > 0.0 && eps <= 0.01) {
        return Err(ConfigError::Invalid {
            file: FILE,
            field: "rms_norm_eps",
            value: eps.to_string(),
            want: "it must be above 0 and at most 0.01".into(),
        });
    }
    Ok(eps as f32)
}

fn rope_theta(value: Option<f64>) -> Result<f64, ConfigError> {
    let theta = value.ok_or(ConfigError::Missing {
        file: FILE,
        field: "rope_theta",
    })?;
    if !(theta > 1.0 && theta <= 1e12) {
        return Err(ConfigError::Invalid {
            file: FILE,
            field: "rope_theta",
            value: theta.to_string(),
            want: "it must be above 1 and at most 1e12".into(),
        });
    }
    Ok(theta)
}

/// The three sections, for the interleaved layout: frequency `j` follows the row if `j % 3 == 1` and
/// `j < 3 * section[1]`, the column likewise with 2, else time.
fn mrope_section(rope: Option<Rope>, head_dim: usize) -> Result<[usize; 3], ConfigError> {
    const FIELD: &str = "mrope_section";
    let invalid = |field, value: String, want: String| ConfigError::Invalid {
        file: FILE,
        field,
        value,
        want,
    };
    let rope = rope.ok_or(ConfigError::Missing {
        file: FILE,
        field: "rope_scaling",
    })?;
    if let Some(kind) = rope.rope_type.filter(|kind| kind != "default") {
        let want = "only the default rotary embedding is implemented".into();
        return Err(invalid("rope_type", error::shown(&kind), want));
    }
    if rope.mrope_interleaved == Some(false) {
        let want = "Qwen3-VL interleaves its sections".into();
        return Err(invalid("mrope_interleaved", "false".into(), want));
    }
    let written = rope.mrope_section.ok_or(ConfigError::Missing {
        file: FILE,
        field: FIELD,
    })?;
    let [time, row, column] = written[..] else {
        return Err(invalid(
            FIELD,
            format!("{} numbers", written.len()),
            "it needs three".into(),
        ));
    };
    let half = head_dim as u64 / 2;
    let fits = time.checked_add(row).and_then(|sum| sum.checked_add(column)) == Some(half)
        && head_dim.is_multiple_of(2)
        // The last row frequency is 3 * row - 2, the last column frequency 3 * column - 1.
        && 3 * row < half + 2
        && 3 * column < half + 1;
    if !fits {
        let want = format!("it must sum to half of head_dim, {half}, and interleave by three");
        return Err(invalid(FIELD, format!("{written:?}"), want));
    }
    Ok([time as usize, row as usize, column as usize])
}
