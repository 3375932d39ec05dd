//! `lookdesk doctor`: what this machine offers, and whether a model can run on it. Writes nothing.

mod gpus;
pub mod machine;
mod model;
mod records;
mod tensors;

use clap::Args;
use cpu::tier::{Tier, TierReport};
use serde::Serialize;

use self::gpus::GpuFindings;
use self::machine::Machine;
use self::model::ModelFindings;
use self::records::RecordsFindings;
use crate::data::DataOptions;
use crate::failure::{Failure, Outcome};
use crate::options::ModelOptions;
use crate::output::Output;

/// Say what this machine offers and whether a model can run on it
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelOptions,
    #[command(flatten)]
    pub data: DataOptions,
}

/// Everything found.
#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    machine: Machine,
    tiers: Vec<TierJson>,
    gpus: GpuFindings,
    model: ModelFindings,
    records: RecordsFindings,
}

/// One instruction tier, best first.
#[derive(Debug, Serialize)]
struct TierJson {
    name: &'static str,
    available: bool,
    chosen: bool,
    reason: String,
}

impl From<TierReport> for TierJson {
    fn from(report: TierReport) -> Self {
        let TierReport {
            name,
            available,
            chosen,
            reason,
        } = report;
        Self {
            name,
            available,
            chosen,
            reason,
        }
    }
}

/// Runs the command.
pub fn run(args: &DoctorArgs) -> Outcome {
    let tier = Tier::from_environment().map_err(|error| Failure::Usage(error.to_string()))?;
    let machine = Machine::look()?;
    let available = machine.memory_available_bytes;
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        tiers: cpu::tier::detect(tier)
            .into_iter()
            .map(TierJson::from)
            .collect(),
        gpus: GpuFindings::look(),
        model: model::look(&args.model.source(), &args.model.engine(), available),
        machine,
        records: RecordsFindings::look(&args.data)?,
    };
    let mut output = Output::new();
    if args.json {
        output.json(&findings)?
    } else {
        output.write(&findings.table())?
    }
    if findings.model.good() {
        Ok(())
    } else {
        Err(Failure::Failed(format!(
            "the model {} cannot be used as it is",
            findings.model.source
        )))
    }
}

impl Findings {
    fn table(&self) -> String {
        let mut text = format!("lookdesk {}\n\nmachine\n", self.version);
        let mut row = |mark: &str, name: &str, what: &str| {
            text.push_str(&format!("  {mark} {name:<25} {what}\n"));
        };
        for (name, what) in self.machine.lines() {
            row(" ", name, &what);
        }
        for tier in &self.tiers {
            let mark = if tier.chosen { "+" } else { "-" };
            row(mark, &format!("tier {}", tier.name), &tier.reason);
        }
        for (good, name, what) in self.gpus.lines() {
            row(if good { "+" } else { "-" }, &name, &what);
        }
        text.push_str(&format!("\nmodel {}\n", self.model.source));
        for check in &self.model.checks {
            let mark = if check.good { "+" } else { "!" };
            text.push_str(&format!("  {mark} {:<25} {}\n", check.what, check.found));
        }
        text.push_str("\nrecords\n");
        for (name, what) in self.records.lines() {
            text.push_str(&format!("    {name:<25} {what}\n"));
        }
        text
    }
}
