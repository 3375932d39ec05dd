//! Activations in ordinary memory: what the reference backend and the CPU backend both use.

use std::ops::Range;

/// `[rows, columns]` of float32, row-major, in a buffer that never grows.
#[derive(Debug, Clone)]
pub struct HostTensor {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl HostTensor {
    /// Zeros, all in use. The pages of a large tensor are only taken when first written.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            values: vec![0.0; rows * columns],
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

    /// Declares how much is in use. Panics beyond the room the tensor was made with.
    pub fn shape(&mut self, rows: usize, columns: usize) {
        assert!(
            rows * columns <= self.values.len(),
            "a tensor made for {} values cannot hold {rows} x {columns}",
            self.values.len()
        );
        (self.rows, self.columns) = (rows, columns);
    }

    /// The values in use.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.rows * self.columns]
    }

    /// The values in use, to write.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.rows * self.columns]
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values()[row * self.columns..][..self.columns]
    }

    /// One row, to write.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let columns = self.columns;
        &mut self.values_mut()[row * columns..][..columns]
    }

    /// Some rows.
    pub fn rows_at(&self, rows: Range<usize>) -> &[f32] {
        &self.values()[rows.start * self.columns..rows.end * self.columns]
    }
}
