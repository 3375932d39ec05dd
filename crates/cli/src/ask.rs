//! `lookdesk ask`: one question about pictures, answered on the terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use engine::sampling::Sampling;
use engine::{Event, FinishReason, Request};

use crate::conversation::{Conversation, bounded, picture_file};
use crate::failure::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::messages;
use crate::options::{ModelOptions, SamplingOptions};
use crate::output::{Output, note};
use crate::waiting::Waiting;
use crate::{reply, start};

/// A question from stdin may be this long.
const QUESTION_BYTES: u64 = 1024 * 1024;

/// Ask a question about pictures
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The question; `-` reads it from stdin
    #[arg(required_unless_present = "messages")]
    pub question: Option<String>,
    /// A picture; may be given several times
    #[arg(long = "image", value_name = "FILE")]
    pub images: Vec<PathBuf>,
    /// Instructions that stand before the conversation
    #[arg(long, value_name = "TEXT", conflicts_with = "messages")]
    pub system: Option<String>,
    /// A conversation as an OpenAI-style message list; QUESTION and pictures follow it when given
    #[arg(long, value_name = "FILE.json")]
    pub messages: Option<PathBuf>,
    /// The longest answer
    #[arg(long, value_name = "N", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: u32,
    /// End the answer before this text; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// Report this many likely alternatives beside each token (with --json)
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=20))]
    pub logprobs: u32,
    /// Print one JSON object instead of the words
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    pub model: ModelOptions,
}

/// Runs the command.
pub fn run(args: &AskArgs) -> Outcome {
    let sampling = args.sampling.over(Sampling::default());
    sampling
        .validate()
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let Conversation { messages, pictures } = conversation(args)?;
    let interrupt = Interrupt::listen()?;
    let handle = start::engine(&args.model)?;
    let request = Request {
        sampling,
        max_tokens: args.max_tokens as usize,
        stop: args.stop.clone(),
        top_logprobs: args.logprobs as usize,
        ..Request::new(messages, pictures)
    };

    let mut output = Output::new();
    let mut waiting = Some(Waiting::new("reading the question"));
    let reply = reply::ask(&handle, request, &interrupt, |event| {
        if let (Event::Delta(delta), false) = (event, args.json) {
            waiting = None;
            output.write(&delta.text)?;
        }
        if let Some(waiting) = &waiting {
            reply::show(waiting, "", event);
        }
        Ok(())
    })?;
    drop(waiting);
    if args.json {
        output.json(&reply.json(handle.info()))?;
    } else {
        output.write("\n")?;
        explain(reply.finished.finish_reason, args.max_tokens);
    }
    match reply.finished.finish_reason {
        FinishReason::Cancelled => Err(Failure::Interrupted),
        _ => Ok(()),
    }
}

/// Says on a terminal why an answer ended before its own end.
fn explain(reason: FinishReason, max_tokens: u32) {
    let text = match reason {
        FinishReason::Length => {
            format!(
                "the answer was cut off by --max-tokens {max_tokens}; a larger number lets it go on"
            )
        }
        FinishReason::Repetition => {
            "the answer was stopped because it repeated itself; ask in other words".to_owned()
        }
        FinishReason::Stop | FinishReason::Cancelled | FinishReason::TimedOut => return,
    };
    if io::stderr().is_terminal() {
        note(&text);
    }
}

/// The conversation of `--messages` or `--system`, and the question with its pictures after it.
fn conversation(args: &AskArgs) -> Outcome<Conversation> {
    let mut conversation = match &args.messages {
        Some(path) => messages::read(path)?,
        None => Conversation::default(),
    };
    if let Some(system) = &args.system {
        conversation.instruct(system);
    }
    let pictures = args
        .images
        .iter()
        .map(|path| picture_file(path))
        .collect::<Result<Vec<_>, _>>()?;
    let question = question(args.question.as_deref())?;
    conversation.ask(pictures, question.as_deref())?;
    Ok(conversation)
}

fn question(argument: Option<&str>) -> Outcome<Option<String>> {
    let text = match argument {
        None => return Ok(None),
        Some("-") => {
            let bytes = bounded(io::stdin().lock(), QUESTION_BYTES)?.ok_or_else(|| {
                Failure::Usage(format!(
                    "the question on stdin is longer than {QUESTION_BYTES} bytes"
                ))
            })?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::Usage("the question on stdin is not UTF-8 text".into()))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        Some(text) => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(Failure::Usage(
            "the question is empty; say what you want to know".into(),
        ));
    }
    Ok(Some(text))
}
