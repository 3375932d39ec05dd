//! How the makers of a checkpoint sample from it: generation_config.json.
//!
//! Only what the file says; what to do where it is silent is the engine's choice.

use formats::Checkpoint;
use serde::Deserialize;

use super::ConfigError;
use super::text::TokenIds;

const FILE: &str = "generation_config.json";

/// Stop tokens and recommended sampling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerationConfig {
    /// Tokens that end an answer; empty if the file names none.
    pub eos_token_ids: Vec<u32>,
    /// False asks for the likeliest token each time.
    pub do_sample: Option<bool>,
    /// Divides the logits; 0 means the likeliest token.
    pub temperature: Option<f32>,
    /// Only this many likeliest tokens; 0 means all.
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that together have this probability.
    pub top_p: Option<f32>,
    /// Divides positive and multiplies negative logits of tokens already seen.
    pub repetition_penalty: Option<f32>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    eos_token_id: TokenIds,
    do_sample: Option<bool>,
    temperature: Option<f32>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    repetition_penalty: Option<f32>,
}

impl GenerationConfig {
    /// Reads generation_config.json of a checkpoint; without that file nothing is recommended.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, ConfigError> {
        checkpoint
            .file(FILE)?
            .map_or_else(|| Ok(Self::default()), |bytes| Self::from_json(&bytes))
    }

    /// Reads the bytes of a generation_config.json.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|source| ConfigError::Unreadable { file: FILE, source })?;
        Ok(Self {
            eos_token_ids: written.eos_token_id.into_vec(),
            do_sample: written.do_sample,
            temperature: within("temperature", written.temperature, 0.0..=10.0)?,
            top_k: written.top_k.map(|count| count as usize),
            top_p: within("top_p", written.top_p, f32::MIN_POSITIVE..=1.0)?,
            repetition_penalty: within(
                "repetition_penalty",
                written.repetition_penalty,
                0.01..=10.0,
            )?,
        })
    }
}

fn within(
    field: &'static str,
    value: Option<f32>,
    range: std::ops::RangeInclusive<f32>,
) -> Result<Option<f32>, ConfigError> {
    match value {
        Some(value) if !range.contains(&value) => Err(ConfigError::Invalid {
            file: FILE,
            field,
            value: value.to_string(),
            want: format!("it must be between {} and {}", range.start(), range.end()),
        }),
        other => Ok(other),
    }
}
