//! What a command says on stdout. Everything else (progress, notes, errors) goes to stderr.

use std::io::{self, ErrorKind, Stdout, Write};

use serde::Serialize;

use crate::failure::{Failure, Outcome};

/// Stdout, where a reader that has gone away ends the command without an error.
pub struct Output(Stdout);

impl Output {
    /// The process's own stdout.
    pub fn new() -> Self {
        Self(io::stdout())
    }

    /// Writes text as it is and shows it at once.
    pub fn write(&mut self, text: &str) -> Outcome {
        let mut stdout = self.0.lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| match error.kind() {
                ErrorKind::BrokenPipe => Failure::PipeClosed,
                _ => Failure::at("cannot write the answer", &error),
            })
    }

    /// Writes one line.
    pub fn line(&mut self, text: &str) -> Outcome {
        self.write(&format!("{text}\n"))
    }

    /// Writes one JSON object, indented, and a newline.
    pub fn json(&mut self, value: &impl Serialize) -> Outcome {
        self.line(&serde_json::to_string_pretty(value)?)
    }
}

/// A remark for the user, on stderr.
pub fn note(text: &str) {
    // A closed stderr cannot be told about.
    let _ = writeln!(io::stderr().lock(), "lookdesk: {text}");
}
