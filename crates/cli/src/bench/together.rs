//! `bench --concurrent N`: N questions at once, each about a picture of its own, as a busy desk has them.
//!
//! What counts then is how many tokens all of them get per second, and how long each waits for its first.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::sampling::Sampling;
use engine::{EngineInfo, Event, Finished, Handle, Request};
use serde::Serialize;

use super::{BenchArgs, question};
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::quantity;
use crate::waiting::Waiting;

/// One run of N questions at once.
#[derive(Debug, Clone, Serialize)]
struct Run {
    /// From the first question to the last word of the last answer.
    wall_ms: f64,
    /// Tokens of all answers, per second of that.
    tokens_per_s: f64,
    /// Tokens of all answers but their first ones, per second between the first word of all and the last.
    decode_tokens_per_s: f64,
    /// Of each question, shortest first.
    ttft_ms: Vec<f64>,
    /// The longest that any of them waited between two words.
    longest_pause_ms: f64,
    drafted_tokens: usize,
    accepted_tokens: usize,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct TogetherJson<'a> {
    concurrent: u32,
    prompt_tokens: usize,
    completion_tokens: usize,
    runs: &'a [Run],
    peak_rss_bytes: u64,
    model: &'a str,
    device: &'a str,
    tier: &'a str,
    precision: &'a str,
}

/// One answer, heard to its end.
struct Heard {
    first: Instant,
    last: Instant,
    longest_pause: Duration,
    finished: Finished,
}

/// Runs the measurement: once to warm up, then as often as was asked for.
pub fn run(args: &BenchArgs, sampling: Sampling, files: &[Arc<[u8]>], handle: &Handle) -> Outcome {
    let mut runs = Vec::new();
    let mut last = None;
    let mut round = 0;
    for run in 0..=args.repeat {
        let about = match run {
            0 => "warming up".to_owned(),
            run => format!("run {run} of {}", args.repeat),
        };
        let _waiting = Waiting::new(about);
        let count = if run == 0 { 1 } else { args.concurrent };
        let mut requests = Vec::new();
        for _ in 0..count {
            let tokens = args.max_tokens as usize;
            requests.push(question(args, sampling, files, round, tokens)?);
            round += 1;
        }
        let started = Instant::now();
        let heard = ask_all(handle, requests)?;
        if run > 0 {
            runs.push(summary(started, &heard));
            last = heard.into_iter().next_back();
        }
    }
    let Some(last) = last else { return Ok(()) };
    let (usage, info) = (last.finished.usage, handle.info());
    let peak_rss_bytes = last.finished.memory.peak_rss_bytes;
    let mut output = Output::new();
    if args.json {
        output.json(&TogetherJson {
            concurrent: args.concurrent,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            runs: &runs,
            peak_rss_bytes,
            model: &info.model,
            device: &info.device,
            tier: &info.tier,
            precision: &info.precision,
        })
    } else {
        let head = format!(
            "{} questions at once, each {} prompt tokens and {} answer tokens",
            args.concurrent, usage.prompt_tokens, usage.completion_tokens
        );
        output.write(&table(&head, &runs, info, peak_rss_bytes))
    }
}

/// Asks all at once and hears all to their ends.
fn ask_all(handle: &Handle, requests: Vec<Request>) -> Outcome<Vec<Heard>> {
    thread::scope(|scope| {
        let asked: Vec<_> = requests
            .into_iter()
            .map(|request| scope.spawn(|| ask(handle, request)))
            .collect();
        let heard = asked.into_iter().map(|thread| {
            let died = |_| Failure::Failed("a question of the measurement broke off".into());
            thread.join().map_err(died)?
        });
        heard.collect()
    })
}

fn ask(handle: &Handle, request: Request) -> Outcome<Heard> {
    let answer = handle
        .submit(request)
        .map_err(|error| Failure::of(&error))?;
    let mut first = None;
    let mut last = Instant::now();
    let mut longest_pause = Duration::ZERO;
    for event in answer {
        match event {
            Event::Delta(_) => {
                let before = std::mem::replace(&mut last, Instant::now());
                if first.is_some() {
                    longest_pause = longest_pause.max(last - before);
                }
                first.get_or_insert(last);
            }
            Event::Finished(finished) => {
                let first = first.unwrap_or(last);
                return Ok(Heard {
                    first,
                    last,
                    longest_pause,
                    finished,
                });
            }
            Event::Failed(why) => return Err(Failure::Failed(why.to_string())),
            Event::Queued { .. } | Event::Reading { .. } | Event::Prefill { .. } => {}
        }
    }
    Err(Failure::Failed(
        "the engine stopped in the middle of an answer".into(),
    ))
}

fn summary(started: Instant, heard: &[Heard]) -> Run {
    let first = heard
        .iter()
        .map(|heard| heard.first)
        .min()
        .unwrap_or(started);
    let last = heard
        .iter()
        .map(|heard| heard.last)
        .max()
        .unwrap_or(started);
    let usage = |of: fn(&Finished) -> usize| heard.iter().map(|heard| of(&heard.finished)).sum();
    let tokens: usize = usage(|finished| finished.usage.completion_tokens);
    let more = tokens.saturating_sub(heard.len());
    let mut ttft_ms: Vec<f64> = heard
        .iter()
        .map(|heard| heard.finished.timings.ttft_ms)
        .collect();
    ttft_ms.sort_by(f64::total_cmp);
    let longest = heard.iter().map(|heard| heard.longest_pause).max();
    let wall_s = (last - started).as_secs_f64();
    Run {
        wall_ms: wall_s * 1e3,
        tokens_per_s: tokens as f64 / wall_s.max(1e-9),
        decode_tokens_per_s: more as f64 / (last - first).as_secs_f64().max(1e-9),
        ttft_ms,
        longest_pause_ms: longest.unwrap_or_default().as_secs_f64() * 1e3,
        drafted_tokens: usage(|finished| finished.usage.drafted_tokens),
        accepted_tokens: usage(|finished| finished.usage.accepted_tokens),
    }
}

fn table(head: &str, runs: &[Run], info: &EngineInfo, peak_rss_bytes: u64) -> String {
    let mut text = format!(
        "{} ({}), {}, {}, {}\n{head}\n\n",
        info.model,
        quantity::parameters(info.parameters),
        info.device,
        info.tier,
        info.precision,
    );
    text.push_str(
        "all answers ms   tokens/s   decode tokens/s   first token ms: first, middle, last   longest pause ms   guesses\n",
    );
    for run in runs {
        let ttft = &run.ttft_ms;
        let at = |place: usize| ttft.get(place).copied().unwrap_or(0.0);
        text.push_str(&format!(
            "{:>14.0} {:>10.2} {:>17.2}   {:>10.0} {:>10.0} {:>13.0} {:>18.0}   {:>4} of {}\n",
            run.wall_ms,
            run.tokens_per_s,
            run.decode_tokens_per_s,
            at(0),
            at(ttft.len() / 2),
            at(ttft.len().saturating_sub(1)),
            run.longest_pause_ms,
            run.accepted_tokens,
            run.drafted_tokens,
        ));
    }
    let peak = quantity::bytes(peak_rss_bytes);
    text.push_str(&format!("\nmemory {peak} at its peak\n"));
    text
}
