//! What the device can do at most, measured. Kernels: `kernels/ceiling.cu`.

use std::time::Instant;

use bytemuck::NoUninit;
use ops::{BackendError, Ceiling};

use crate::backend::{Cuda, Precision};
use crate::launch::Shape;
use crate::memory::Buffer;

/// How long the probes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Steps of every warp, eight products each: some milliseconds.
    pub steps: u32,
    /// Bytes that are read: many times what the cache of a device holds.
    pub bytes: u64,
    /// The best of so many counts.
    pub tries: usize,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            steps: 40_000,
            bytes: 2 << 30,
            tries: 5,
        }
    }
}

const THREADS: u32 = 256;
const WARPS: u64 = THREADS as u64 / 32;
/// Of one step of one warp.
const STEP_OPERATIONS: u64 = 8 * 2 * 16 * 8 * 16;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Products {
    out: u64,
    steps: u32,
    never: u32,
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Read {
    from: u64,
    out: u64,
    chunks: u64,
    never: u64,
}

impl Cuda {
    /// Measures; takes less than a second and gives its memory back. Tensor cores are what products of many
    /// rows use in every precision but float32, which this says nothing about.
    pub fn ceiling(&self, probe: Probe) -> Result<Ceiling, BackendError> {
        let out = self.buffer(u64::from(THREADS) * 4, "a measurement")?;
        let memory = self.buffer(probe.bytes.max(16), "a measurement")?;
        memory.zero();
        let multiprocessors = self.driver().properties().multiprocessors as usize;
        let blocks = multiprocessors * 2;
        let products = Products {
            out: out.address(),
            steps: probe.steps,
            never: 0,
        };
        let multiplying = best(&out, probe.tries, || {
            self.launch("ceiling_products", Shape::new(blocks, THREADS), &products);
        });
        let read = Read {
            from: memory.address(),
            out: out.address(),
            chunks: memory.bytes() / 16,
            never: 0,
        };
        let reading = best(&out, probe.tries, || {
            self.launch(
                "ceiling_read",
                Shape::new(multiprocessors * 8, THREADS),
                &read,
            );
        });
        let operations = blocks as u64 * WARPS * u64::from(probe.steps) * STEP_OPERATIONS;
        Ok(Ceiling {
            operands: match self.precision() {
                Precision::F32 => "tiles of bfloat16, which f32 does not use",
                _ => "tiles of bfloat16",
            },
            operations_per_s: operations as f64 / multiplying,
            bytes_per_s: memory.bytes() as f64 / reading,
        })
    }
}

/// Seconds of the quickest try, from the start of the launch until a value of `out` is here.
fn best(out: &Buffer, tries: usize, launch: impl Fn()) -> f64 {
    let wait = || out.read(0, &mut [0; 4]);
    let time = || {
        wait();
        let started = Instant::now();
        launch();
        wait();
        started.elapsed().as_secs_f64()
    };
    (0..tries.max(1))
        .map(|_| time())
        .fold(f64::INFINITY, f64::min)
}
