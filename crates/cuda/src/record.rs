//! What comes again is recorded: the launches of a decode step, hundreds of short kernels, are started at one
//! stroke.
//!
//! A driver between the device and its users. While somebody gathers, launches are written down instead of started.
//! When the gathering ends, or anything but a launch is asked, what was written down is done: started one by
//! one the first time, recorded the second, replayed from then on. It is compared with what was recorded byte by
//! byte: kernels, grids, every address and number. So whatever a recording depends on, it is never replayed for
//! anything else, and nobody has to say what that is. Its memory is the memory that the present launches
//! name, so it stands.
//!
//! Gathering costs the host a copy of about 100 bytes per launch; starting one costs it 2 to 4 microseconds
//! (estimated from what others publish).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::driver::{Address, Driver, DriverError, Graph, Launch, Properties};

/// Recordings kept: step sizes that take turns, each with a few lengths.
const MOST_RECORDINGS: usize = 32;
/// Sequences remembered that came once. Few: what comes again comes soon.
const MOST_SEEN: usize = 8;
/// Shorter sequences are not worth a recording.
const FEWEST_LAUNCHES: usize = 8;

/// How often launches came one by one, were recorded, were replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recordings {
    /// Sequences recorded.
    pub recorded: u64,
    /// Sequences replayed.
    pub replayed: u64,
    /// Launches started one by one.
    pub launched: u64,
}

/// A driver that records what comes again.
pub(crate) struct Recorder {
    driver: Arc<dyn Driver>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many bodies are gathering, one inside the other.
    gathering: usize,
    tape: Tape,
    /// The newest first.
    seen: VecDeque<Tape>,
    /// The last used first.
    recordings: VecDeque<(Tape, Graph)>,
    /// The driver does not record.
    refused: bool,
    count: Recordings,
}

/// Launches, written one after another.
#[derive(Default, PartialEq, Eq)]
struct Tape {
    launches: usize,
    bytes: Vec<u8>,
}

impl Tape {
    fn push(&mut self, launch: &Launch<'_>) {
        let [x, y, z] = launch.grid;
        let (name, params) = (launch.kernel.as_bytes(), launch.params);
        let lengths = [name.len() as u32, params.len() as u32];
        for number in [x, y, z, launch.threads, launch.shared]
            .into_iter()
            .chain(lengths)
        {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(params);
        self.launches += 1;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.launches = 0;
    }

    fn launches(&self) -> impl Iterator<Item = Launch<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (head, after) = rest.split_at_checked(7 * size_of::<u32>())?;
            let number = |index: usize| {
                let bytes = head[4 * index..].first_chunk().copied();
                u32::from_le_bytes(bytes.unwrap_or_default())
            };
            let (name, after) = after.split_at(number(5) as usize);
            let (params, after) = after.split_at(number(6) as usize);
            rest = after;
            Some(Launch {
                kernel: std::str::from_utf8(name).unwrap_or_default(),
                grid: [number(0), number(1), number(2)],
                threads: number(3),
                shared: number(4),
                params,
            })
        })
    }
}

impl Recorder {
    pub(crate) fn new(driver: Arc<dyn Driver>) -> Self {
        Self {
            driver,
            state: Mutex::default(),
        }
    }

    pub(crate) fn recordings(&self) -> Recordings {
        self.state().count
    }

