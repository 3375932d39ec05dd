//! What to load, and how to run it.

use std::path::PathBuf;

use crate::speculation::Speculation;

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
    /// On GPUs the finest that fits. On the processor weights as stored where they are small, else `Q8` where it fits
    /// into memory, else `Q4`.
    #[default]
    Auto,
    /// Activations rounded to bfloat16 where they meet a weight; sums in float32.
    Bf16,
    /// Weights and activations in 8 bits with a scale per 128 values.
    Q8,
    /// As `Q8`, most weights of the text tower in 4 bits.
    Q4,
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// NVIDIA GPUs where there are any with room, else the processor; both where memory is short.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA GPUs: the one with this number, or all.
    Cuda(Option<u32>),
}

/// How to run.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Arithmetic.
    pub precision: Precision,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Most bytes to take of each GPU; `None`: what is free.
    pub gpu_memory: Option<u64>,
    /// Worker threads; `None`: as many as the process may use.
    pub threads: Option<usize>,
    /// Most tokens one picture may cost.
    pub image_tokens: usize,
    /// Most tokens of a conversation, answer included; `None`: up to 16,384, as memory and model allow.
    pub context_tokens: Option<usize>,
    /// Most questions that may wait.
    pub most_waiting: usize,
    /// Most questions that are answered at once.
    pub most_running: usize,
    /// Tokens for which keys and values are kept, of all conversations together; `None`: up to four
    /// whole contexts, as memory allows. Never less than one context.
    pub cache_tokens: Option<usize>,
    /// Whether to guess tokens ahead.
    pub speculation: Speculation,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            device: DeviceChoice::default(),
            gpu_memory: None,
            threads: None,
            image_tokens: 1280,
            context_tokens: None,
            most_waiting: 32,
            most_running: 16,
            cache_tokens: None,
            speculation: Speculation::default(),
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

impl Precision {
    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Auto => "auto",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }
}

impl ModelSize {
    /// As in the released names.
    pub fn name(self) -> &'static str {
        match self {
            Self::B2 => "2B",
            Self::B4 => "4B",
            Self::B8 => "8B",
            Self::B32 => "32B",
        }
    }
}
