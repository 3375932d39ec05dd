//! `lookdesk bench`: how fast this machine answers, as medians over several runs.
//!
//! The figures of one run are the engine's own (`Timings`). Every run asks about another picture,
//! because a cache of pictures already read would otherwise be what is measured. The question is
//! made of digits: every Qwen tokenizer makes one token of one digit, so the prompt has the same
//! length whichever tokenizer the model brings.

mod measure;
mod picture;
mod profile;
mod table;
mod together;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use engine::sampling::Sampling;
use engine::{EngineOptions, FinishReason, Handle, ModelSize, ModelSource, Request};
use serde::Serialize;

use self::measure::{Spread, summary};
use self::profile::Profile;
use crate::conversation::{Conversation, picture_file};
use crate::failure::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::options::{ModelOptions, SamplingOptions};
use crate::output::Output;
use crate::reply::{self, Reply, ReplyJson};
use crate::waiting::Waiting;
use crate::{demo, start};

/// With the ten tokens that the prompt puts around a question and its picture: 28.
const QUESTION_DIGITS: usize = 18;

/// Enough to have touched every weight and every kernel once.
const WARM_UP_TOKENS: usize = 2;

/// Measure how fast this machine answers
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The question [default: one of 18 tokens, which makes 28 with those around it]
    pub question: Option<String>,
    /// A picture; may be given several times [default: a generated one]
    #[arg(long = "image", value_name = "FILE", conflicts_with = "picture")]
    pub images: Vec<PathBuf>,
    /// Size of the generated picture; 0x0 asks without a picture
    #[arg(long, value_name = "WxH", default_value = "1024x768")]
    pub picture: Size,
    /// Tokens to generate; the model's own end does not count
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: u32,
    /// Runs to measure, after one that is not measured
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    /// Ask this many questions at once, each about a picture of its own
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub concurrent: u32,
    /// Measure the shapes of a released model with random values: speed without a checkpoint
    #[arg(long, value_enum, value_name = "SIZE", conflicts_with = "model")]
    pub random_weights: Option<SizeName>,
    /// Also measure what this machine can do at most, and say what share of it each stage reached
    #[arg(long)]
    pub profile: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    pub model: ModelOptions,
}

/// The released models, as the command line spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SizeName {
    #[value(name = "2b")]
    B2,
    #[value(name = "4b")]
    B4,
    #[value(name = "8b")]
    B8,
    #[value(name = "32b")]
    B32,
}

impl From<SizeName> for ModelSize {
    fn from(name: SizeName) -> Self {
        match name {
            SizeName::B2 => Self::B2,
            SizeName::B4 => Self::B4,
            SizeName::B8 => Self::B8,
            SizeName::B32 => Self::B32,
        }
    }
}

/// Width and height in pixels, written `1024x768`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const LARGEST: u32 = 8192;
        let wrong =
            || format!("write it as WIDTHxHEIGHT, each at most {LARGEST}, such as 1024x768");
        let (width, height) = text.split_once(['x', 'X']).ok_or_else(wrong)?;
        let edge = |text: &str| text.parse().ok().filter(|edge| *edge <= LARGEST);
        match (edge(width), edge(height)) {
            (Some(0), Some(0)) => Ok(Self {
                width: 0,
                height: 0,
            }),
            (Some(width @ 1..), Some(height @ 1..)) => Ok(Self { width, height }),
            _ => Err(wrong()),
        }
    }
}

/// The object of one answer with medians in place of its figures, and their spread.
#[derive(Debug, Serialize)]
struct BenchJson<'a> {
    #[serde(flatten)]
    reply: ReplyJson<'a>,
    repeat: u32,
    spread: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
}

