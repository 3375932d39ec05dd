//! `lookdesk key`: the keys that a desk open to others asks for.

use clap::{Args, Subcommand};
use server::access::keys::new_key;

use crate::failure::{Failure, Outcome};
use crate::output::{Output, note};

/// Make keys for a desk that others can reach
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    task: KeyTask,
}

#[derive(Debug, Subcommand)]
enum KeyTask {
    /// Make a key: itself on stderr, shown only now; its line for the key file on stdout
    New {
        /// Whose key it is, such as front-desk
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Runs the command.
pub fn run(args: &KeyArgs) -> Outcome {
    let KeyTask::New { name } = &args.task;
    let made = new_key(name).map_err(|error| Failure::Usage(error.to_string()))?;
    // The line first: a key nobody can come in with helps nobody.
    Output::new().line(&made.line)?;
    note(&format!(
        "the key of {name}, shown only now: {}",
        made.secret
    ));
    Ok(())
}
