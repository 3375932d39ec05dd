//! From a model directory (or the embedded model, or random values) to a running engine.

use std::path::PathBuf;

use crate::handle::Handle;

/// Where the weights come from.
#[derive(Debug, Clone)]
pub enum ModelSource {
    /// A directory in the released layout.
    Directory(PathBuf),
    /// The small model inside the binary: a name and its files.
    Embedded {
        /// What to call it.
        name: &'static str,
        /// File name and contents.
        files: &'static [(&'static str, &'static [u8])],
    },
    /// The shapes of a released model with random values, to measure speed without a checkpoint.
    /// The tokenizer is the embedded model's, so its words mean nothing.
    Random {
        /// Which released model.
        size: ModelSize,
        /// The embedded model, for its tokenizer.
        tokenizer_json: &'static [u8],
    },
}

/// The released dense models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ModelSize {
    B2,
    B4,
    B8,
    B32,
}

/// How values are held and multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Weights as stored, activations and sums in float32: the reference's own arithmetic.
    F32,
    /// Activations rounded to bfloat16 where they meet a weight; sums in float32.
    #[default]
    Bf16,
}

/// How to run.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Arithmetic.
    pub precision: Precision,
    /// Worker threads; `None`: as many as the process may use.
    pub threads: Option<usize>,
    /// Most tokens one picture may cost.
    pub image_tokens: usize,
    /// Most tokens of a conversation, answer included; `None`: 16,384, less where the model allows less.
    pub context_tokens: Option<usize>,
    /// Most questions that may wait.
    pub most_waiting: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            threads: None,
            image_tokens: 1280,
            context_tokens: None,
            most_waiting: 32,
        }
    }
}

/// How far loading is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// From 0 to 1.
    pub done: f32,
    /// What is being done, in words.
    pub what: &'static str,
}

/// Loads a model and starts the worker. Blocks; `progress` is told how far it is.
pub fn load(
    source: &ModelSource,
    options: &EngineOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Handle, LoadError> {
    let _ = (source, options, progress);
    unimplemented!()
}

/// Why a model could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is missing or damaged.
    #[error(transparent)]
    Formats(#[from] formats::Error),
}
