//! What contributors run: `cargo xtask check`, `cargo xtask load`, `cargo xtask openapi` and `cargo xtask ptx`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a command line speaks to its terminal")]

mod check;
mod load;
mod openapi;
mod ptx;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run everything that a change must pass: format, clippy, docs, tests,
    /// the dependency audit and the web checks.
    Check,
    /// Let many clients, and bad ones, loose on the program, and see that it stands.
    Load(load::LoadOptions),
    /// Write the API's description to web/openapi.json.
    Openapi,
    /// Compile the GPU kernels; needs Python and a network the first time.
    Ptx(ptx::PtxOptions),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Check => check::run(),
        Task::Load(options) => load::run(&options),
        Task::Openapi => openapi::write().map_err(|error| error.to_string()),
        Task::Ptx(options) => ptx::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
