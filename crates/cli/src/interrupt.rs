//! Ctrl-C: the first one ends the answer that is being given, so that what was said is kept; a
//! second one, or one while nothing is there to be kept, ends the process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use engine::{Answer, Canceller};

/// The exit status of a program that Ctrl-C ended: 128 and the number of the signal.
const STATUS: i32 = 130;

/// Listens for Ctrl-C for as long as the process lives.
#[derive(Clone)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

struct Shared {
    pressed: AtomicBool,
    /// There are answers to be kept, also while none is being given.
    held: AtomicBool,
    answer: Mutex<Option<Canceller>>,
}

impl Interrupt {
    /// Takes over Ctrl-C.
    pub fn listen() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            pressed: AtomicBool::new(false),
            held: AtomicBool::new(false),
            answer: Mutex::new(None),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let ours = Arc::clone(&shared);
        thread::Builder::new()
            .name("ctrl-c".into())
            .spawn(move || {
                runtime.block_on(async {
                    while tokio::signal::ctrl_c().await.is_ok() {
                        ours.press();
                    }
                });
            })?;
        Ok(Self { shared })
    }

    /// While the guard lives, Ctrl-C cancels this answer.
    pub fn guard(&self, answer: &Answer) -> Guard<'_> {
        *self.shared.current() = Some(answer.canceller());
        Guard(&self.shared)
    }

    /// From now on the first Ctrl-C never ends the process; whoever calls this asks `pressed`
    /// between answers.
    pub fn hold(&self) {
        self.shared.held.store(true, Ordering::Release);
    }

    /// Ctrl-C was pressed.
    pub fn pressed(&self) -> bool {
        self.shared.pressed.load(Ordering::Acquire)
    }
}

impl Shared {
    fn press(&self) {
        let again = self.pressed.swap(true, Ordering::AcqRel);
        match self.current().as_ref() {
            Some(answer) if !again => answer.cancel(),
            None if !again && self.held.load(Ordering::Acquire) => {}
            _ => std::process::exit(STATUS),
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Canceller>> {
        // A canceller is whole whatever its holder was doing when it panicked.
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the watch over one answer when dropped.
pub struct Guard<'a>(&'a Shared);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *self.0.current() = None;
    }
}
