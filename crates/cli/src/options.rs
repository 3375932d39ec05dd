//! The options that several commands share, and what they mean to the engine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use engine::sampling::Sampling;
use engine::{EngineOptions, ModelSource, Precision, Speculation};

use crate::demo;

mod device;

pub use device::{Device, Size};

/// Names the model directory when `--model` does not.
pub const MODEL_VARIABLE: &str = "LOOKDESK_MODEL";

/// Which model runs, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelOptions {
    /// Directory of a Qwen3-VL checkpoint [default: $LOOKDESK_MODEL, else the embedded demo model]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Where to compute: auto (NVIDIA GPUs where they have room, else the processor), cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: Device,
    /// The most memory to take of each GPU, such as 10GB [default: what is free]
    #[arg(long, value_name = "SIZE")]
    pub gpu_memory: Option<Size>,
    /// Worker threads [default: as many as this process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// How weights are held and multiplied
    #[arg(long, value_enum, default_value_t)]
    pub precision: PrecisionName,
    /// The most tokens one picture may cost; larger pictures are scaled down
    #[arg(long, value_name = "N", default_value_t = 1280,
          value_parser = clap::value_parser!(u32).range(1..=16384))]
    pub image_tokens: u32,
    /// The most tokens of one conversation, answer included [default: 16384, or what the model allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(16..=262_144))]
    pub context_tokens: Option<u32>,
    /// Guess words ahead by looking the last ones up: changes no word, only the speed
    #[arg(long, value_enum, default_value_t)]
    pub speculation: SpeculationName,
}

/// When to guess ahead, as the command line spells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SpeculationName {
    /// While it is measured to pay
    #[default]
    Auto,
    /// Never
    Off,
    /// Whenever there is a guess
    On,
}

impl From<SpeculationName> for Speculation {
    fn from(name: SpeculationName) -> Self {
        match name {
            SpeculationName::Auto => Self::Auto,
            SpeculationName::Off => Self::Off,
            SpeculationName::On => Self::On,
        }
    }
}

/// Arithmetic, as the command line spells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// Small models as released; else the finest that GPUs hold; without GPUs q8 if it fits into memory, else q4
    #[default]
    Auto,
    /// The reference's own
    F32,
    /// Weights as released
    Bf16,
    /// 8 bits per weight: half the memory
    Q8,
    /// 4 to 5 bits per weight of the text tower: the least memory, the fastest words
    Q4,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::Auto => Self::Auto,
            PrecisionName::F32 => Self::F32,
            PrecisionName::Bf16 => Self::Bf16,
            PrecisionName::Q8 => Self::Q8,
            PrecisionName::Q4 => Self::Q4,
        }
    }
}

impl ModelOptions {
    /// The directory to load: the option, else the environment variable.
    pub fn directory(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os(MODEL_VARIABLE).filter(|value| !value.is_empty());
        self.model.clone().or_else(|| variable().map(PathBuf::from))
    }

    /// What to load.
    pub fn source(&self) -> ModelSource {
        self.directory()
            .map_or_else(demo::source, ModelSource::Directory)
    }

    /// How to run it.
    pub fn engine(&self) -> EngineOptions {
        EngineOptions {
            device: self.device.0,
            gpu_memory: self.gpu_memory.map(|Size(bytes)| bytes),
            precision: self.precision.into(),
            threads: self.threads.map(usize::from),
            image_tokens: self.image_tokens as usize,
            context_tokens: self.context_tokens.map(|tokens| tokens as usize),
            speculation: self.speculation.into(),
            ..EngineOptions::default()
        }
    }
}

/// How words are drawn.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingOptions {
    /// 0 always takes the likeliest word
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Draw from the likeliest words that together reach this probability
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Draw from this many likeliest words; 0 for all
    #[arg(long, value_name = "N")]
    pub top_k: Option<u32>,
    /// Discourage words that the answer has used
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    pub presence_penalty: Option<f32>,
    /// Discourage words of prompt and answer; spoils tables and serial numbers
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    pub repetition_penalty: Option<f32>,
    /// The same seed gives the same words
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

impl SamplingOptions {
    /// The settings, with `otherwise` where none was given.
    pub fn over(&self, otherwise: Sampling) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(otherwise.temperature),
            top_p: self.top_p.unwrap_or(otherwise.top_p),
            top_k: self.top_k.map_or(otherwise.top_k, |top_k| top_k as usize),
            presence_penalty: self.presence_penalty.unwrap_or(otherwise.presence_penalty),
            repetition_penalty: self
                .repetition_penalty
                .unwrap_or(otherwise.repetition_penalty),
            seed: self.seed.or(otherwise.seed),
        }
    }
}
