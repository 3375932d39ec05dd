//! Why a model could not be started.

/// Why a model could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is missing or damaged.
    #[error(transparent)]
    Formats(#[from] formats::Error),
    /// A config that cannot be used.
    #[error(transparent)]
    Config(#[from] model::config::ConfigError),
    /// There is no tokenizer.json.
    #[error("{model} has no tokenizer.json; download the whole model directory again")]
    NoTokenizer {
        /// The model.
        model: String,
    },
    /// A tokenizer that cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] model::tokenizer::TokenizerError),
    /// A token without a row in the model's table.
    #[error(
        "the tokenizer of {model} has {tokens} ids, config.json says vocab_size is {vocab_size}; \
         config and tokenizer are not of the same model, download both again"
    )]
    Vocabulary {
        /// The model.
        model: String,
        /// One more than the largest id of the tokenizer.
        tokens: usize,
        /// Rows of the model's table.
        vocab_size: usize,
    },
    /// Tokenizer and config do not belong together.
    #[error(transparent)]
    Prompt(#[from] model::prompt::PromptError),
    /// A tier this processor lacks.
    #[error(transparent)]
    Tier(#[from] cpu::TierError),
    /// The threads could not be started.
    #[error(transparent)]
    Threads(#[from] cpu::backend::ThreadsError),
    /// The model cannot fit.
    #[error(
        "this model needs {} in {precision}, {} are available: {advice}",
        size(*.needs), size(*.available)
    )]
    Memory {
        /// What was asked for or chosen.
        precision: &'static str,
        /// Bytes of weights and of what an answer needs.
        needs: u64,
        /// Bytes that can be had.
        available: u64,
        /// What would help.
        advice: String,
    },
    /// A GPU was asked for and cannot be used.
    #[error("no GPU can be used: {why}; leave --device out to use the processor")]
    NoGpu {
        /// What stands in the way.
        why: String,
    },
    /// GPUs were asked for and have no room.
    #[error(
        "{gpus}: too little for a useful part of this model{}; try --precision q4, a smaller --context-tokens or a smaller model",
        bound(*.bounded)
    )]
    GpuMemory {
        /// Each GPU and what is free on it.
        gpus: String,
        /// A bound was set.
        bounded: bool,
    },
    /// A GPU failed while the model was brought to it.
    #[error("the GPU failed while the model was loaded: {why}; --device cpu does without it")]
    Gpu {
        /// What it said.
        why: String,
    },
    /// The device refused.
    #[error(transparent)]
    Backend(#[from] ops::BackendError),
    /// The worker thread could not be started.
    #[error("could not start the worker thread: {0}; close other programs and try again")]
    Worker(#[from] std::io::Error),
}

pub(super) fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e9 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

fn bound(bounded: bool) -> &'static str {
    match bounded {
        true => " within --gpu-memory",
        false => "",
    }
}
