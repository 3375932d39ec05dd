//! `lookdesk`: answers questions about pictures, on this machine.
//!
//! One file per command. Answers go to stdout, everything else to stderr; the exit status is 0, 1
//! for a failure, 2 for a wrong command line, 130 after Ctrl-C.

#![forbid(unsafe_code)]

mod answerer;
mod ask;
mod bench;
mod command_line;
mod conversation;
mod data;
mod demo;
mod doctor;
mod eval;
mod failure;
mod interrupt;
mod key;
mod messages;
mod options;
mod output;
mod quantity;
mod reply;
mod serve;
mod start;
mod transfer;
mod waiting;

use std::process::ExitCode;

use command_line::Command;

fn main() -> ExitCode {
    let outcome = match command_line::parse() {
        Ok(Command::Ask(args)) => ask::run(&args),
        Ok(Command::Bench(args)) => bench::run(&args),
        Ok(Command::Eval(args)) => eval::run(&args),
        Ok(Command::Doctor(args)) => doctor::run(&args),
        Ok(Command::Serve(args)) => serve::run(&args),
        Ok(Command::Export(args)) => transfer::export(&args),
        Ok(Command::Import(args)) => transfer::import(&args),
        Ok(Command::Key(args)) => key::run(&args),
        Err(told) => return told,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
