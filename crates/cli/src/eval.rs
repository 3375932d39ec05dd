//! `lookdesk eval`: asks every question of a dataset, judges the answers, and says how many are
//! right, per kind and per field.

mod dataset;
mod refusal;
mod report;
mod scoring;
mod tally;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::sampling::Sampling;
use engine::{FinishReason, Handle, Request};

use self::dataset::Line;
use self::report::{Judged, Report, Settings, Summary};
use crate::conversation::{Conversation, picture_file};
use crate::failure::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::options::{ModelOptions, SamplingOptions};
use crate::output::{Output, note};
use crate::waiting::Waiting;
use crate::{reply, start};

/// Measure how many questions of a dataset are answered right
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// One JSON object per line: images, question, expected, kind, scoring, and field if it has one
    #[arg(value_name = "DATASET.jsonl")]
    pub dataset: PathBuf,
    /// Where every answer is written [default: DATASET.report.json in the current directory]
    #[arg(long, value_name = "FILE.json")]
    pub report: Option<PathBuf>,
    /// Ask only the first N questions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Instructions that stand before each question
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// The longest answer
    #[arg(long, value_name = "N", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: u32,
    /// Print the counts as one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// As for `ask`, but the likeliest word is always taken unless a temperature is given
    #[command(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    pub model: ModelOptions,
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> Outcome {
    let sampling = args.sampling.over(Sampling {
        temperature: 0.0,
        ..Sampling::default()
    });
    sampling
        .validate()
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let mut lines = dataset::read(&args.dataset)?;
    lines.truncate(args.limit.map_or(usize::MAX, |limit| limit as usize));
    let planned = lines.len();
    let path = args
        .report
        .clone()
        .unwrap_or_else(|| beside_us(&args.dataset));
    can_be_written(&path)?;
    let interrupt = Interrupt::listen()?;
    let handle = start::engine(&args.model)?;

    let judged = judge(args, sampling, lines, &handle, &interrupt)?;
    let info = handle.info();
    let mut report = Report {
        dataset: args.dataset.clone(),
        model: &info.model,
        device: &info.device,
        precision: &info.precision,
        settings: Settings {
            sampling,
            max_tokens: args.max_tokens as usize,
            image_tokens: info.image_tokens,
            system: args.system.clone(),
        },
        planned,
        summary: Summary::of(&judged),
        lines: Some(judged),
    };
    fs::write(&path, serde_json::to_vec_pretty(&report)?)
        .map_err(|error| no_report(&path, &error))?;

    report.lines = None;
    let mut output = Output::new();
    if args.json {
        output.json(&report)?
    } else {
        output.write(&report.summary.table())?
    }
    note(&format!("every answer is in {}", path.display()));
    outcome(&report, &interrupt)
}

/// Asks the questions in turn; ends early, with what there is, after Ctrl-C.
fn judge(
    args: &EvalArgs,
    sampling: Sampling,
    lines: Vec<Line>,
    handle: &Handle,
    interrupt: &Interrupt,
) -> Outcome<Vec<Judged>> {
    let base = args.dataset.parent().unwrap_or(Path::new(""));
    let total = lines.len() as u64;
    let waiting = Waiting::counted("asking", total);
    let mut judged: Vec<Judged> = Vec::with_capacity(lines.len());
    interrupt.hold();
    for line in lines {
        if interrupt.pressed() {
            break;
        }
        let answer =
            conversation(args, &line, base).and_then(|Conversation { messages, pictures }| {
                let request = Request {
                    sampling,
                    max_tokens: args.max_tokens as usize,
                    ..Request::new(messages, pictures)
                };
                reply::ask(handle, request, interrupt, |_| Ok(()))
            });
        let answer = match answer {
            Ok(reply) if reply.finished.finish_reason == FinishReason::Cancelled => break,
            Ok(reply) => Ok((reply.answer, reply.finished.finish_reason)),
            Err(Failure::Failed(why)) => Err(why),
            Err(other) => return Err(other),
        };
        judged.push(Judged::new(line, answer));
        let right: f64 = judged.iter().map(|line| line.score).sum();
        let percent = right / judged.len() as f64 * 100.0;
        waiting.progress(
            format!("asking, {percent:.1} % right"),
            judged.len() as u64,
            total,
        );
    }
    Ok(judged)
}

fn conversation(args: &EvalArgs, line: &Line, base: &Path) -> Outcome<Conversation> {
    let mut conversation = Conversation::default();
    if let Some(system) = &args.system {
        conversation.instruct(system);
    }
    let images = line.question.images.iter();
    let pictures = images
        .map(|image| picture_file(&base.join(image)))
        .collect::<Result<Vec<_>, _>>()?;
    conversation.ask(pictures, Some(&line.question.question))?;
    Ok(conversation)
}

/// `labels.jsonl` is reported in `labels.report.json` here: the dataset may lie where nothing can
/// be written.
fn beside_us(dataset: &Path) -> PathBuf {
    let mut name = dataset.file_stem().unwrap_or_default().to_os_string();
    name.push(".report.json");
    PathBuf::from(name)
}

/// Asked before the first question, because an hour later the answers would be lost.
fn can_be_written(path: &Path) -> Outcome {
    let existed = fs::symlink_metadata(path).is_ok();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| no_report(path, &error))?;
    if !existed {
        // What was only a trial leaves no empty report behind.
        fs::remove_file(path)?;
    }
    Ok(())
}

fn no_report(path: &Path, error: &io::Error) -> Failure {
    Failure::at(format!("cannot write the report {}", path.display()), error)
}

/// An evaluation that was cut short or lost lines is not a success, though its report stands.
fn outcome(report: &Report<'_>, interrupt: &Interrupt) -> Outcome {
    let errors = report.summary.errors;
    if interrupt.pressed() {
        let asked = report.summary.all.lines;
        note(&format!(
            "stopped after {asked} of {} questions",
            report.planned
        ));
        return Err(Failure::Interrupted);
    }
    match errors {
        0 => Ok(()),
        1 => Err(Failure::Failed(
            "1 question got no answer; its error is in the report".into(),
        )),
        _ => Err(Failure::Failed(format!(
            "{errors} questions got no answer; their errors are in the report"
        ))),
    }
}
