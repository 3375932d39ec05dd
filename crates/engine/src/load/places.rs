//! Where a model goes: which GPUs are asked, what is planned for them, and what is said where they are passed over.

use std::sync::Arc;

use cuda::{Cuda, CudaOptions};
use model::config::Config;
use placement::{Card, Found, Gpu, Gpus, Placement, Steps, Wish, plan};

use super::error::size;
use super::{DeviceChoice, EngineOptions, LoadError, Precision, fits};
use crate::runner::PAGE_TOKENS;
use crate::scheduler::Bounds;

/// Where a model goes, and what its owner should know about that.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// What lies where; `None`: all on the processor.
    pub placement: Option<Placement>,
    /// Why a GPU was passed over, a sentence each.
    pub notes: Vec<String>,
}

/// Plans for the GPUs that `gpus` finds. Fails where GPUs were asked for and none can be used.
pub fn places(
    config: &Config,
    stored_wide: bool,
    options: &EngineOptions,
    gpus: &dyn Gpus,
) -> Result<Places, LoadError> {
    if options.device == DeviceChoice::Cpu {
        return Ok(Places::default());
    }
    let found = gpus.look();
    let is_asked = |card: &Card| match options.device {
        DeviceChoice::Cuda(Some(ordinal)) => card.ordinal == ordinal,
        _ => true,
    };
    let is_wanted = options.device != DeviceChoice::Auto;
    let usable: Vec<&Card> = found.usable().filter(|card| is_asked(card)).collect();
    let mut places = Places::default();
    if usable.is_empty() {
        let why = why_none(&found, options.device);
        if is_wanted {
            return Err(LoadError::NoGpu { why });
        }
        if found.fault.is_some() || !found.cards.is_empty() {
            let note = format!("the processor answers; the GPU is passed over: {why}");
            places.notes.push(note);
        }
        return Ok(places);
    }
    let passed_over = found.cards.iter().filter(|card| is_asked(card));
    let passed_over = passed_over.filter_map(|card| card.unusable.as_ref());
    places
        .notes
        .extend(passed_over.map(|why| format!("a GPU is passed over: {why}")));
    let bound = options.gpu_memory.unwrap_or(u64::MAX);
    let gpus: Vec<Gpu> = usable
        .iter()
        .map(|card| Gpu {
            ordinal: card.ordinal,
            name: card.name.clone(),
            bytes: card.free.min(bound),
        })
        .collect();
    places.placement = plan(&gpus, &wish(config, stored_wide, options));
    if places.placement.is_none() {
        let free = usable
            .iter()
            .map(|card| format!("{} has {} free", card.name, size(card.free)));
        let free = free.collect::<Vec<_>>().join(", ");
        if is_wanted {
            return Err(LoadError::GpuMemory {
                gpus: free,
                bounded: options.gpu_memory.is_some(),
            });
        }
        places.notes.push(format!(
            "the processor answers; {free}: too little for a useful part of this model"
        ));
    }
    Ok(places)
}

fn why_none(found: &Found, device: DeviceChoice) -> String {
    let DeviceChoice::Cuda(Some(ordinal)) = device else {
        return found.why_none();
    };
    let card = found.cards.iter().find(|card| card.ordinal == ordinal);
    match card.and_then(|card| card.unusable.clone()) {
        Some(why) => why,
        None if found.cards.is_empty() => found.why_none(),
        None => format!(
            "there is no GPU {ordinal}; the driver has {} (the first is 0)",
            found.cards.len()
        ),
    }
}

fn wish<'a>(config: &'a Config, stored_wide: bool, options: &EngineOptions) -> Wish<'a> {
    let precision = match options.precision {
        Precision::Auto if fits::is_small(config) => Some(cuda::Precision::Bf16),
        Precision::Auto => None,
        Precision::F32 => Some(cuda::Precision::F32),
        Precision::Bf16 => Some(cuda::Precision::Bf16),
        Precision::Q8 => Some(cuda::Precision::Q8),
        Precision::Q4 => Some(cuda::Precision::Q4),
    };
    let Bounds { rows, logits, .. } = super::room::bounds(options);
    Wish {
        config,
        stored_wide,
        precision,
        context_tokens: options.context_tokens,
        cache_tokens: options.cache_tokens,
        steps: Steps {
            rows,
            logits,
            page_tokens: PAGE_TOKENS,
            patches: options.image_tokens * config.vision.merge_patches(),
        },
        cpu_bytes: crate::memory::available_bytes().unwrap_or(u64::MAX),
    }
}

/// What the engine calls a precision.
pub(super) fn precision(of: cuda::Precision) -> Precision {
    match of {
        cuda::Precision::F32 => Precision::F32,
        cuda::Precision::Bf16 => Precision::Bf16,
        cuda::Precision::Q8 => Precision::Q8,
        cuda::Precision::Q4 => Precision::Q4,
    }
}

/// Takes the GPUs of a placement, in its order.
pub(super) fn open(placement: &Placement, gpus: &dyn Gpus) -> Result<Vec<Arc<Cuda>>, LoadError> {
    let taken = placement
        .shares
        .iter()
        .filter_map(|share| share.gpu.as_ref());
    taken
        .map(|gpu| {
            let driver = gpus.open(gpu.ordinal).map_err(|error| LoadError::Gpu {
                why: format!("{}: {error}", gpu.name),
            })?;
            let options = CudaOptions {
                precision: placement.precision,
                memory: gpu.pool(),
            };
            Ok(Arc::new(Cuda::new(driver, options)))
        })
        .collect()
}
