//! What a source holds: small files read, weights found, nothing loaded.

use std::sync::Arc;

use formats::{Checkpoint, Dtype};
use model::config::{Config, GenerationConfig, PreprocessorConfig};
use model::tokenizer::Tokenizer;
use model::weights::{RandomWeights, Weights};

use super::{LoadError, ModelSize, ModelSource};

/// What a source holds, before any weight is touched.
pub(super) struct Parts {
    pub(super) name: String,
    pub(super) demo: bool,
    pub(super) config: Config,
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) preprocessor: PreprocessorConfig,
    pub(super) eos: Vec<u32>,
    pub(super) weights: Source,
}

/// Where weights are taken from.
pub(super) enum Source {
    Checkpoint(Box<Checkpoint>),
    Random(RandomWeights),
}

impl Source {
    pub(super) fn weights(&self) -> &dyn Weights {
        match self {
            Self::Checkpoint(checkpoint) => &**checkpoint,
            Self::Random(random) => random,
        }
    }
}

/// Whether a checkpoint's weights are stored in float32.
pub fn stored_wide(checkpoint: &Checkpoint, config: &Config) -> bool {
    let text = &config.text;
    let name = "model.language_model.layers.0.self_attn.q_proj.weight";
    let weight = checkpoint.tensor(name, &[text.query_size(), text.hidden_size]);
    weight.is_ok_and(|weight| weight.dtype() == Dtype::F32)
}

impl Parts {
    pub(super) fn of(source: &ModelSource) -> Result<Self, LoadError> {
        match source {
            ModelSource::Directory(path) => Self::of_checkpoint(Checkpoint::open(path)?, false),
            ModelSource::Embedded { name, files } => {
                Self::of_checkpoint(Checkpoint::from_static(name, files)?, true)
            }
            ModelSource::Random {
                size,
                tokenizer_json,
            } => Self::random(*size, tokenizer_json),
        }
    }

    /// Whether weights are stored in float32.
    pub(super) fn stored_wide(&self) -> bool {
        match &self.weights {
            Source::Checkpoint(checkpoint) => stored_wide(checkpoint, &self.config),
            Source::Random(_) => false,
        }
    }

    fn of_checkpoint(checkpoint: Checkpoint, demo: bool) -> Result<Self, LoadError> {
        let name = checkpoint.name().to_owned();
        let config = Config::of(&checkpoint)?;
        let json = checkpoint
            .file("tokenizer.json")?
            .ok_or_else(|| LoadError::NoTokenizer {
                model: name.clone(),
            })?;
        let tokenizer = Arc::new(Tokenizer::from_json(&json)?);
        // An id beyond the table would be looked up in it at the first question that has it.
        if tokenizer.vocab_size() > config.text.vocab_size {
            return Err(LoadError::Vocabulary {
                model: name,
                tokens: tokenizer.vocab_size(),
                vocab_size: config.text.vocab_size,
            });
        }
        let mut eos = GenerationConfig::of(&checkpoint)?.eos_token_ids;
        eos.extend(&config.text.eos_token_ids);
        eos.extend(tokenizer.special("<|im_end|>"));
        let preprocessor = PreprocessorConfig::of(&checkpoint)?;
        let weights = Source::Checkpoint(Box::new(checkpoint));
        Ok(Self {
            name,
            demo,
            config,
            tokenizer,
            preprocessor,
            eos,
            weights,
        })
    }

    fn random(size: ModelSize, tokenizer_json: &[u8]) -> Result<Self, LoadError> {
        let tokenizer = Arc::new(Tokenizer::from_json(tokenizer_json)?);
        let mut config = match size {
            ModelSize::B2 => Config::qwen3_vl_2b(),
            ModelSize::B4 => Config::qwen3_vl_4b(),
            ModelSize::B8 => Config::qwen3_vl_8b(),
            ModelSize::B32 => Config::qwen3_vl_32b(),
        };
        for (id, token) in [
            (&mut config.image_token_id, "<|image_pad|>"),
            (&mut config.video_token_id, "<|video_pad|>"),
            (&mut config.vision_start_token_id, "<|vision_start|>"),
            (&mut config.vision_end_token_id, "<|vision_end|>"),
        ] {
            *id = tokenizer.special(token).unwrap_or(*id);
        }
        Ok(Self {
            name: format!("random weights, shapes of Qwen3-VL-{}", size.name()),
            demo: false,
            config,
            eos: tokenizer.special("<|im_end|>").into_iter().collect(),
            tokenizer,
            preprocessor: PreprocessorConfig::released(),
            weights: Source::Random(RandomWeights { seed: 1 }),
        })
    }
}
