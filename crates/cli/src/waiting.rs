//! The line a person sees while nothing else happens: what is being done, and for how long already.
//! Only on a terminal, only after a second, and gone without a trace when the wait is over.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A wait shorter than this is not worth a word.
const SILENT_FOR: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

/// A wait that is going on.
pub struct Waiting {
    bar: ProgressBar,
    /// Dropped to say that the wait is over.
    over: Option<Sender<()>>,
    shows: Option<JoinHandle<()>>,
}

impl Waiting {
    /// Begins to wait for something without a measure.
    pub fn new(what: impl Into<String>) -> Self {
        Self::with_bar(
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            what,
        )
    }

    /// Begins to wait for `total` of something.
    pub fn counted(what: impl Into<String>, total: u64) -> Self {
        let waiting = Self::with_bar(
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()),
            what,
        );
        waiting.measured();
        waiting
    }

    fn with_bar(bar: ProgressBar, what: impl Into<String>) -> Self {
        bar.set_message(what.into());
        bar.set_style(style("{spinner} {msg} ({elapsed})"));
        let mut waiting = Self {
            bar,
            over: None,
            shows: None,
        };
        if stderr().is_terminal() {
            let (over, wait_over) = channel::<()>();
            let bar = waiting.bar.clone();
            waiting.over = Some(over);
            waiting.shows = Some(thread::spawn(move || {
                if wait_over.recv_timeout(SILENT_FOR) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(TICK);
                }
            }));
        }
        waiting
    }

    /// Another thing is being done now, without a measure. Saying the same again draws nothing.
    pub fn now(&self, what: impl Into<String>) {
        let what = what.into();
        if self.bar.length().is_some() || self.bar.message() != what {
            self.bar.unset_length();
            self.bar.set_style(style("{spinner} {msg} ({elapsed})"));
            self.bar.set_message(what);
        }
    }

    /// How far the thing being done is.
    pub fn progress(&self, what: impl Into<String>, done: u64, total: u64) {
        if self.bar.length() != Some(total) {
            self.bar.set_length(total);
            self.measured();
        }
        self.bar.set_message(what.into());
        self.bar.set_position(done);
    }

    fn measured(&self) {
        self.bar
            .set_style(style("{spinner} {msg} {bar:24} {pos}/{len} ({elapsed})"));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(shows) = self.shows.take() {
            // It only draws; a panic there has been reported already.
            let _ = shows.join();
        }
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
