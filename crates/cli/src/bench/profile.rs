//! What share of the machine each stage reached: operations and bytes by the model's shapes, over the measured
//! times, beside what the machine can do at most.

use cpu::{Cpu, CpuOptions, Tier};
use cuda::{Cuda, CudaOptions, Probe};
use engine::{EngineInfo, Timings, Usage};
use model::work::{prompt_operations, vision_operations};
use ops::Ceiling;
use placement::{Gpus, Machine};
use serde::Serialize;

use crate::failure::{Failure, Outcome};

/// One stage beside the ceiling that bounds it.
#[derive(Debug, Serialize)]
pub struct Stage {
    pub stage: &'static str,
    /// `operations` or `bytes`, per second.
    pub unit: &'static str,
    pub achieved_per_s: f64,
    pub ceiling_per_s: f64,
    pub share: f64,
}

/// The stages of a question, and what bounds them.
#[derive(Debug, Serialize)]
pub struct Profile {
    /// What the arithmetic of the ceiling multiplies.
    pub operands: &'static str,
    pub stages: Vec<Stage>,
}

impl Profile {
    /// Whether one device did all the work.
    pub fn is_possible(info: &EngineInfo) -> bool {
        info.placement
            .as_ref()
            .is_none_or(|placement| placement.shares.len() == 1)
    }

    /// Measures the ceiling; takes about a second.
    pub fn measure(info: &EngineInfo, usage: Usage, timings: Timings) -> Outcome<Self> {
        let gpu = info.placement.as_ref().and_then(|placement| {
            let gpu = placement.shares.first()?.gpu.as_ref()?;
            Some((gpu.ordinal, placement.precision))
        });
        let ceiling = match gpu {
            Some((ordinal, precision)) => of_gpu(ordinal, precision)?,
            None => of_processor(info)?,
        };
        Ok(Self::of(ceiling, info, usage, timings))
    }

    fn of(ceiling: Ceiling, info: &EngineInfo, usage: Usage, timings: Timings) -> Self {
        let merge = info.config.vision.spatial_merge_size;
        let patches = usage.image_tokens * merge * merge;
        let mut stages = Vec::new();
        let mut stage = |stage, unit, work: f64, ms: f64, ceiling_per_s: f64| {
            // A stage that did not happen has no share.
            if work > 0.0 && ms > 0.0 {
                let achieved_per_s = work / ms * 1e3;
                stages.push(Stage {
                    stage,
                    unit,
                    achieved_per_s,
                    ceiling_per_s,
                    share: achieved_per_s / ceiling_per_s,
                });
            }
        };
        let vision = vision_operations(&info.config, patches);
        let prefill = prompt_operations(&info.config, usage.prompt_tokens, usage.cached_tokens);
        let operations = ceiling.operations_per_s;
        stage(
            "vision",
            "operations",
            vision,
            timings.vision_ms,
            operations,
        );
        stage(
            "prefill",
            "operations",
            prefill,
            timings.prefill_ms,
            operations,
        );
        let decode = info.token_bytes as f64 * timings.decode_tokens_per_s;
        stage("decode", "bytes", decode, 1e3, ceiling.bytes_per_s);
        Self {
            operands: ceiling.operands,
            stages,
        }
    }

    /// As people read it.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "\nshare of what this machine can do (multiplying {}, reading memory)\n",
            self.operands
        );
        for stage in &self.stages {
            let (scale, unit) = match stage.unit {
                "operations" => (1e12, "TOP/s"),
                _ => (1e9, "GB/s"),
            };
            text.push_str(&format!(
                "{:<12} {:>10.2} of {:.2} {unit}: {:.0} %\n",
                stage.stage,
                stage.achieved_per_s / scale,
                stage.ceiling_per_s / scale,
                stage.share * 100.0
            ));
        }
        text
    }
}

fn of_processor(info: &EngineInfo) -> Outcome<Ceiling> {
    let precision = match info.precision.as_str() {
        "f32" => cpu::Precision::F32,
        "q8" => cpu::Precision::Q8,
        "q4" => cpu::Precision::Q4,
        _ => cpu::Precision::Bf16,
    };
    let options = CpuOptions {
        tier: Tier::from_environment().map_err(|error| Failure::Usage(error.to_string()))?,
        precision,
        threads: info.threads,
    };
    let cpu = Cpu::new(options).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(cpu.ceiling())
}

/// Beside the loaded model: in half of the memory that is left, and no more than the probe asks for.
fn of_gpu(ordinal: u32, precision: placement::Precision) -> Outcome<Ceiling> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let driver = Machine.open(ordinal).map_err(|error| failed(&error))?;
    let memory = driver.free_memory().map_err(|error| failed(&error))? / 2;
    let mut probe = Probe::default();
    probe.bytes = probe.bytes.min(memory.saturating_sub(1 << 20));
    let cuda = Cuda::new(driver, CudaOptions { precision, memory });
    cuda.ceiling(probe).map_err(|error| failed(&error))
}
