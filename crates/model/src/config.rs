//! What a checkpoint says about its own shape: config.json, read and believed only after checking.
//!
//! Two spellings exist. The released files keep `rope_theta` beside `rope_scaling`; files saved by
//! transformers 5 keep both inside `rope_parameters`. Everything else is the same.
//! A shape that passes here is consistent: the towers may multiply, divide and index by it.
//! What it does not know: weights, tokens and devices.

mod error;
mod field;
mod generation;
mod preprocessor;
mod released;
mod text;
mod vision;

use formats::Checkpoint;
use serde::Deserialize;

pub use error::ConfigError;
pub use generation::GenerationConfig;
pub use preprocessor::PreprocessorConfig;
pub use text::TextConfig;
pub use vision::VisionConfig;

use field::Field;

const FILE: &str = "config.json";
const MODEL_TYPE: &str = "qwen3_vl";
const ARCHITECTURE: &str = "Qwen3VLForConditionalGeneration";

/// The shape of a dense Qwen3-VL.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The language tower.
    pub text: TextConfig,
    /// The picture tower.
    pub vision: VisionConfig,
    /// `<|image_pad|>`: stands where a picture's features go.
    pub image_token_id: u32,
    /// `<|video_pad|>`.
    pub video_token_id: u32,
    /// `<|vision_start|>`: before the features of a picture.
    pub vision_start_token_id: u32,
    /// `<|vision_end|>`: after them.
    pub vision_end_token_id: u32,
    /// Whether the output head is the embedding table; then there is no `lm_head.weight`.
    pub tie_word_embeddings: bool,
}

impl Config {
    /// Reads config.json of a checkpoint.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, ConfigError> {
        let bytes = checkpoint
            .file(FILE)?
            .ok_or_else(|| ConfigError::MissingFile {
                checkpoint: checkpoint.name().to_owned(),
                file: FILE,
            })?;
        Self::from_json(&bytes)
    }

    /// Reads the bytes of a config.json.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: FILE, source };
        // First only what kind of model it is: the fields of another kind may have other types.
        let kind: Kind = serde_json::from_slice(bytes).map_err(unreadable)?;
        kind.check()?;
        let written: Written = serde_json::from_slice(bytes).map_err(unreadable)?;
        written.check()
    }

    /// Number of weights, as the shapes imply it.
    pub fn parameters(&self) -> u64 {
        let head = if self.tie_word_embeddings {
            0
        } else {
            self.text.embedding_parameters()
        };
        self.text.parameters() + head + self.vision.parameters()
    }
}

/// The part of config.json that every kind of model has.
#[derive(Deserialize)]
struct Kind {
    model_type: Option<String>,
    architectures: Option<Vec<String>>,
    quantization_config: Option<Quantization>,
    text_config: Option<TextKind>,
}

#[derive(Deserialize)]
struct Quantization {
    quant_method: Option<String>,
}

#[derive(Deserialize)]
struct TextKind {
    num_experts: Option<u64>,
}

impl Kind {
    fn check(self) -> Result<(), ConfigError> {
        let other = |found: &str| ConfigError::Architecture {
            found: error::shown(found),
        };
        match self.model_type.as_deref() {
            Some(MODEL_TYPE) => {}
            Some(found) => return Err(other(found)),
            None => {
                return Err(ConfigError::Missing {
                    file: FILE,
                    field: "model_type",
                });
            }
        }
        match self.architectures.as_deref() {
            None | Some([]) => {}
            Some(listed) if listed.iter().any(|name| name == ARCHITECTURE) => {}
            Some([first, ..]) => return Err(other(first)),
        }
        if self
            .text_config
            .is_some_and(|text| text.num_experts.unwrap_or(0) > 0)
        {
            return Err(other("a mixture of experts"));
        }
        if let Some(Quantization { quant_method }) = self.quantization_config {
            let method = error::shown(quant_method.as_deref().unwrap_or("an unnamed method"));
            return Err(ConfigError::Quantised { method });
        }
        Ok(())
    }
}

/// config.json as it is written; everything may be missing.
#[derive(Deserialize)]
struct Written {
    text_config: Option<text::Written>,
    vision_config: Option<vision::Written>,
    image_token_id: Option<u64>,
    video_token_id: Option<u64>,
    vision_start_token_id: Option<u64>,
    vision_end_token_id: Option<u64>,
    tie_word_embeddings: Option<bool>,
}

impl Written {
    fn check(self) -> Result<Config, ConfigError> {
        let missing = |field| ConfigError::Missing { file: FILE, field };
        let written_text = self.text_config.ok_or_else(|| missing("text_config"))?;
        // The outer word counts, as it does in transformers; the inner one is there for tools that
        // load the text tower alone.
        let tie_word_embeddings = self
            .tie_word_embeddings
            .or(written_text.tie_word_embeddings)
            .unwrap_or(false);
        let text = written_text.check()?;
        let vision = self
            .vision_config
            .ok_or_else(|| missing("vision_config"))?
            .check(&text)?;

        let last = text.vocab_size as u64 - 1;
        let id = |field, value| -> Result<u32, ConfigError> {
            Ok(Field {
                file: FILE,
                field,
                value,
            }
            .within(0, last)? as u32)
        };
        let config = Config {
            image_token_id: id("image_token_id", self.image_token_id)?,
            video_token_id: id("video_token_id", self.video_token_id)?,
            vision_start_token_id: id("vision_start_token_id", self.vision_start_token_id)?,
            vision_end_token_id: id("vision_end_token_id", self.vision_end_token_id)?,
            text,
            vision,
            tie_word_embeddings,
        };
        let mut ids = [
            config.image_token_id,
            config.video_token_id,
            config.vision_start_token_id,
            config.vision_end_token_id,
        ];
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(ConfigError::Invalid {
                file: FILE,
                field: "image_token_id",
                value: config.image_token_id.to_string(),
                want: "the four picture and video ids must differ".to_owned(),
            });
        }
        Ok(config)
    }
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
