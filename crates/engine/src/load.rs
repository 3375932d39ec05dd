//! From a model directory (or the embedded model, or random values) to a running engine.
//!
//! - `options`: what is asked for; `error`: why it cannot be had.
//! - `parts`: what a source holds before any weight is touched.
//! - `places`: which devices, and what lies where on them. `fits`: whether the processor has room.
//! - `room`: how much is computed at once and kept. `kept`: packed weights of an earlier start.

mod error;
mod fits;
mod kept;
mod options;
mod parts;
mod places;
mod room;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Instant;

use cpu::{Cpu, CpuOptions, Tier};
use cuda::Cuda;
use model::config::Config;
use model::picture::{PictureLimits, Preprocessor};
use model::prompt::ChatFormat;
use model::qwen3_vl::Qwen3Vl;
use ops::backend::{Backend, BackendError, given_up};
use placement::{Composite, Device, Gpus, Machine, Placement};

pub use error::LoadError;
pub use fits::{Fit, fit};
pub use options::{DeviceChoice, EngineOptions, ModelSize, ModelSource, Precision, Progress};
pub use parts::stored_wide;
pub use places::{Places, places};

use crate::handle::{Capacity, EngineInfo, Gauge, Handle, Shared, Vocabulary};
use crate::kv::Chain;
use crate::prepare::{Cutter, Preparer};
use crate::runner::{Room, Runner};
use crate::stats::Stats;
use crate::worker::{self, Call, Worker};
use parts::{Parts, Source};

/// Loads a model and starts the worker. Blocks; `progress` is told how far it is.
pub fn load(
    source: &ModelSource,
    options: &EngineOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Handle, LoadError> {
    load_on(source, options, &Machine, progress)
}

/// The same with the GPUs that `gpus` finds.
pub fn load_on(
    source: &ModelSource,
    options: &EngineOptions,
    gpus: &dyn Gpus,
    progress: &mut dyn FnMut(Progress),
) -> Result<Handle, LoadError> {
    let started = Instant::now();
    progress(Progress {
        done: 0.0,
        what: "reading the configuration",
    });
    let parts = Parts::of(source)?;
    let mut places = places(&parts.config, parts.stored_wide(), options, gpus)?;
    let mut loading = Loading {
        parts,
        options,
        started,
        shared: Started::default(),
        progress,
    };
    let mut running = None;
    if let Some(placement) = places.placement.take() {
        match loading.on_gpus(&placement, gpus) {
            Ok(ready) => running = Some(ready),
            // Somebody else may have taken the memory, or a driver is worse than it says.
            Err(LoadError::Backend(
                error @ (BackendError::OutOfMemory { .. } | BackendError::Lost { .. }),
            )) if options.device == DeviceChoice::Auto => {
                places.notes.push(format!("the processor answers; {error}"));
            }
            Err(LoadError::Gpu { why }) if options.device == DeviceChoice::Auto => {
                let note = format!(
                    "the processor answers; a GPU failed while the model was loaded: {why}"
                );
                places.notes.push(note);
            }
            Err(error) => return Err(error),
        }
    }
    let running = match running {
        Some(running) => running,
        None => loading.on_processor()?,
    };
    (loading.progress)(Progress {
        done: 1.0,
        what: "ready",
    });
    loading.handle(running, places.notes)
}

/// A model on its way to a device.
struct Loading<'a> {
    parts: Parts,
    options: &'a EngineOptions,
    started: Instant,
    shared: Started,
    progress: &'a mut dyn FnMut(Progress),
}

/// What worker and handle share.
#[derive(Clone, Default)]
struct Started {
    gauge: Arc<Gauge>,
    stats: Arc<Mutex<Stats>>,
    lost: Arc<OnceLock<String>>,
}

/// A worker at work, and what is said of it.
struct Running {
    jobs: mpsc::Sender<Call>,
    precision: Precision,
    device: String,
    tier: String,
    threads: usize,
    context_tokens: usize,
    load_ms: f64,
    placement: Option<Placement>,
}

