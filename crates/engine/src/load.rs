//! From a model directory (or the embedded model, or random values) to a running engine.

mod fits;
mod kept;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

use cpu::{Cpu, CpuOptions, Tier};
use formats::Checkpoint;
use model::config::{Config, GenerationConfig, PreprocessorConfig};
use model::picture::{PictureLimits, Preprocessor};
use model::prompt::ChatFormat;
use model::qwen3_vl::Qwen3Vl;
use model::tokenizer::Tokenizer;
use model::weights::{RandomWeights, Weights};

pub use fits::{Fit, fit};

use crate::handle::{EngineInfo, Gauge, Handle, Shared, Vocabulary};
use crate::kv::Chain;
use crate::prepare::{Cutter, Preparer};
use crate::runner::{PAGE_TOKENS, Runner};
use crate::scheduler::Bounds;
use crate::speculation::Speculation;
use crate::stats::Stats;
use crate::worker::{self, Worker};

/// Most rows of a step: enough to use a weight well. Prompts are longer, and time allows fewer on most machines.
const STEP_ROWS: usize = 512;
/// Whatever is asked for: each running question may want the logits of a row in the same step.
const MOST_RUNNING: usize = 64;
/// Rows of logits beyond one per running question, for guesses.
const MORE_LOGITS: usize = 16;

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
    /// Weights as stored where they are small, else `Q8` where it fits into memory, else `Q4`.
    #[default]
    Auto,
    /// Activations rounded to bfloat16 where they meet a weight; sums in float32.
    Bf16,
    /// Weights and activations in 8 bits with a scale per 128 values.
    Q8,
    /// As `Q8`, most weights of the text tower in 4 bits.
    Q4,
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
    /// The device refused.
    #[error(transparent)]
    Backend(#[from] ops::BackendError),
    /// The worker thread could not be started.
    #[error("could not start the worker thread: {0}; close other programs and try again")]
    Worker(#[from] std::io::Error),
}

/// What a source holds, before any weight is touched.
struct Parts {
    name: String,
    demo: bool,
    config: Config,
    tokenizer: Arc<Tokenizer>,
    preprocessor: PreprocessorConfig,
    eos: Vec<u32>,
    weights: Source,
}

/// Where weights are taken from.
enum Source {
    Checkpoint(Box<Checkpoint>),
    Random(RandomWeights),
}

impl Source {
    fn weights(&self) -> &dyn Weights {
        match self {
            Self::Checkpoint(checkpoint) => &**checkpoint,
            Self::Random(random) => random,
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e9 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

/// Loads a model and starts the worker. Blocks; `progress` is told how far it is.
pub fn load(
    source: &ModelSource,
    options: &EngineOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Handle, LoadError> {
    let started = Instant::now();
    progress(Progress {
        done: 0.0,
        what: "reading the configuration",
    });
    let parts = Parts::of(source)?;
    let config = parts.config.clone();
    let available = crate::memory::available_bytes().unwrap_or(u64::MAX);
    let precision = fit(&config, options, available)?.precision;
    let options = &EngineOptions {
        precision,
        ..options.clone()
    };
    let (cpu, threads) = start_cpu(options)?;
    let what = match &parts.weights {
        Source::Checkpoint(checkpoint) => {
            let bytes = fits::weight_bytes(&config, precision);
            kept::prepare(&cpu, checkpoint, precision, bytes)
        }
        Source::Random(_) => "making weights up",
    };
    let weights = parts.weights.weights();
    let model = Qwen3Vl::load(&*cpu, parts.config, weights, &mut |share| {
        let done = share * 0.9;
        progress(Progress { done, what });
    })?;
    kept::finish(&cpu);

    let context_tokens = context_tokens(&config, options);
    let preprocessor =
        Preprocessor::new(&parts.preprocessor, &config.vision, options.image_tokens)?;
    let bounds = bounds(options);
    let pages = pages(&config, options, context_tokens);
    let mut runner = Runner::new(Arc::clone(&cpu), model, pages, bounds.rows, bounds.logits)?;
    progress(Progress {
        done: 0.9,
        what: "warming up",
    });
    runner.warm_up()?;

    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let gauge = Arc::new(Gauge::default());
    let stats: Arc<Mutex<Stats>> = Arc::default();
    let vocabulary = Vocabulary {
        tokenizer: Arc::clone(&parts.tokenizer),
        end_tokens: parts.eos.clone(),
        size: config.text.vocab_size,
    };
    let worker = Worker::new(worker::Parts {
        runner,
        tokenizer: Arc::clone(&parts.tokenizer),
        eos: parts.eos,
        bounds,
        pages: pages as u32,
        speculation: options.speculation,
        gauge: Arc::clone(&gauge),
        stats: Arc::clone(&stats),
        load_ms,
    });
    let (jobs, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || worker.run(receiver))?;
    progress(Progress {
        done: 1.0,
        what: "ready",
    });

    let precision = options.precision.name();
    let root = Chain::root(&format!("{} {precision} {config:?}", parts.name));
    let info = EngineInfo {
        model: parts.name,
        demo: parts.demo,
        parameters: config.parameters(),
        token_bytes: fits::token_bytes(&config, options.precision),
        precision: options.precision.name().to_owned(),
        device: format!("CPU, {threads} threads"),
        tier: cpu.tier().name().to_owned(),
        threads,
        context_tokens,
        image_tokens: options.image_tokens,
        load_ms,
        config: config.clone(),
    };
    let preparer = Preparer {
        chat: ChatFormat::new(parts.tokenizer, &config)?,
        cutter: Cutter::new(preprocessor, PictureLimits::default()),
        merge: config.vision.spatial_merge_size,
        context_tokens,
        root,
        speculation: options.speculation,
    };
    Ok(Handle::new(Shared {
        vocabulary,
        stats,
        info,
        preparer,
        jobs,
        gauge,
        most_waiting: options.most_waiting,
        most_running: bounds.running,
    }))
}

fn start_cpu(options: &EngineOptions) -> Result<(Arc<Cpu>, usize), LoadError> {
    let threads = options
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let precision = match options.precision {
        Precision::F32 => cpu::Precision::F32,
        // Chosen before; weights as stored are the closest to no choice.
        Precision::Auto | Precision::Bf16 => cpu::Precision::Bf16,
        Precision::Q8 => cpu::Precision::Q8,
        Precision::Q4 => cpu::Precision::Q4,
    };
    let options = CpuOptions {
        tier: Tier::from_environment()?,
        precision,
        threads,
    };
    Ok((Arc::new(Cpu::new(options)?), threads))
}

/// Tokens of context: what was asked for, within what the model allows. Unasked, as many as fit into half
/// of the memory that is left, from 2,048 to 16,384.
fn context_tokens(config: &Config, options: &EngineOptions) -> usize {
    let text = &config.text;
    let asked = options.context_tokens.unwrap_or_else(|| {
        let room = crate::memory::available_bytes().map_or(usize::MAX, |bytes| bytes as usize / 2);
        let fits = room / token_bytes(config, options.precision);
        // A power of two, so that the figure is the same from one start to the next.
        let steady = if fits.is_power_of_two() {
            fits
        } else {
            fits.next_power_of_two() / 2
        };
        steady.clamp(2048, 16_384)
    });
    asked.min(text.max_position_embeddings)
}

/// How much is computed at once.
fn bounds(options: &EngineOptions) -> Bounds {
    let running = options.most_running.clamp(1, MOST_RUNNING);
    Bounds {
        running,
        rows: STEP_ROWS,
        logits: running + MORE_LOGITS,
    }
}

/// Pages for keys and values: for at least one whole context, by default for four if a quarter of the memory
/// that is left has room for them. Memory is only taken as pages are used.
fn pages(config: &Config, options: &EngineOptions, context_tokens: usize) -> usize {
    let wanted = options.cache_tokens.unwrap_or_else(|| {
        let room = crate::memory::available_bytes().map_or(u64::MAX, |bytes| bytes / 4);
        let room =
            usize::try_from(room).unwrap_or(usize::MAX) / token_bytes(config, options.precision);
        room.min(context_tokens.saturating_mul(4))
    });
    // At least the page that the warm-up writes to.
    let tokens = wanted.max(context_tokens).max(1);
    tokens.div_ceil(PAGE_TOKENS).min(u32::MAX as usize)
}

/// Bytes of one token's keys and values.
fn token_bytes(config: &Config, precision: Precision) -> usize {
    let text = &config.text;
    let value = match precision {
        Precision::F32 => 4,
        _ => 2,
    };
    let bytes = 2 * value * text.key_value_size() * text.num_hidden_layers;
    bytes.max(1)
}

impl Parts {
    fn of(source: &ModelSource) -> Result<Self, LoadError> {
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