/// Runs the command.
pub fn run(args: &BenchArgs) -> Outcome {
    let sampling = args.sampling.over(Sampling {
        temperature: 0.0,
        ..Sampling::default()
    });
    sampling
        .validate()
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let files = args
        .images
        .iter()
        .map(|path| Ok(picture_file(path)?))
        .collect::<Outcome<Vec<_>>>()?;
    let interrupt = Interrupt::listen()?;
    let handle = match args.random_weights {
        Some(size) => {
            let size = size.into();
            let source = ModelSource::Random {
                size,
                tokenizer_json: demo::tokenizer_json(),
            };
            start::load(&source, &engine_options(args))?
        }
        None => start::load(&args.model.source(), &engine_options(args))?,
    };
    if args.profile && !Profile::is_possible(handle.info()) {
        let text = "--profile compares with what one device can do, and this model lies on several; measure with \
                    --device cpu, or on one GPU";
        return Err(Failure::Usage(text.to_owned()));
    }
    if args.concurrent > 1 {
        return together::run(args, sampling, &files, &handle);
    }

    let replies = measure(args, sampling, &files, &handle, &interrupt)?;
    let runs: Vec<_> = replies.iter().map(|reply| reply.finished.timings).collect();
    let (medians, spread) = summary(&runs);
    let Some(last) = replies.last() else {
        return Ok(());
    };
    let mut one = last.clone();
    one.finished.timings = medians;
    one.finished.memory = measure::peak(replies.iter().map(|reply| reply.finished.memory));

    let info = handle.info();
    let profile = args
        .profile
        .then(|| Profile::measure(info, one.finished.usage, medians))
        .transpose()?;
    let mut output = Output::new();
    if args.json {
        let reply = one.json(info);
        output.json(&BenchJson {
            reply,
            repeat: args.repeat,
            spread,
            profile,
        })
    } else {
        let shares = profile.map_or_else(String::new, |profile| profile.lines());
        output.write(&(table::of(&one, &spread, info, args.repeat) + &shares))
    }
}

/// All that are asked at once are answered at once.
fn engine_options(args: &BenchArgs) -> EngineOptions {
    let mut options = args.model.engine();
    options.most_running = options.most_running.max(args.concurrent as usize);
    options.most_waiting = options.most_waiting.max(args.concurrent as usize);
    options
}

/// One run to warm up, then those that count.
fn measure(
    args: &BenchArgs,
    sampling: Sampling,
    files: &[Arc<[u8]>],
    handle: &Handle,
    interrupt: &Interrupt,
) -> Outcome<Vec<Reply>> {
    let asked = args.max_tokens as usize;
    let mut replies = Vec::new();
    for round in 0..=args.repeat {
        let tokens = match round {
            0 => WARM_UP_TOKENS.min(asked),
            _ => asked,
        };
        let request = question(args, sampling, files, round, tokens)?;
        let about = match round {
            0 => "warming up: ".to_owned(),
            run => format!("run {run} of {}: ", args.repeat),
        };
        let waiting = Waiting::new(about.as_str());
        let reply = reply::ask(handle, request, interrupt, |event| {
            reply::show(&waiting, &about, event);
            Ok(())
        })?;
        if reply.finished.finish_reason == FinishReason::Cancelled {
            return Err(Failure::Interrupted);
        }
        if round > 0 {
            replies.push(reply);
        }
    }
    Ok(replies)
}

/// The question of one run.
fn question(
    args: &BenchArgs,
    sampling: Sampling,
    files: &[Arc<[u8]>],
    round: u32,
    max_tokens: usize,
) -> Outcome<Request> {
    let mut conversation = Conversation::default();
    let words = args.question.clone().unwrap_or_else(|| digits(round));
    conversation.ask(pictures(args, files, round)?, Some(&words))?;
    Ok(Request {
        sampling,
        max_tokens,
        ignore_eos: true,
        ..Request::new(conversation.messages, conversation.pictures)
    })
}

/// The pictures of one run: the user's, slightly changed, or a generated one.
fn pictures(args: &BenchArgs, files: &[Arc<[u8]>], round: u32) -> Outcome<Vec<Arc<[u8]>>> {
    let seed = u64::from(round);
    let Size { width, height } = args.picture;
    if !files.is_empty() {
        files
            .iter()
            .map(|bytes| Ok(picture::changed(bytes, seed)?.into()))
            .collect()
    } else if width == 0 {
        Ok(Vec::new())
    } else {
        Ok(vec![picture::jpeg(width, height, seed)?.into()])
    }
}

/// A question whose first digits differ from run to run, so that no cache holds its beginning.
fn digits(round: u32) -> String {
    let number = format!("{round:0QUESTION_DIGITS$}");
    number.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_asks_18_digits_of_its_own() {
        assert_eq!(digits(0).len(), 18);
        assert_eq!(digits(12), "210000000000000000");
    }

    #[test]
    fn a_size_is_two_edges_or_no_picture_at_all() {
        assert_eq!(
            "1024x768".parse(),
            Ok(Size {
                width: 1024,
                height: 768
            })
        );
        assert_eq!(
            "0x0".parse(),
            Ok(Size {
                width: 0,
                height: 0
            })
        );
        for wrong in [
            "",
            "1024",
            "0x768",
            "1024x0",
            "-1x5",
            "9000x10",
            "1024x768x3",
            "axb",
        ] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
