//! Starting kernels.

use bytemuck::NoUninit;

use crate::backend::Cuda;
use crate::driver::Launch;

/// How many threads, in which blocks, with how much dynamic shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) grid: [u32; 3],
    pub(crate) threads: u32,
    pub(crate) shared: u32,
}

impl Shape {
    /// Blocks in one row, without dynamic shared memory.
    pub(crate) fn new(blocks: usize, threads: u32) -> Self {
        Self {
            grid: [blocks as u32, 1, 1],
            threads,
            shared: 0,
        }
    }

    /// One thread for each of `count` values.
    pub(crate) fn each(count: usize, threads: u32) -> Self {
        Self::new(count.div_ceil(threads as usize), threads)
    }
}

impl Cuda {
    /// Starts a kernel. `params` is the kernel's own struct: the same fields in the same order, addresses as u64.
    /// Nothing is started for an empty grid.
    ///
    /// Panics where the driver refuses: the caller got shapes wrong, or the device is lost.
    pub(crate) fn launch<P: NoUninit>(&self, kernel: &str, shape: Shape, params: &P) {
        if shape.grid.contains(&0) {
            return;
        }
        let launch = Launch {
            kernel,
            grid: shape.grid,
            threads: shape.threads,
            shared: shape.shared,
            params: bytemuck::bytes_of(params),
        };
        // SAFETY: every address in `params` is that of a buffer that the caller holds; buffers go back to the
        // pool only, and what uses the pool's memory next is ordered after this launch. Callers check shapes.
        let outcome = unsafe { self.driver().launch(&launch) };
        self.expect(outcome, format_args!("the GPU did not start {kernel}"));
    }
}