    /// Gathers the launches of `body`. Where it fails half way nothing of what is still written down is started.
    pub(crate) fn gather(&self, body: impl FnOnce()) -> Result<(), DriverError> {
        struct Gathering<'a>(&'a Recorder);
        impl Drop for Gathering<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state();
                state.gathering -= 1;
                if std::thread::panicking() {
                    state.tape.clear();
                }
            }
        }
        self.state().gathering += 1;
        let gathering = Gathering(self);
        body();
        drop(gathering);
        let mut state = self.state();
        match state.gathering {
            0 => self.play(&mut state),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is written down. To be called before anything but a launch. Who gets the lock keeps it until the driver
    /// has been asked: what another thread asks while the queue records would be recorded, or break the recording.
    fn settled(&self) -> Result<MutexGuard<'_, State>, DriverError> {
        let mut state = self.state();
        self.play(&mut state)?;
        Ok(state)
    }

    fn play(&self, state: &mut State) -> Result<(), DriverError> {
        if state.tape.launches == 0 {
            return Ok(());
        }
        let mut tape = std::mem::take(&mut state.tape);
        let short = tape.launches < FEWEST_LAUNCHES;
        if short || state.refused {
            let outcome = self.start(&tape, &mut state.count);
            tape.clear();
            state.tape = tape;
            return outcome;
        }
        if let Some(at) = state.recordings.iter().position(|(own, _)| *own == tape) {
            tape.clear();
            state.tape = tape;
            return self.replay(state, at);
        }
        let Some(at) = state.seen.iter().position(|own| *own == tape) else {
            let outcome = self.start(&tape, &mut state.count);
            state.seen.push_front(tape);
            state.seen.truncate(MOST_SEEN);
            return outcome;
        };
        state.seen.remove(at);
        match self.record(&tape) {
            Ok(graph) => {
                state.count.recorded += 1;
                if state.recordings.len() == MOST_RECORDINGS
                    && let Some((_, oldest)) = state.recordings.pop_back()
                {
                    self.driver.forget(oldest);
                }
                state.recordings.push_front((tape, graph));
                self.replay(state, 0)
            }
            Err(error) => {
                state.refused = true;
                tracing::warn!(%error, "the GPU records no steps; every kernel is started by itself, which takes longer");
                self.start(&tape, &mut state.count)
            }
        }
    }

    /// Starts one launch after another.
    fn start(&self, tape: &Tape, count: &mut Recordings) -> Result<(), DriverError> {
        count.launched += tape.launches as u64;
        tape.launches().try_for_each(|launch| {
            // SAFETY: what the caller of `launch` promised; what would have made it untrue was kept waiting.
            unsafe { self.driver.launch(&launch) }
        })
    }

    fn record(&self, tape: &Tape) -> Result<Graph, DriverError> {
        self.driver.start_recording()?;
        let launched = tape.launches().try_for_each(|launch| {
            // SAFETY: as in `start`.
            unsafe { self.driver.launch(&launch) }
        });
        let graph = self.driver.stop_recording();
        match (launched, graph) {
            (Ok(()), graph) => graph,
            (Err(error), graph) => {
                if let Ok(graph) = graph {
                    self.driver.forget(graph);
                }
                Err(error)
            }
        }
    }

    fn replay(&self, state: &mut State, at: usize) -> Result<(), DriverError> {
        let Some(used) = state.recordings.remove(at) else {
            return Ok(());
        };
        // SAFETY: it does what the launches just gathered would, which name memory that stands.
        let outcome = unsafe { self.driver.replay(&used.1) };
        state.recordings.push_front(used);
        state.count.replayed += 1;
        outcome
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let recordings = std::mem::take(&mut self.state().recordings);
        for (_, graph) in recordings {
            self.driver.forget(graph);
        }
    }
}

impl Driver for Recorder {
    fn properties(&self) -> &Properties {
        self.driver.properties()
    }

    fn free_memory(&self) -> Result<u64, DriverError> {
        self.driver.free_memory()
    }

    fn allocate(&self, bytes: u64) -> Result<Address, DriverError> {
        self.driver.allocate(bytes)
    }

    unsafe fn release(&self, address: Address) {
        // A launch that could not be started is told of by whoever asks next for something that can fail.
        let mut state = self.state();
        if let Err(error) = self.play(&mut state) {
            tracing::error!(%error, "the GPU did not start a kernel");
        }
        // SAFETY: the caller's promise; what was written down has been started.
        unsafe { self.driver.release(address) };
    }

    unsafe fn write(&self, to: Address, bytes: &[u8]) -> Result<(), DriverError> {
        let _state = self.settled()?;
        // SAFETY: the caller's promise.
        unsafe { self.driver.write(to, bytes) }
    }

    unsafe fn read(&self, from: Address, bytes: &mut [u8]) -> Result<(), DriverError> {
        let _state = self.settled()?;
        // SAFETY: the caller's promise.
        unsafe { self.driver.read(from, bytes) }
    }

    unsafe fn copy(&self, from: Address, to: Address, bytes: u64) -> Result<(), DriverError> {
        let _state = self.settled()?;
        // SAFETY: the caller's promise.
        unsafe { self.driver.copy(from, to, bytes) }
    }

    unsafe fn zero(&self, at: Address, bytes: u64) -> Result<(), DriverError> {
        let _state = self.settled()?;
        // SAFETY: the caller's promise.
        unsafe { self.driver.zero(at, bytes) }
    }

    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<(), DriverError> {
        let mut state = self.state();
        if state.gathering > 0 {
            state.tape.push(launch);
            return Ok(());
        }
        state.count.launched += 1;
        // SAFETY: the caller's promise.
        unsafe { self.driver.launch(launch) }
    }

    fn start_recording(&self) -> Result<(), DriverError> {
        let _state = self.settled()?;
        self.driver.start_recording()
    }

    fn stop_recording(&self) -> Result<Graph, DriverError> {
        let _state = self.settled()?;
        self.driver.stop_recording()
    }

    unsafe fn replay(&self, graph: &Graph) -> Result<(), DriverError> {
        let _state = self.settled()?;
        // SAFETY: the caller's promise.
        unsafe { self.driver.replay(graph) }
    }

    fn forget(&self, graph: Graph) {
        self.driver.forget(graph);
    }
}
