//! How a command ends badly: one readable sentence on stderr and an exit status.
//!
//! 2 says the command line was wrong, 1 that the work failed, 130 that Ctrl-C ended it. A reader
//! that went away (`lookdesk ask ... | head`) is no failure.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command stopped before it was done.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be.
    Usage(String),
    /// The work itself failed.
    Failed(String),
    /// The user pressed Ctrl-C.
    Interrupted,
    /// Whoever read our output has closed it.
    PipeClosed,
}

/// What commands return.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failed piece of work, with the causes of the error in the same sentence.
    pub fn of(error: &dyn Error) -> Self {
        Self::Failed(sentence(error))
    }

    /// The same failure, beginning with where it happened.
    pub fn at(place: impl std::fmt::Display, error: &dyn Error) -> Self {
        Self::Failed(format!("{place}: {}", sentence(error)))
    }

    /// Says it on stderr and gives the exit status.
    pub fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Usage(text) => (text, 2),
            Self::Failed(text) => (text, 1),
            Self::Interrupted => return ExitCode::from(130),
            Self::PipeClosed => return ExitCode::SUCCESS,
        };
        // Nothing is left to be told when stderr itself is gone.
        let _ = writeln!(io::stderr().lock(), "lookdesk: {text}");
        ExitCode::from(code)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// An error and its causes in one line; a cause that the text names already is not said twice.
pub fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    // A message of several lines (a parser's excerpt, say) would no longer be one sentence.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the box")]
    struct Outer {
        source: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the key\nis lost")]
    struct Inner;

    #[derive(Debug, thiserror::Error)]
    #[error("picture 1: {source}")]
    struct Naming {
        source: Inner,
    }

    #[test]
    fn causes_join_the_sentence() {
        assert_eq!(
            sentence(&Outer { source: Inner }),
            "cannot open the box: the key is lost"
        );
    }

    #[test]
    fn a_cause_named_already_is_not_repeated() {
        assert_eq!(
            sentence(&Naming { source: Inner }),
            "picture 1: the key is lost"
        );
    }
}
