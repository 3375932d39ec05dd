//! Threads that share one op after another.
//!
//! A forward pass is hundreds of short parallel regions, so what counts is the time between them: a region is
//! handed out by raising one number, tasks are taken one by one from a counter (a thread that is held up by
//! another program takes fewer), and the caller works too. It never waits for a thread that has not woken yet:
//! such a thread finds the region closed. Threads without work look for it a few microseconds, then sleep.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};

/// Looks for work before a thread sleeps: about 20 microseconds, longer than what lies between two ops.
const LOOKS: u32 = 400;

/// The parts of `Shared::gate`: a region's number above, whether it is closed, how many threads are inside.
const INSIDE: u64 = 0xffff;
const CLOSED: u64 = 0x1_0000;
const NUMBER: u64 = 0x2_0000;

type Task<'a> = dyn Fn(usize) + Sync + 'a;

/// A fixed number of threads, the caller's among them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: usize,
    sleepers: Vec<Thread>,
    workers: Vec<JoinHandle<()>>,
    /// Held by the caller whose region runs.
    region: Mutex<()>,
}

struct Shared {
    gate: AtomicU64,
    /// The region's task function, valid while its gate is open or threads are inside.
    work: AtomicPtr<Work>,
    next: AtomicUsize,
    asleep: AtomicUsize,
    ended: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

struct Work {
    task: *const Task<'static>,
    tasks: usize,
    caller: Thread,
}

thread_local! {
    /// Set while this thread runs a task: a region inside a region is run in place.
    static WORKING: Cell<bool> = const { Cell::new(false) };
}

impl Pool {
    /// Starts `threads - 1` threads; the caller is the last one.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            gate: AtomicU64::new(CLOSED),
            work: AtomicPtr::new(std::ptr::null_mut()),
            next: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut pool = Self {
            shared,
            threads: threads.max(1),
            sleepers: Vec::new(),
            workers: Vec::new(),
            region: Mutex::new(()),
        };
        for index in 1..pool.threads {
            let shared = Arc::clone(&pool.shared);
            let worker = thread::Builder::new()
                .name(format!("cpu-{index}"))
                .spawn(move || shared.serve())?;
            pool.sleepers.push(worker.thread().clone());
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Threads that share a region.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `task(0)` to `task(tasks - 1)`, each once, on all threads, and returns when all are done.
    /// A panic in one of them goes on here once no thread is inside.
    pub(crate) fn run(&self, tasks: usize, task: impl Fn(usize) + Sync) {
        if tasks <= 1 || self.workers.is_empty() || WORKING.get() {
            (0..tasks).for_each(task);
            return;
        }
        let region = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        let task: &Task<'_> = &task;
        // SAFETY: only the lifetime changes. The pointer is followed by threads that got through the open gate,
        // and this function closes the gate and waits for them before `task` ends.
        let task = unsafe { std::mem::transmute::<*const Task<'_>, *const Task<'static>>(task) };
        let mut work = Work {
            task,
            tasks,
            caller: thread::current(),
        };
        shared.next.store(0, Ordering::Relaxed);
        shared.work.store(&raw mut work, Ordering::Relaxed);
        let number = (shared.gate.load(Ordering::Relaxed) & !(NUMBER - 1)).wrapping_add(NUMBER);
        // SeqCst pairs with `sleep`: either this sees the sleeper, or the sleeper sees the open gate.
        shared.gate.store(number, Ordering::SeqCst);
        if shared.asleep.load(Ordering::SeqCst) > 0 {
            self.sleepers.iter().for_each(Thread::unpark);
        }
        shared.work_on(&work);
        let mut state = shared.gate.fetch_or(CLOSED, Ordering::AcqRel);
        let mut looks = 0;
        while state & INSIDE != 0 {
            looks += 1;
            if looks < 16 * LOOKS {
                std::hint::spin_loop();
            } else {
                thread::park_timeout(std::time::Duration::from_millis(1));
            }
            state = shared.gate.load(Ordering::Acquire);
        }
        let panic = shared.take_panic();
        drop(region);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Runs `task` on each of `parts`.
    pub(crate) fn run_each<T: Send>(&self, parts: Vec<T>, task: impl Fn(T) + Sync) {
        let parts: Vec<Mutex<Option<T>>> = parts.into_iter().map(|p| Mutex::new(Some(p))).collect();
        self.run(parts.len(), |index| {
            let part = parts[index]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(part) = part {
                task(part);
            }
        });
    }

    /// Cuts `values` into pieces of `size` (the last may be shorter) and runs `task(index, piece)` on each.
    pub(crate) fn run_chunks<T: Send>(
        &self,
        values: &mut [T],
        size: usize,
        task: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let pieces = values.chunks_mut(size.max(1)).enumerate().collect();
        self.run_each(pieces, |(index, piece)| task(index, piece));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.sleepers.iter().for_each(Thread::unpark);
        for worker in self.workers.drain(..) {
            // Its tasks' panics were caught; there is nothing to report.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// What a thread of the pool does until the pool ends.
    fn serve(&self) {
        let mut seen = 0;
        while let Some(state) = self.await_region(seen) {
            seen = state & !(NUMBER - 1);
            let entered =
                self.gate
                    .compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed);
            if entered.is_err() {
                // Another thread entered, or the region closed: look again.
                seen = seen.wrapping_sub(NUMBER);
                continue;
            }
            // SAFETY: the gate was open and this thread is counted as inside, so the caller waits in `run`, where
            // the `Work` lives.
            let work = unsafe { &*self.work.load(Ordering::Relaxed) };
            self.work_on(work);
            let caller = work.caller.clone();
            let state = self.gate.fetch_sub(1, Ordering::AcqRel);
            if state & CLOSED != 0 && state & INSIDE == 1 {
                caller.unpark();
            }
        }
    }

    /// The gate of an open region other than `seen`; `None` when the pool ends.
    fn await_region(&self, seen: u64) -> Option<u64> {
        let mut looks = 0;
        loop {
            let state = self.gate.load(Ordering::Acquire);
            if state & CLOSED == 0 && state & !(NUMBER - 1) != seen {
                return Some(state);
            }
            if self.ended.load(Ordering::Relaxed) {
                return None;
            }
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                self.sleep(seen);
            }
        }
    }

    fn sleep(&self, seen: u64) {
        self.asleep.fetch_add(1, Ordering::SeqCst);
        let state = self.gate.load(Ordering::SeqCst);
        let open = state & CLOSED == 0 && state & !(NUMBER - 1) != seen;
        if !open && !self.ended.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }

    fn work_on(&self, work: &Work) {
        let before = WORKING.replace(true);
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= work.tasks {
                break;
            }
            // SAFETY: see `run`: the function lives until every thread inside has left.
            let task = unsafe { &*work.task };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task(index))) {
                self.panic
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(panic);
                // Nobody starts another task.
                self.next.store(work.tasks, Ordering::Relaxed);
            }
        }
        WORKING.set(before);
    }

    fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn every_task_runs_once_whatever_the_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads).expect("threads");
            for tasks in [0, 1, 2, 7, 1000] {
                let counts: Vec<AtomicU32> = (0..tasks).map(|_| AtomicU32::new(0)).collect();
                pool.run(tasks, |index| {
                    counts[index].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn thousands_of_regions_follow_each_other_with_and_without_pauses() {
        let pool = Pool::new(4).expect("threads");
        let sum = AtomicUsize::new(0);
        for region in 0..5000 {
            pool.run(5, |index| {
                sum.fetch_add(index, Ordering::Relaxed);
            });
            if region % 500 == 0 {
                thread::sleep(std::time::Duration::from_millis(2));
            }
        }
        assert_eq!(sum.into_inner(), 5000 * 10);
    }

    #[test]
    fn several_callers_take_turns() {
        let pool = Pool::new(3).expect("threads");
        let sum = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        pool.run(3, |_| {
                            sum.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 500 * 3);
    }

    #[test]
    fn a_region_inside_a_region_runs_in_place() {
        let pool = Pool::new(2).expect("threads");
        let sum = AtomicUsize::new(0);
        pool.run(4, |_| {
            pool.run(3, |_| {
                sum.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), 12);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = Pool::new(3).expect("threads");
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.run(50, |index| assert_ne!(index, 20, "a task fails"));
        }));
        assert!(caught.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(50, |_| {
            sum.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 50);
    }
}
