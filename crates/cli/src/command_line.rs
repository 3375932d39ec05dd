//! The command line as a whole, and how a wrong one is told: in one sentence, like every other
//! failure.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::{ask, bench, doctor, eval, key, serve, transfer};

/// Ask questions about pictures, on your own machine
#[derive(Debug, Parser)]
#[command(name = "lookdesk", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(serve::ServeArgs),
    Ask(ask::AskArgs),
    Bench(bench::BenchArgs),
    Eval(eval::EvalArgs),
    Doctor(doctor::DoctorArgs),
    Export(transfer::ExportArgs),
    Import(transfer::ImportArgs),
    Key(key::KeyArgs),
}

/// The command to run, or the exit status after the user has been told something else.
pub fn parse() -> Result<Command, ExitCode> {
    let error = match CommandLine::try_parse() {
        Ok(line) => return Ok(line.command),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away needs no help.
            let _ = error.print();
            Err(ExitCode::SUCCESS)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Err(ExitCode::from(2))
        }
        _ => Err(Failure::Usage(sentence(&error.render().to_string())).report()),
    }
}

/// clap says what is wrong in paragraphs, before a summary of the usage.
fn sentence(rendered: &str) -> String {
    let complaint = rendered.split("\nUsage:").next().unwrap_or(rendered);
    let complaint = complaint
        .split("\nFor more information")
        .next()
        .unwrap_or(complaint);
    let paragraphs: Vec<String> = complaint
        .trim_start_matches("error: ")
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    format!("{}; --help tells more", paragraphs.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn complaint(line: &[&str]) -> String {
        let error = CommandLine::try_parse_from(line).expect_err("a wrong command line");
        sentence(&error.render().to_string())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_is_told_in_one_sentence() {
        assert_eq!(
            complaint(&["lookdesk", "ask"]),
            "the following required arguments were not provided: <QUESTION>; --help tells more"
        );
        let text = complaint(&["lookdesk", "ask", "hello", "--imag", "a.png"]);
        assert!(
            text.starts_with("unexpected argument '--imag' found; "),
            "{text}"
        );
        assert!(text.contains("'--image'") && !text.contains('\n'), "{text}");
    }
}
