//! Activations on a device.

use crate::driver::Address;
use crate::memory::Buffer;

/// `[rows, columns]` of float32, row-major, in a buffer that never grows.
pub struct CudaTensor {
    pub(crate) buffer: Buffer,
    rows: usize,
    columns: usize,
}

impl CudaTensor {
    pub(crate) fn new(buffer: Buffer, rows: usize, columns: usize) -> Self {
        Self {
            buffer,
            rows,
            columns,
        }
    }

    /// Rows in use.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values per row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Values in use.
    pub(crate) fn count(&self) -> usize {
        self.rows * self.columns
    }

    pub(crate) fn address(&self) -> Address {
        self.buffer.address()
    }

    pub(crate) fn shape(&mut self, rows: usize, columns: usize) {
        let room = self.buffer.bytes() / size_of::<f32>() as u64;
        assert!(
            (rows * columns) as u64 <= room,
            "a tensor made for {room} values cannot hold {rows} x {columns}"
        );
        (self.rows, self.columns) = (rows, columns);
    }
}