impl Loading<'_> {
    fn on_processor(&mut self) -> Result<Running, LoadError> {
        let available = crate::memory::available_bytes().unwrap_or(u64::MAX);
        let config = self.parts.config.clone();
        let precision = fit(&config, self.options, available)?.precision;
        let options = EngineOptions {
            precision,
            ..self.options.clone()
        };
        let (cpu, threads) = start_cpu(&options, cpu_precision(precision))?;
        let what = match &self.parts.weights {
            Source::Checkpoint(checkpoint) => {
                let bytes = fits::weight_bytes(&config, precision);
                kept::prepare(&cpu, checkpoint, precision, bytes)
            }
            Source::Random(_) => "making weights up",
        };
        let model = self.model(&*cpu, what)?;
        kept::finish(&cpu);
        let (context_tokens, room) = room::of_processor(&config, &options);
        let (jobs, load_ms) = self.start(Arc::clone(&cpu), model, room)?;
        Ok(Running {
            jobs,
            precision,
            device: format!("CPU, {threads} threads"),
            tier: cpu.tier().name().to_owned(),
            threads,
            context_tokens,
            load_ms,
            placement: None,
        })
    }

    /// A panic on the way is the device's: nothing of what was begun is kept.
    fn on_gpus(&mut self, placement: &Placement, gpus: &dyn Gpus) -> Result<Running, LoadError> {
        let bring = AssertUnwindSafe(|| self.bring_to_gpus(placement, gpus));
        catch_unwind(bring).unwrap_or_else(|panic| match given_up(panic) {
            Ok(error) => Err(error.into()),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned();
                let said =
                    said.or_else(|| panic.downcast_ref::<&str>().map(|&said| said.to_owned()));
                Err(LoadError::Gpu {
                    why: said.unwrap_or_else(|| "a fault without words".to_owned()),
                })
            }
        })
    }

    fn bring_to_gpus(
        &mut self,
        placement: &Placement,
        gpus: &dyn Gpus,
    ) -> Result<Running, LoadError> {
        const WHAT: &str = "bringing the weights to the GPU";
        let room = Room {
            pages: placement.pages,
            patches: self.options.image_tokens * self.parts.config.vision.merge_patches(),
            features: usize::try_from(placement.features).unwrap_or(usize::MAX),
        };
        let cards = places::open(placement, gpus)?;
        let (major, minor) = cards[0].driver().properties().compute;
        let mut threads = 0;
        let (jobs, load_ms) = match <[Arc<Cuda>; 1]>::try_from(cards) {
            Ok([only]) if placement.shares.len() == 1 => {
                let model = self.model(&*only, WHAT)?;
                self.start(only, model, room)?
            }
            cards => {
                let cards = cards.map_or_else(|cards| cards, Vec::from);
                let mut devices: Vec<Device> = cards.into_iter().map(Device::Cuda).collect();
                if devices.len() < placement.shares.len() {
                    let precision = placement::cpu_precision(placement.precision);
                    let (cpu, count) = start_cpu(self.options, precision)?;
                    threads = count;
                    devices.push(Device::Cpu(cpu));
                }
                let composite = Arc::new(Composite::new(devices, placement.route()));
                let model = self.model(&*composite, WHAT)?;
                self.start(composite, model, room)?
            }
        };
        let processor = format!("CPU, {threads} threads");
        Ok(Running {
            jobs,
            precision: places::precision(placement.precision),
            device: placement.devices(&processor),
            tier: format!("compute {major}.{minor}"),
            threads,
            context_tokens: placement.context_tokens,
            load_ms,
            placement: Some(placement.clone()),
        })
    }

    /// Takes the weights.
    fn model<B: Backend>(
        &mut self,
        backend: &B,
        what: &'static str,
    ) -> Result<Qwen3Vl<B>, LoadError> {
        let (config, weights) = (self.parts.config.clone(), self.parts.weights.weights());
        let progress = &mut *self.progress;
        Ok(Qwen3Vl::load(backend, config, weights, &mut |share| {
            let done = share * 0.9;
            progress(Progress { done, what });
        })?)
    }

    /// Warms up and starts the worker. Returns how to reach it and how long loading took.
    fn start<B: Backend<Tensor: Sync> + 'static>(
        &mut self,
        backend: Arc<B>,
        model: Qwen3Vl<B>,
        room: Room,
    ) -> Result<(mpsc::Sender<Call>, f64), LoadError> {
        let bounds = room::bounds(self.options);
        let mut runner = Runner::new(backend, model, room, bounds.rows, bounds.logits)?;
        (self.progress)(Progress {
            done: 0.9,
            what: "warming up",
        });
        runner.warm_up(&mut ())?;
        let load_ms = self.started.elapsed().as_secs_f64() * 1e3;
        let shared = self.shared.clone();
        let worker = Worker::new(worker::Parts {
            runner,
            tokenizer: Arc::clone(&self.parts.tokenizer),
            eos: self.parts.eos.clone(),
            bounds,
            pages: u32::try_from(room.pages).unwrap_or(u32::MAX),
            speculation: self.options.speculation,
            gauge: shared.gauge,
            stats: shared.stats,
            lost: shared.lost,
            load_ms,
        });
        let (jobs, receiver) = mpsc::channel();
        std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || worker.run(receiver))?;
        Ok((jobs, load_ms))
    }

    fn handle(self, running: Running, notes: Vec<String>) -> Result<Handle, LoadError> {
        let (parts, options, shared) = (self.parts, self.options, self.shared);
        let config: Config = parts.config;
        let preprocessor =
            Preprocessor::new(&parts.preprocessor, &config.vision, options.image_tokens)?;
        let precision = running.precision.name();
        let root = Chain::root(&format!("{} {precision} {config:?}", parts.name));
        let info = EngineInfo {
            model: parts.name,
            demo: parts.demo,
            parameters: config.parameters(),
            token_bytes: fits::token_bytes(&config, running.precision),
            precision: precision.to_owned(),
            device: running.device,
            tier: running.tier,
            threads: running.threads,
            placement: running.placement,
            notes,
            context_tokens: running.context_tokens,
            image_tokens: options.image_tokens,
            load_ms: running.load_ms,
            config: config.clone(),
        };
        let vocabulary = Vocabulary {
            tokenizer: Arc::clone(&parts.tokenizer),
            end_tokens: parts.eos,
            size: config.text.vocab_size,
        };
        let preparer = Preparer {
            chat: ChatFormat::new(parts.tokenizer, &config)?,
            cutter: Cutter::new(preprocessor, PictureLimits::default()),
            merge: config.vision.spatial_merge_size,
            context_tokens: running.context_tokens,
            root,
            speculation: options.speculation,
        };
        Ok(Handle::new(Shared {
            vocabulary,
            stats: shared.stats,
            info,
            preparer,
            jobs: running.jobs,
            gauge: shared.gauge,
            lost: shared.lost,
            capacity: Capacity {
                waiting: options.most_waiting,
                running: room::bounds(options).running,
            },
        }))
    }
}

fn start_cpu(
    options: &EngineOptions,
    precision: cpu::Precision,
) -> Result<(Arc<Cpu>, usize), LoadError> {
    let threads = options
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let options = CpuOptions {
        tier: Tier::from_environment()?,
        precision,
        threads,
    };
    Ok((Arc::new(Cpu::new(options)?), threads))
}

fn cpu_precision(precision: Precision) -> cpu::Precision {
    match precision {
        Precision::F32 => cpu::Precision::F32,
        // Chosen before; weights as stored are the closest to no choice.
        Precision::Auto | Precision::Bf16 => cpu::Precision::Bf16,
        Precision::Q8 => cpu::Precision::Q8,
        Precision::Q4 => cpu::Precision::Q4,
    }
}
